// SPDX-License-Identifier: Apache-2.0
// Holds kernels of integer products against sums written out, over all small shapes and over random
// ones. Tests ask for fatal failures afterwards.
#ifndef HEDDLE_KERNELS_GEMM_INT_PRODUCT_FOR_TEST_H_
#define HEDDLE_KERNELS_GEMM_INT_PRODUCT_FOR_TEST_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "base/isa.h"
#include "kernels/gemm/product_for_test.h"
#include "kernels/quant.h"

namespace heddle::core {

// Whether this machine runs its instructions.
inline bool Runs(Isa isa) {
  const auto& isas = SupportedIsas();
  return std::find(isas.begin(), isas.end(), isa) != isas.end();
}

inline constexpr int64_t kPast = 16;  // poisoned bytes after each output row and the scratch

struct ProductSizes {
  int32_t rows, taps;
  int64_t groups, columns;
};

// Rows as the kernels take them: bytes, or bytes widened to int16.
template <class Value>
class IntProduct {
 public:
  IntProduct(const GemmKernels& kernels, const ProductSizes& sizes, uint32_t seed)
      : kernels_(kernels), random_(seed) {
    p_.rows = sizes.rows, p_.taps = sizes.taps, p_.columns = sizes.columns;
    p_.lanes = kernels.lanes, p_.group_k = kernels.group_k;
    p_.k = sizes.groups * p_.group_k;
    p_.a.resize(p_.taps * p_.rows * p_.k);
    p_.weights.resize(p_.columns * p_.taps * p_.k);
    const bool extremes = seed % 5 == 0;
    for (Value& x : p_.a) x = static_cast<Value>(extremes ? 255 : Pick(0, 255));
    for (int8_t& x : p_.weights) x = static_cast<int8_t>(extremes ? -128 : Pick(-128, 127));
    p_.Pack();
    const auto whole = static_cast<size_t>((p_.columns + p_.lanes - 1) / p_.lanes * p_.lanes);
    init_.resize(whole), scale_.resize(whole), bias_.resize(whole);
    row_init_.resize(p_.rows), row_scale_.resize(p_.rows);
    for (int32_t& x : init_) x = Pick(-100000, 155000);
    for (int32_t& x : row_init_) x = Pick(0, 25500);
    for (float& x : scale_) x = static_cast<float>(Pick(1, 256)) * 1e-5f;
    for (float& x : bias_) x = static_cast<float>(Pick(-500, 500)) * 0.01f;
    for (float& x : row_scale_) x = static_cast<float>(Pick(1, 256)) * 1e-3f;
    call_ = p_.Call();
    if (sizeof(Value) == 1 && seed % 2 == 0) call_.flip = 0x80808080;
    call_.init = init_.data(), call_.scale = scale_.data();
    starts_rows_ = seed % 3 != 0;
    products_.resize(p_.rows * p_.columns);
    for (int32_t r = 0; r < p_.rows; ++r)
      for (int64_t c = 0; c < p_.columns; ++c) products_[r * p_.columns + c] = ProductOf(r, c);
  }

  void Check() {
    CheckSums();
    CheckBytes();
    CheckScaled(true), CheckScaled(false);
  }

 private:
  int32_t Pick(int32_t lo, int32_t hi) {
    return std::uniform_int_distribution<int32_t>(lo, hi)(random_);
  }
  // Without what it starts from.
  int32_t ProductOf(int32_t row, int64_t column) const {
    int32_t sum = 0;
    const int64_t depth = p_.taps * p_.k;
    for (int64_t i = 0; i < depth; ++i) {
      const int32_t byte = p_.At(row, i) ^ static_cast<int32_t>(call_.flip & 0xFF);
      sum += (byte - kernels_.row_offset) * p_.weights[column * depth + i];
    }
    return sum;
  }
  int32_t SumOf(int32_t row, int64_t column) const {
    return products_[row * p_.columns + column] + init_[column] +
           (starts_rows_ ? row_init_[row] : 0);
  }

