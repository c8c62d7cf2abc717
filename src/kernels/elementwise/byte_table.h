// SPDX-License-Identifier: Apache-2.0
// A function of one byte, by its table of 256 values, on runs of elements: one form for each
// instruction set that has shuffles of bytes.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_BYTE_TABLE_H_
#define HEDDLE_KERNELS_ELEMENTWISE_BYTE_TABLE_H_

#include <cstdint>

#include "base/isa.h"

namespace heddle::core {

// out[i] = values[in[i]], i below n; `out` may be `in`.
using ByteTableFn = void (*)(const uint8_t* values, const uint8_t* in, uint8_t* out, int64_t n);

struct ByteTableRun {
  ByteTableFn run;
  const char* name;  // in reports
  float element_ns;
};

// Of AVX-512 one form wants VBMI, which is no part of it: where the CPU lacks that, AVX2's runs.
ByteTableRun ByteTableRunFor(Isa isa);

void LookUpPlain(const uint8_t* values, const uint8_t* in, uint8_t* out, int64_t n);
void LookUpAvx2(const uint8_t* values, const uint8_t* in, uint8_t* out, int64_t n);
void LookUpAvx512Vbmi(const uint8_t* values, const uint8_t* in, uint8_t* out, int64_t n);
void LookUpNeon(const uint8_t* values, const uint8_t* in, uint8_t* out, int64_t n);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_BYTE_TABLE_H_
