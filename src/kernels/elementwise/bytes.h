// SPDX-License-Identifier: Apache-2.0
// XNNPACK's arithmetic of 8-bit ADD, SUB and MUL, and the forms of it that need an instruction set.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_BYTES_H_
#define HEDDLE_KERNELS_ELEMENTWISE_BYTES_H_

#include <cstdint>

#include "kernels/elementwise/arithmetic.h"

namespace heddle::core {

// One weighted sum, rounded up once. The operators below are inlined wherever they are used, so
// that a file compiled for one instruction set exports no copy of them.
struct AddBytes {
  int32_t ka, kb, bias, shift, zero_out;  // bias: rounding, and both zero points
  int32_t lo, hi;
  [[gnu::always_inline]] int32_t operator()(int32_t a, int32_t b) const {
    const int32_t q = ((bias + a * ka + b * kb) >> shift) + zero_out;
    const int32_t above = q < lo ? lo : q;
    return above > hi ? hi : above;
  }
};

// The exact product times a float, ties to even.
struct MulBytes {
  int32_t zero_a, zero_b, zero_out;
  float k;
  int32_t lo, hi;
  [[gnu::always_inline]] int32_t operator()(int32_t a, int32_t b) const {
    constexpr float kShift = 0x1.8p23f;  // adding it rounds: the sum has no fraction bits
    float y = static_cast<float>((a - zero_a) * (b - zero_b)) * k;
    y = y < -32768.0f ? -32768.0f : y;
    y = y > 32767.0f ? 32767.0f : y;
    const int32_t q = static_cast<int32_t>((y + kShift) - kShift) + zero_out;
    const int32_t above = q < lo ? lo : q;
    return above > hi ? hi : above;
  }
};

void RunBytesAvx2(const AddBytes& f, bool is_signed, const PairRun& run);
void RunBytesAvx2(const MulBytes& f, bool is_signed, const PairRun& run);
void RunBytesAvx512(const AddBytes& f, bool is_signed, const PairRun& run);
void RunBytesAvx512(const MulBytes& f, bool is_signed, const PairRun& run);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_BYTES_H_
