// SPDX-License-Identifier: Apache-2.0
// The product kernels of every ISA of this machine against sums written out.
#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/quant.h"

namespace heddle::core {
namespace {

constexpr int64_t kPast = 16;  // poisoned bytes after each output row

// A product with random operands: `rows` of `taps` times `k` values, packed weights, padded init.
template <class Value, class Weight>
struct Product {
  int32_t rows, taps;
  int64_t k, columns, lanes, group_k;
  std::vector<Value> a;         // [taps][rows][k]
  std::vector<Weight> weights;  // [column][taps * k]
  std::vector<Weight> packed;
  std::vector<const std::byte*> pointers;

  void Pack() {
    const int64_t depth = taps * k, panels = (columns + lanes - 1) / lanes;
    packed.assign(panels * lanes * depth, Weight{0});
    for (int64_t c = 0; c < columns; ++c) {
      for (int64_t i = 0; i < depth; ++i) {
        packed[c / lanes * lanes * depth + i / group_k * group_k * lanes + c % lanes * group_k +
               i % group_k] = weights[c * depth + i];
      }
    }
    for (int32_t i = 0; i < taps * rows; ++i)
      pointers.push_back(reinterpret_cast<const std::byte*>(a.data() + i * k));
  }
  GemmCall Call() const {
    GemmCall call;
    call.a = pointers.data();
    call.rows = rows, call.taps = taps;
    call.groups = k / group_k;
    call.weights = reinterpret_cast<const std::byte*>(packed.data());
    call.panel_bytes = lanes * taps * k * static_cast<int64_t>(sizeof(Weight));
    call.columns = columns;
    return call;
  }
  Value At(int32_t row, int64_t i) const { return a[(i / k * rows + row) * k + i % k]; }
};

template <class Value, class Weight>
Product<Value, Weight> MakeProduct(const GemmKernels& kernels, std::mt19937& random) {
  const auto pick = [&](int32_t lo, int32_t hi) {
    return std::uniform_int_distribution<int32_t>(lo, hi)(random);
  };
  Product<Value, Weight> p;
  p.rows = pick(1, kernels.max_rows), p.taps = pick(1, 3);
  p.group_k = kernels.group_k, p.lanes = kernels.lanes;
  p.k = pick(1, 9) * p.group_k;
  p.columns = pick(1, 5 * kernels.lanes + 1);
  return p;
}

std::vector<Isa> Vectors() {
  std::vector<Isa> isas;
  for (const Isa isa : SupportedIsas())
    if (FloatGemm(isa) != nullptr) isas.push_back(isa);
  return isas;
}

class GemmTest : public testing::TestWithParam<Isa> {};

float SumOf(const Product<float, float>& p, const std::vector<float>& init, int32_t row,
            int64_t column, bool fused) {
  float sum = fused ? init[column] : 0.0f;
  const int64_t depth = p.taps * p.k;
  for (int64_t i = 0; i < depth; ++i) {
    const float x = p.At(row, i), w = p.weights[column * depth + i];
    sum = fused ? std::fma(x, w, sum) : sum + x * w;
  }
  return fused ? sum : sum + init[column];
}

TEST_P(GemmTest, FloatSumsAreOneChainInOrder) {
  const GemmKernels& kernels = *FloatGemm(GetParam());
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> real(-1, 1);
    auto p = MakeProduct<float, float>(kernels, random);
    p.a.resize(p.taps * p.rows * p.k);
    p.weights.resize(p.columns * p.taps * p.k);
    for (float& x : p.a) x = real(random);
    for (float& x : p.weights) x = real(random);
    if (seed % 10 == 0) p.a[0] = std::numeric_limits<float>::quiet_NaN();
    p.Pack();
    std::vector<float> init(p.columns + p.lanes);
    for (float& x : init) x = real(random);
    const bool fused = seed % 2 == 0;
    GemmCall call = p.Call();
    call.init = init.data();
    call.lo = -0.5f, call.hi = 0.75f;
    call.out_stride = p.columns * 4 + kPast;
    std::vector<std::byte> out(call.out_stride * p.rows, std::byte{0xA5});
    call.out = out.data();
    kernels.Form(fused ? GemmForm::kFloatFused : GemmForm::kFloatUnfused)(call);
    for (int32_t r = 0; r < p.rows; ++r) {
      const std::byte* row = out.data() + r * call.out_stride;
      for (int64_t c = 0; c < p.columns; ++c) {
        float got;
        std::memcpy(&got, row + c * 4, 4);
        const float sum = SumOf(p, init, r, c, fused);
        const float expected = std::min(std::max(sum, call.lo), call.hi);
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(got));
        } else {
          ASSERT_EQ(got, expected) << "row " << r << " column " << c << " of " << p.columns;
        }
      }
      for (int64_t i = 0; i < kPast; ++i) ASSERT_EQ(row[p.columns * 4 + i], std::byte{0xA5});
    }
  }
}

