// SPDX-License-Identifier: Apache-2.0
// numpy's .npy format, versions 1 to 3.
#ifndef HEDDLE_CLI_NPY_H_
#define HEDDLE_CLI_NPY_H_

#include <span>

#include "cli/array.h"
#include "heddle/status.h"

namespace heddle::cli {

// What stands before the data.
struct NpyHead {
  Array array;  // without its data
  bool fortran = false;
  uint64_t bytes = 0;  // of the header itself
};
// From the first bytes of a file; the data need not be there.
Result<NpyHead> ParseNpyHead(std::span<const std::byte> bytes);
// Whether a file of that many bytes holds exactly the data of its header.
Status CheckBody(const NpyHead& head, uint64_t file_bytes);

// Never reads past the bytes, whatever they say. Fortran order becomes C order.
Result<Array> ParseNpy(std::span<const std::byte> bytes);
// Version 1, C order.
std::vector<std::byte> FormatNpy(const Array& array);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_NPY_H_