  // Runs a form; `expected` is told row and column and returns what must stand there.
  template <class Out, class F>
  void CheckForm(GemmForm form, GemmCall call, const F& expected) const {
    const int64_t row_bytes = p_.columns * static_cast<int64_t>(sizeof(Out));
    call.out_stride = row_bytes + kPast;
    std::vector<std::byte> bytes(call.out_stride * p_.rows, std::byte{0xA5});
    const int64_t scratch_bytes = kernels_.ScratchBytes(p_.taps * call.groups);
    std::vector<std::byte> scratch(scratch_bytes + kPast, std::byte{0xA5});
    call.out = bytes.data(), call.scratch = scratch.data();
    kernels_.Form(form)(call);
    for (int64_t i = 0; i < kPast; ++i) ASSERT_EQ(scratch[scratch_bytes + i], std::byte{0xA5});
    for (int32_t r = 0; r < p_.rows; ++r) {
      const std::byte* row = bytes.data() + r * call.out_stride;
      for (int64_t c = 0; c < p_.columns; ++c) {
        Out got;
        std::memcpy(&got, row + c * static_cast<int64_t>(sizeof(Out)), sizeof(Out));
        ASSERT_EQ(got, expected(r, c)) << "row " << r << " column " << c;
      }
      for (int64_t i = 0; i < kPast; ++i) ASSERT_EQ(row[row_bytes + i], std::byte{0xA5});
    }
  }
  void CheckSums() const {
    SCOPED_TRACE("sums");
    GemmCall call = call_;
    if (starts_rows_) call.row_init = row_init_.data();
    CheckForm<int32_t>(GemmForm::kIntSums, call, [&](int32_t r, int64_t c) { return SumOf(r, c); });
  }
  void CheckBytes() const {
    SCOPED_TRACE("requantised");
    const FloatRequant requant{100.0f - 7, 7, -90, -128, 127};
    GemmCall call = call_;
    if (starts_rows_) call.row_init = row_init_.data();
    call.lo = static_cast<float>(requant.lo - requant.zero);
    call.hi = requant.hi_minus_zero, call.zero = requant.zero;
    CheckForm<int8_t>(GemmForm::kIntRequant, call, [&](int32_t r, int64_t c) {
      return RequantFloat(SumOf(r, c), scale_[c], requant);
    });
  }
  void CheckScaled(bool fused) const {
    SCOPED_TRACE(fused ? "scaled, fused" : "scaled");
    GemmCall call = call_;
    call.row_init = row_init_.data();
    call.row_scale = row_scale_.data(), call.bias = bias_.data();
    call.fused = fused;
    call.lo = -40, call.hi = 50;
    CheckForm<float>(GemmForm::kIntScaled, call, [&](int32_t r, int64_t c) {
      const auto start = static_cast<uint32_t>(init_[c]) * static_cast<uint32_t>(row_init_[r]);
      const auto sum =
          static_cast<int32_t>(start + static_cast<uint32_t>(products_[r * p_.columns + c]));
      const auto x = static_cast<float>(sum);
      const float y = fused ? std::fma(x * row_scale_[r], scale_[c], bias_[c])
                            : x * (row_scale_[r] * scale_[c]) + bias_[c];
      return std::min(std::max(y, call.lo), call.hi);
    });
  }

  const GemmKernels& kernels_;
  std::mt19937 random_;
  Product<Value, int8_t> p_;
  std::vector<int32_t> init_, row_init_, products_;
  std::vector<float> scale_, bias_, row_scale_;
  GemmCall call_;
  bool starts_rows_ = false;
};

inline void CheckProduct(const GemmKernels& kernels, const ProductSizes& s, uint32_t seed) {
  SCOPED_TRACE(testing::Message() << s.rows << " rows of " << s.taps << " taps of " << s.groups
                                  << " groups, " << s.columns << " columns, seed " << seed);
  if (kernels.group_k == 4) {
    IntProduct<uint8_t>(kernels, s, seed).Check();
  } else {
    IntProduct<uint16_t>(kernels, s, seed).Check();
  }
}

// Every number of rows with every place where a panel, a pair of them or a run of groups may end.
inline void CheckSmallShapes(const GemmKernels& kernels) {
  const int64_t lanes = kernels.lanes;
  uint32_t seed = 0;
  for (int32_t rows = 1; rows <= kernels.max_rows; ++rows) {
    for (const int32_t taps : {1, 2}) {
      for (const int64_t groups : {1, 2, 3, 4, 5}) {
        for (const int64_t columns : {int64_t{1}, lanes - 1, lanes, 2 * lanes + 1, 4 * lanes + 3}) {
          CheckProduct(kernels, {rows, taps, groups, columns}, ++seed);
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
}

inline void CheckRandomShapes(const GemmKernels& kernels) {
  for (uint32_t seed = 0; seed < 200 && !testing::Test::HasFatalFailure(); ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int32_t lo, int32_t hi) {
      return std::uniform_int_distribution<int32_t>(lo, hi)(random);
    };
    const int32_t rows = pick(1, kernels.max_rows), taps = pick(1, 3);
    CheckProduct(kernels, {rows, taps, pick(1, 40), pick(1, 5 * kernels.lanes + 1)}, seed);
  }
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_INT_PRODUCT_FOR_TEST_H_
