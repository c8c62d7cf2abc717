// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/int_gemm_avx2-inl.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {
namespace {

template <bool kFused>
struct FloatAvx2 {
  using Acc = __m256;
  using A = __m256;
  using W = __m256;
  static constexpr int kLanes = 8, kGroupBytes = 32, kMaxRows = 6, kWideRows = 3;

  const GemmCall& call;
  explicit FloatAvx2(const GemmCall& c) : call(c) {}

  __m256 Bias(int64_t column) const {
    return _mm256_loadu_ps(static_cast<const float*>(call.init) + column);
  }
  Acc Init(int, int64_t column) const { return kFused ? Bias(column) : _mm256_setzero_ps(); }
  A Row(const std::byte* a) const {
    float x;
    __builtin_memcpy(&x, a, 4);
    return _mm256_set1_ps(x);
  }
  W Weights(const std::byte* w) const { return _mm256_loadu_ps(reinterpret_cast<const float*>(w)); }
  Acc Dot(Acc acc, A a, W w) const {
    if constexpr (kFused) return _mm256_fmadd_ps(a, w, acc);
    return _mm256_add_ps(acc, _mm256_mul_ps(a, w));
  }
  void Store(Acc acc, int row, int64_t column, int64_t count) const {
    if constexpr (!kFused) acc = _mm256_add_ps(acc, Bias(column));
    // The operand order keeps a NaN.
    acc = _mm256_min_ps(_mm256_set1_ps(call.hi), _mm256_max_ps(_mm256_set1_ps(call.lo), acc));
    StoreFloats(reinterpret_cast<float*>(call.out + row * call.out_stride) + column, acc, count);
  }
};

// Rows are int16: the bytes widened.
template <GemmForm kForm>
struct Pairs : IntAvx2<kForm> {
  static constexpr int kGroupBytes = 16;
  using IntAvx2<kForm>::IntAvx2;

  __m256i Row(const std::byte* a) const {
    int32_t pair;
    __builtin_memcpy(&pair, a, 4);
    return _mm256_set1_epi32(pair);
  }
  __m256i Weights(const std::byte* w) const {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w)));
  }
  __m256i Dot(__m256i acc, __m256i a, __m256i w) const {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(a, w));
  }
};

}  // namespace

const GemmKernels kFloatGemmAvx2 = {
    .name = "gemm_f32_avx2",
    .lanes = 8,
    .group_k = 1,
    .max_rows = 6,
    .macs_per_ns = 50,
    .first = &GemmRun<FloatAvx2<true>>,
    .second = &GemmRun<FloatAvx2<false>>,
};
const GemmKernels kIntGemmAvx2 = {
    .name = "gemm_s8_avx2",
    .lanes = 8,
    .group_k = 2,
    .max_rows = 6,
    .macs_per_ns = 70,
    .first = &GemmRun<Pairs<GemmForm::kIntSums>>,
    .second = &GemmRun<Pairs<GemmForm::kIntRequant>>,
    .third = &GemmRun<Pairs<GemmForm::kIntScaled>>,
};

}  // namespace heddle::core