// Rows as the kernels of an ISA take them: bytes, or bytes widened to int16.
template <class Value>
void CheckIntegers(const GemmKernels& kernels, uint32_t seed) {
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::uniform_int_distribution<int32_t> byte(0, 255);
  auto p = MakeProduct<Value, int8_t>(kernels, random);
  p.a.resize(p.taps * p.rows * p.k);
  p.weights.resize(p.columns * p.taps * p.k);
  for (Value& x : p.a) x = static_cast<Value>(seed % 5 == 0 ? 255 : byte(random));
  for (int8_t& x : p.weights) x = static_cast<int8_t>(seed % 5 == 0 ? -128 : byte(random) - 128);
  p.Pack();
  GemmCall call = p.Call();
  if (sizeof(Value) == 1 && seed % 2 == 0) call.flip = 0x80808080;
  std::vector<int32_t> init(p.columns + p.lanes), row_init(p.rows);
  std::vector<float> scale(p.columns + p.lanes);
  for (int32_t& x : init) x = byte(random) * 1000 - 100000;
  for (int32_t& x : row_init) x = byte(random) * 100;
  for (float& x : scale) x = static_cast<float>(byte(random) + 1) * 1e-5f;
  FloatRequant requant{100.0f - 7, 7, -90, -128, 127};
  call.init = init.data(), call.scale = scale.data();
  if (seed % 3 != 0) call.row_init = row_init.data();
  call.lo = static_cast<float>(requant.lo - requant.zero);
  call.hi = requant.hi_minus_zero, call.zero = requant.zero;
  std::vector<int32_t> sums(p.rows * p.columns);
  call.out = reinterpret_cast<std::byte*>(sums.data());
  call.out_stride = p.columns * 4;
  kernels.Form(GemmForm::kIntSums)(call);
  call.out_stride = p.columns + kPast;
  std::vector<std::byte> bytes(call.out_stride * p.rows, std::byte{0xA5});
  call.out = bytes.data();
  kernels.Form(GemmForm::kIntRequant)(call);
  for (int32_t r = 0; r < p.rows; ++r) {
    for (int64_t c = 0; c < p.columns; ++c) {
      int32_t sum = init[c] + (call.row_init ? row_init[r] : 0);
      for (int64_t i = 0; i < p.taps * p.k; ++i)
        sum += ((p.At(r, i) ^ static_cast<int32_t>(call.flip & 0xFF)) - kernels.row_offset) *
               p.weights[c * p.taps * p.k + i];
      ASSERT_EQ(sums[r * p.columns + c], sum) << "row " << r << " column " << c;
      ASSERT_EQ(static_cast<int8_t>(bytes[r * call.out_stride + c]),
                RequantFloat(sum, scale[c], requant));
    }
    for (int64_t i = p.columns; i < call.out_stride; ++i)
      ASSERT_EQ(bytes[r * call.out_stride + i], std::byte{0xA5});
  }
}

TEST_P(GemmTest, IntegerSumsAreExact) {
  const GemmKernels& kernels = *IntGemm(GetParam());
  for (uint32_t seed = 0; seed < 200 && !HasFatalFailure(); ++seed) {
    kernels.group_k == 4 ? CheckIntegers<uint8_t>(kernels, seed)
                         : CheckIntegers<uint16_t>(kernels, seed);
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GemmTest);  // on machines without kernels
INSTANTIATE_TEST_SUITE_P(Isas, GemmTest, testing::ValuesIn(Vectors()),
                         [](const auto& instance) { return IsaName(instance.param); });

}  // namespace
}  // namespace heddle::core
