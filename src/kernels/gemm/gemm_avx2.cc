// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/float_gemm_avx2-inl.h"
#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/int_gemm_avx2-inl.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {
namespace {

template <bool kFused>
struct FloatAvx2 : FloatEight<kFused> {
  using FloatEight<kFused>::FloatEight;
  static constexpr int kMaxRows = 6, kWideRows = 3;
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
