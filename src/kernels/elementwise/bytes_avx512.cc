// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/elementwise/bytes.h"

namespace heddle::core {
namespace {

constexpr int kLanes = 16, kVectors = 4;  // of int32; of one turn, whose bytes fill one vector

// The result before `zero_out` and the bounds.
struct AddVector {
  explicit AddVector(const AddBytes& f)
      : ka(_mm512_set1_epi32(f.ka)),
        kb(_mm512_set1_epi32(f.kb)),
        bias(_mm512_set1_epi32(f.bias)),
        shift(_mm_cvtsi32_si128(f.shift)) {}
  __m512i operator()(__m512i a, __m512i b) const {
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(bias, _mm512_mullo_epi32(a, ka)),
                                         _mm512_mullo_epi32(b, kb));
    return _mm512_sra_epi32(sum, shift);
  }
  __m512i ka, kb, bias;
  __m128i shift;
};

struct MulVector {
  explicit MulVector(const MulBytes& f)
      : zero_a(_mm512_set1_epi32(f.zero_a)),
        zero_b(_mm512_set1_epi32(f.zero_b)),
        k(_mm512_set1_ps(f.k)) {}
  __m512i operator()(__m512i a, __m512i b) const {
    const __m512i product =
        _mm512_mullo_epi32(_mm512_sub_epi32(a, zero_a), _mm512_sub_epi32(b, zero_b));
    __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(product), k);
    y = _mm512_min_ps(_mm512_max_ps(y, _mm512_set1_ps(-32768.0f)), _mm512_set1_ps(32767.0f));
    return _mm512_cvtps_epi32(y);
  }
  __m512i zero_a, zero_b;
  __m512 k;
};

// From int32 to bytes: the narrowing saturates, and only far from all bounds.
template <class T>
struct Narrow {
  template <class F>
  explicit Narrow(const F& f)
      : zero(_mm512_set1_epi32(f.zero_out)),
        lo(_mm512_set1_epi32(f.lo)),
        hi(_mm512_set1_epi32(f.hi)),
        zero16(_mm512_set1_epi16(static_cast<int16_t>(f.zero_out))),
        lo8(_mm512_set1_epi8(static_cast<char>(f.lo))),
        hi8(_mm512_set1_epi8(static_cast<char>(f.hi))) {}
  __m512i All(const __m512i (&q)[kVectors]) const {
    const __m512i first = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), zero16);
    const __m512i second = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), zero16);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    if constexpr (T(-1) < T(0)) {
      const __m512i bytes = _mm512_packs_epi16(first, second);
      return _mm512_permutexvar_epi32(order, _mm512_min_epi8(_mm512_max_epi8(bytes, lo8), hi8));
    }
    const __m512i bytes = _mm512_packus_epi16(first, second);
    return _mm512_permutexvar_epi32(order, _mm512_min_epu8(_mm512_max_epu8(bytes, lo8), hi8));
  }
  __m512i One(__m512i q) const {
    return _mm512_min_epi32(_mm512_max_epi32(_mm512_add_epi32(q, zero), lo), hi);
  }
  __m512i zero, lo, hi, zero16, lo8, hi8;
};

// One operand: its elements in order, or its only one again and again.
template <class T, bool moves>
struct Source {
  explicit Source(const void* p)
      : data(static_cast<const T*>(p)), only(_mm512_set1_epi32(static_cast<const T*>(p)[0])) {}
  __m512i Vector(int64_t i, __mmask16 real) const {
    if constexpr (!moves) return only;
    const __m128i bytes = _mm_maskz_loadu_epi8(real, data + i);
    if constexpr (T(-1) < T(0)) return _mm512_cvtepi8_epi32(bytes);
    return _mm512_cvtepu8_epi32(bytes);
  }
  const T* data;
  __m512i only;
};

template <class T, bool a_moves, bool b_moves, class Vector, class F>
void Loop(const F& f, const PairRun& run) {
  const Vector vector(f);
  const Narrow<T> narrow(f);
  const Source<T, a_moves> a(run.a);
  const Source<T, b_moves> b(run.b);
  T* out = static_cast<T*>(run.out);
  constexpr __mmask16 kAll = 0xFFFF;
  int64_t i = 0;
  for (; i + kVectors * kLanes <= run.n; i += kVectors * kLanes) {
    __m512i q[kVectors];
    for (int v = 0; v < kVectors; ++v)
      q[v] = vector(a.Vector(i + v * kLanes, kAll), b.Vector(i + v * kLanes, kAll));
    _mm512_storeu_si512(out + i, narrow.All(q));
  }
  for (; i < run.n; i += kLanes) {
    const int64_t left = run.n - i;
    const __mmask16 real = left >= kLanes ? kAll : static_cast<__mmask16>((1u << left) - 1);
    const __m512i q = narrow.One(vector(a.Vector(i, real), b.Vector(i, real)));
    _mm512_mask_cvtepi32_storeu_epi8(out + i, real, q);
  }
}

template <class T, class Vector, class F>
void Dispatch(const F& f, const PairRun& run) {
  if (run.a_moves && run.b_moves) return Loop<T, true, true, Vector>(f, run);
  if (run.a_moves) return Loop<T, true, false, Vector>(f, run);
  return Loop<T, false, true, Vector>(f, run);
}

}  // namespace

void RunBytesAvx512(const AddBytes& f, bool is_signed, const PairRun& run) {
  if (is_signed) return Dispatch<int8_t, AddVector>(f, run);
  return Dispatch<uint8_t, AddVector>(f, run);
}
void RunBytesAvx512(const MulBytes& f, bool is_signed, const PairRun& run) {
  if (is_signed) return Dispatch<int8_t, MulVector>(f, run);
  return Dispatch<uint8_t, MulVector>(f, run);
}

}  // namespace heddle::core
