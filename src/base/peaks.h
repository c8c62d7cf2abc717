// SPDX-License-Identifier: Apache-2.0
// What one core can do at most, measured: products in registers, and reads from each level of
// memory. The times of kernels are held against it.
#ifndef HEDDLE_BASE_PEAKS_H_
#define HEDDLE_BASE_PEAKS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/isa.h"

namespace heddle::core {

// What the factors of a product are.
enum class Arithmetic : uint8_t {
  kNone,
  kFloat,
  kInt8,
  kInt16,  // int16 by int8
};

struct ProductPeak {
  const char* instruction = "";  // "vpdpbusd zmm"
  Arithmetic arithmetic = Arithmetic::kNone;
  Isa isa = Isa::kPlain;  // the least that has it
  double macs_per_ns = 0;
};

struct ReadPeak {
  const char* level = "";  // "L1", "memory"
  size_t bytes = 0;        // that it holds
  double bytes_per_ns = 0;
};

struct Peaks {
  std::vector<ProductPeak> products;
  std::vector<ReadPeak> reads;  // the nearest level first, memory last

  // The fastest instruction that kernels of `isa` may use; nullptr: none was measured. Plain
  // kernels are held to all that was.
  const ProductPeak* Best(Arithmetic arithmetic, Isa isa) const;
  // The nearest level that holds so many bytes; nullptr: none was measured.
  const ReadPeak* LevelOf(size_t bytes) const;
};

// Of what kernels of `isa`, which is supported, may use. On the calling thread, in some 20 ms and
// 16 MB. What cannot be measured is left out. Asks for AMX's tiles only where `isa` has them.
Peaks MeasurePeaks(Isa isa);

}  // namespace heddle::core

#endif  // HEDDLE_BASE_PEAKS_H_
