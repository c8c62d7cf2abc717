// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/elementwise/bytes.h"

namespace heddle::core {
namespace {

constexpr int kStep = 16;  // elements of one turn

struct Clamp {
  __m256i zero, lo, hi;
  __m256i operator()(__m256i q) const {
    return _mm256_min_epi32(_mm256_max_epi32(_mm256_add_epi32(q, zero), lo), hi);
  }
};
template <class F>
Clamp MakeClamp(const F& f) {
  return {_mm256_set1_epi32(f.zero_out), _mm256_set1_epi32(f.lo), _mm256_set1_epi32(f.hi)};
}

struct AddVector {
  explicit AddVector(const AddBytes& f)
      : ka(_mm256_set1_epi32(f.ka)),
        kb(_mm256_set1_epi32(f.kb)),
        bias(_mm256_set1_epi32(f.bias)),
        shift(_mm_cvtsi32_si128(f.shift)),
        clamp(MakeClamp(f)) {}
  __m256i operator()(__m256i a, __m256i b) const {
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bias, _mm256_mullo_epi32(a, ka)),
                                         _mm256_mullo_epi32(b, kb));
    return clamp(_mm256_sra_epi32(sum, shift));
  }
  __m256i ka, kb, bias;
  __m128i shift;
  Clamp clamp;
};

struct MulVector {
  explicit MulVector(const MulBytes& f)
      : zero_a(_mm256_set1_epi32(f.zero_a)),
        zero_b(_mm256_set1_epi32(f.zero_b)),
        k(_mm256_set1_ps(f.k)),
        clamp(MakeClamp(f)) {}
  __m256i operator()(__m256i a, __m256i b) const {
    const __m256i product =
        _mm256_mullo_epi32(_mm256_sub_epi32(a, zero_a), _mm256_sub_epi32(b, zero_b));
    __m256 y = _mm256_mul_ps(_mm256_cvtepi32_ps(product), k);
    y = _mm256_min_ps(_mm256_max_ps(y, _mm256_set1_ps(-32768.0f)), _mm256_set1_ps(32767.0f));
    return clamp(_mm256_cvtps_epi32(y));
  }
  __m256i zero_a, zero_b;
  __m256 k;
  Clamp clamp;
};

template <class T>
__m256i Widen(__m128i bytes) {
  if constexpr (T(-1) < T(0)) return _mm256_cvtepi8_epi32(bytes);
  return _mm256_cvtepu8_epi32(bytes);
}
template <class T>
__m128i Narrow(__m256i first, __m256i second) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), 0xd8);
  const __m128i lo = _mm256_castsi256_si128(words), hi = _mm256_extracti128_si256(words, 1);
  if constexpr (T(-1) < T(0)) return _mm_packs_epi16(lo, hi);
  return _mm_packus_epi16(lo, hi);
}

// One operand: its elements in order, or its only one again and again.
template <class T, bool moves>
struct Source {
  explicit Source(const void* p)
      : data(static_cast<const T*>(p)), only(_mm256_set1_epi32(static_cast<const T*>(p)[0])) {}
  __m256i Vector(int64_t i) const {
    if constexpr (!moves) return only;
    return Widen<T>(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(data + i)));
  }
  int32_t Scalar(int64_t i) const { return data[moves ? i : 0]; }
  const T* data;
  __m256i only;
};

template <class T, bool a_moves, bool b_moves, class Vector, class F>
void Loop(const F& f, const PairRun& run) {
  const Vector vector(f);
  const Source<T, a_moves> a(run.a);
  const Source<T, b_moves> b(run.b);
  T* out = static_cast<T*>(run.out);
  int64_t i = 0;
  for (; i + kStep <= run.n; i += kStep) {
    const __m256i first = vector(a.Vector(i), b.Vector(i));
    const __m256i second = vector(a.Vector(i + 8), b.Vector(i + 8));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), Narrow<T>(first, second));
  }
  for (; i < run.n; ++i) out[i] = static_cast<T>(f(a.Scalar(i), b.Scalar(i)));
}

template <class T, class Vector, class F>
void Dispatch(const F& f, const PairRun& run) {
  if (run.a_moves && run.b_moves) return Loop<T, true, true, Vector>(f, run);
  if (run.a_moves) return Loop<T, true, false, Vector>(f, run);
  return Loop<T, false, true, Vector>(f, run);
}

}  // namespace

void RunBytesAvx2(const AddBytes& f, bool is_signed, const PairRun& run) {
  if (is_signed) return Dispatch<int8_t, AddVector>(f, run);
  return Dispatch<uint8_t, AddVector>(f, run);
}
void RunBytesAvx2(const MulBytes& f, bool is_signed, const PairRun& run) {
  if (is_signed) return Dispatch<int8_t, MulVector>(f, run);
  return Dispatch<uint8_t, MulVector>(f, run);
}

}  // namespace heddle::core
