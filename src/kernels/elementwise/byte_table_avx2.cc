// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/elementwise/byte_table.h"

namespace heddle::core {
namespace {

constexpr int64_t kBytes = 32;
constexpr int64_t kWorthwhile = 64;  // elements that pay for the differences

// A shuffle of 16 values gives 0 for an index above 127. So of x - 16k, for k from 0 on, the first
// x/16 + 1 give a value and the rest 0: each table holds the difference (by XOR) to the one before,
// and what is left is the value of x. Above 127 it is the later ones of the lower eight that give
// values, values[112..] ^ values[x - 128] in all, which the tables of the upper eight take away.
struct Differences {
  explicit Differences(const uint8_t* values) {
    __m256i part[16];
    for (int k = 0; k < 16; ++k)
      part[k] = _mm256_broadcastsi128_si256(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(values + 16 * k)));
    at[0] = part[0];
    for (int k = 1; k < 16; ++k) at[k] = _mm256_xor_si256(part[k], part[k - 1]);
    for (int k = 0; k < 8; ++k) at[8 + k] = _mm256_xor_si256(at[8 + k], at[k]);
  }
  __m256i at[16];
};

__m256i LookUp(const Differences& d, __m256i x) {
  const __m256i step = _mm256_set1_epi8(16);
  __m256i low = x, high = _mm256_xor_si256(x, _mm256_set1_epi8(-128));
  __m256i sum =
      _mm256_xor_si256(_mm256_shuffle_epi8(d.at[0], low), _mm256_shuffle_epi8(d.at[8], high));
  for (int k = 1; k < 8; ++k) {
    low = _mm256_sub_epi8(low, step);
    high = _mm256_subs_epi8(high, step);  // no index below 0 comes around
    sum = _mm256_xor_si256(sum, _mm256_xor_si256(_mm256_shuffle_epi8(d.at[k], low),
                                                 _mm256_shuffle_epi8(d.at[8 + k], high)));
  }
  return sum;
}

}  // namespace

void LookUpAvx2(const uint8_t* values, const uint8_t* in, uint8_t* out, int64_t n) {
  if (n >= kWorthwhile) {
    const Differences differences(values);
    for (; n >= kBytes; n -= kBytes, in += kBytes, out += kBytes) {
      const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), LookUp(differences, x));
    }
  }
  for (int64_t i = 0; i < n; ++i) out[i] = values[in[i]];
}

}  // namespace heddle::core
