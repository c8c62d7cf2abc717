// SPDX-License-Identifier: Apache-2.0
// The zip archive that a model file may end with: label lists, vocabularies.
#ifndef HEDDLE_MODEL_ZIP_H_
#define HEDDLE_MODEL_ZIP_H_

#include <cstddef>
#include <span>
#include <vector>

#include "model/model.h"

namespace heddle::core {

// The files of the archive at the end of `bytes`. None when there is no archive, or a broken one:
// labels are an extra, a model runs without them. Files over 16 MB and files that are encrypted or
// packed in a way other than deflate are left out, and what is past 64 files or 64 MB in all.
std::vector<AssociatedFile> ReadArchive(std::span<const std::byte> bytes);

}  // namespace heddle::core

#endif  // HEDDLE_MODEL_ZIP_H_
