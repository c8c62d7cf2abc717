// SPDX-License-Identifier: Apache-2.0
// Rows of bytes copied one by one from places that an index gives.
#ifndef HEDDLE_KERNELS_MOVEMENT_INDEXED_ROWS_H_
#define HEDDLE_KERNELS_MOVEMENT_INDEXED_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace heddle::core {

// Copies `count` rows of `bytes` each to `out`, one behind the other; row i comes from from(i),
// which may return nullptr to stop. False when it did.
template <size_t N, class F>
bool CopyRowsOf(std::byte* out, int64_t count, size_t bytes, const F& from) {
  const size_t row = N == 0 ? bytes : N;
  for (int64_t i = 0; i < count; ++i) {
    const std::byte* source = from(i);
    if (source == nullptr) return false;
    std::memcpy(out + static_cast<size_t>(i) * row, source, row);
  }
  return true;
}

template <class F>
bool CopyRows(std::byte* out, int64_t count, size_t bytes, const F& from) {
  switch (bytes) {
    case 1:
      return CopyRowsOf<1>(out, count, bytes, from);
    case 2:
      return CopyRowsOf<2>(out, count, bytes, from);
    case 4:
      return CopyRowsOf<4>(out, count, bytes, from);
    case 8:
      return CopyRowsOf<8>(out, count, bytes, from);
    case 16:
      return CopyRowsOf<16>(out, count, bytes, from);
    default:
      return CopyRowsOf<0>(out, count, bytes, from);
  }
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MOVEMENT_INDEXED_ROWS_H_
