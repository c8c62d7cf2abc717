// SPDX-License-Identifier: Apache-2.0
// The parts of reading a model file, one source file each. Everything in a file is hostile until
// one of these has checked it.
#ifndef HEDDLE_MODEL_READER_H_
#define HEDDLE_MODEL_READER_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "model/file_bytes.h"
#include "model/model.h"

namespace heddle::core {

// The fields of a Model that reading fills.
struct ModelParts {
  std::vector<Subgraph>& subgraphs;
  std::vector<Signature>& signatures;
  std::vector<ResourceInfo>& resources;
  std::string& description;
  std::vector<Metadata>& metadata;
  std::vector<AssociatedFile>& files;
};

class ModelReader {
 public:
  static Result<std::shared_ptr<const Model>> Read(FileBytes file);
};

Status ReadModel(FileBytes& file, const ModelParts& parts);

// A name of the file as an error shows it: it may be as long as the file.
inline std::string_view Short(std::string_view name) { return name.substr(0, 120); }

// Puts where it happened before an error: "subgraph 0, " + "op 3 ADD, input 1: tensor index ...".
template <class... A>
Status Within(const Status& status, fmt::format_string<A...> where, A&&... args) {
  if (status.ok()) return status;
  return Status(status.code(), fmt::format("{}, {}", fmt::format(where, std::forward<A>(args)...),
                                           status.message()));
}

}  // namespace heddle::core

#endif  // HEDDLE_MODEL_READER_H_
