// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/vectors_avx2-inl.h"

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
struct Pairs {
  using Acc = __m256i;
  using A = __m256i;
  using W = __m256i;
  static constexpr int kLanes = 8, kGroupBytes = 16, kMaxRows = 6, kWideRows = 3;

  const GemmCall& call;
  explicit Pairs(const GemmCall& c) : call(c) {}

  Acc Init(int row, int64_t column) const {
    const auto* init = static_cast<const int32_t*>(call.init) + column;
    const __m256i sums = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(init));
    if constexpr (kForm == GemmForm::kIntScaled)
      return _mm256_mullo_epi32(sums, _mm256_set1_epi32(call.row_init[row]));
    if (!call.row_init) return sums;
    return _mm256_add_epi32(sums, _mm256_set1_epi32(call.row_init[row]));
  }
  A Row(const std::byte* a) const {
    int32_t pair;
    __builtin_memcpy(&pair, a, 4);
    return _mm256_set1_epi32(pair);
  }
  W Weights(const std::byte* w) const {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w)));
  }
  Acc Dot(Acc acc, A a, W w) const { return _mm256_add_epi32(acc, _mm256_madd_epi16(a, w)); }
  void Store(Acc acc, int row, int64_t column, int64_t count) const {
    std::byte* out = call.out + row * call.out_stride;
    if constexpr (kForm == GemmForm::kIntRequant) {
      const __m256i q = Requant8(acc, _mm256_loadu_ps(call.scale + column), _mm256_set1_ps(call.lo),
                                 _mm256_set1_ps(call.hi), _mm256_set1_epi32(call.zero));
      const __m128i bytes = LowBytes(q, q);  // lanes 0-3 twice, then 4-7 twice
      const __m128i first = _mm_shuffle_epi32(bytes, _MM_SHUFFLE(3, 1, 2, 0));
      if (count >= 8) return _mm_storel_epi64(reinterpret_cast<__m128i*>(out + column), first);
      StoreBytes<8>(out + column, first, count);
    } else if constexpr (kForm == GemmForm::kIntScaled) {
      const __m256 x = _mm256_cvtepi32_ps(acc), row_scale = _mm256_set1_ps(call.row_scale[row]);
      const __m256 scale = _mm256_loadu_ps(call.scale + column);
      const __m256 bias = _mm256_loadu_ps(call.bias + column);
      __m256 y = call.fused
                     ? _mm256_fmadd_ps(_mm256_mul_ps(x, row_scale), scale, bias)
                     : _mm256_add_ps(_mm256_mul_ps(x, _mm256_mul_ps(row_scale, scale)), bias);
      y = _mm256_min_ps(_mm256_set1_ps(call.hi), _mm256_max_ps(_mm256_set1_ps(call.lo), y));
      StoreFloats(reinterpret_cast<float*>(out) + column, y, count);
    } else {
      int* sums = reinterpret_cast<int*>(out) + column;
      _mm256_maskstore_epi32(sums, FirstLanes8(count), acc);
    }
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
