// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/elementwise/byte_table.h"

namespace heddle::core {

void LookUpAvx512Vbmi(const uint8_t* values, const uint8_t* in, uint8_t* out, int64_t n) {
  constexpr int64_t kBytes = 64;
  __m512i quarter[4];
  for (int i = 0; i < 4; ++i) quarter[i] = _mm512_loadu_si512(values + i * kBytes);
  // A shuffle takes the lower seven bits of an index, the eighth says of which half.
  const auto map = [&](__m512i x) {
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x),
                                  _mm512_permutex2var_epi8(quarter[0], x, quarter[1]),
                                  _mm512_permutex2var_epi8(quarter[2], x, quarter[3]));
  };
  for (; n >= kBytes; n -= kBytes, in += kBytes, out += kBytes)
    _mm512_storeu_si512(out, map(_mm512_loadu_si512(in)));
  if (n <= 0) return;
  const __mmask64 rest = ~uint64_t{0} >> (kBytes - n);
  _mm512_mask_storeu_epi8(out, rest, map(_mm512_maskz_loadu_epi8(rest, in)));
}

}  // namespace heddle::core
