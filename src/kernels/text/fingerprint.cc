// SPDX-License-Identifier: Apache-2.0
#include "kernels/text/fingerprint.h"

#include <bit>
#include <cstring>
#include <utility>

namespace heddle::core {
namespace {

constexpr uint64_t k0 = 0xc3a5c85c97cb3127u, k1 = 0xb492b66fbe98f273u, k2 = 0x9ae16a3b2f90404fu;

template <class T>
uint64_t Load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}
uint64_t Load64(const std::byte* p) { return Load<uint64_t>(p); }

uint64_t Turn(uint64_t x, int n) { return std::rotr(x, n); }
uint64_t Fold(uint64_t x) { return x ^ x >> 47; }

uint64_t Mix(uint64_t u, uint64_t v, uint64_t mul) {
  const uint64_t a = Fold((u ^ v) * mul);
  return Fold((v ^ a) * mul) * mul;
}

uint64_t UpTo16(const std::byte* s, size_t n) {
  const uint64_t mul = k2 + n * 2;
  if (n >= 8) {
    const uint64_t a = Load64(s) + k2, b = Load64(s + n - 8);
    return Mix(Turn(b, 37) * mul + a, (Turn(a, 25) + b) * mul, mul);
  }
  if (n >= 4) return Mix(n + (Load<uint32_t>(s) << 3), Load<uint32_t>(s + n - 4), mul);
  if (n == 0) return k2;
  const auto at = [&](size_t i) { return static_cast<uint32_t>(s[i]); };
  const uint32_t y = at(0) + (at(n >> 1) << 8);
  const uint32_t z = static_cast<uint32_t>(n) + (at(n - 1) << 2);
  return Fold(y * k2 ^ z * k0) * k2;
}

uint64_t UpTo32(const std::byte* s, size_t n) {
  const uint64_t mul = k2 + n * 2;
  const uint64_t a = Load64(s) * k1, b = Load64(s + 8);
  const uint64_t c = Load64(s + n - 8) * mul, d = Load64(s + n - 16) * k2;
  return Mix(Turn(a + b, 43) + Turn(c, 30) + d, a + Turn(b + k2, 18) + c, mul);
}

uint64_t UpTo64(const std::byte* s, size_t n) {
  const uint64_t mul = k2 + n * 2;
  const uint64_t a = Load64(s) * k2, b = Load64(s + 8);
  const uint64_t c = Load64(s + n - 8) * mul, d = Load64(s + n - 16) * k2;
  const uint64_t y = Turn(a + b, 43) + Turn(c, 30) + d;
  const uint64_t z = Mix(y, a + Turn(b + k2, 18) + c, mul);
  const uint64_t e = Load64(s + 16) * mul, f = Load64(s + 24);
  const uint64_t g = (y + Load64(s + n - 32)) * mul, h = (z + Load64(s + n - 24)) * mul;
  return Mix(Turn(e + f, 43) + Turn(g, 30) + h, e + Turn(f + a, 18) + g, mul);
}

struct Pair {
  uint64_t first = 0, second = 0;
};
Pair Of32(const std::byte* s, uint64_t a, uint64_t b) {
  const uint64_t w = Load64(s), x = Load64(s + 8), y = Load64(s + 16), z = Load64(s + 24);
  a += w;
  b = Turn(b + a + z, 21);
  const uint64_t c = a;
  a += x + y;
  b += Turn(a, 44);
  return {a + z, b + c};
}

// 56 bytes of state over blocks of 64 bytes.
struct Long {
  uint64_t x, y, z;
  Pair v, w;

  void Block(const std::byte* s, uint64_t mul, uint64_t weight) {
    x = Turn(x + y + v.first + Load64(s + 8), 37) * mul;
    y = Turn(y + v.second + Load64(s + 48), 42) * mul;
    x ^= w.second * weight;
    y += v.first * weight + Load64(s + 40);
    z = Turn(z + w.first, 33) * mul;
    v = Of32(s, v.second * mul, x + w.first);
    w = Of32(s + 32, z + w.second, y + Load64(s + 16));
    std::swap(z, x);
  }
};

}  // namespace

uint64_t Fingerprint64(const std::byte* s, size_t n) {
  if (n <= 16) return UpTo16(s, n);
  if (n <= 32) return UpTo32(s, n);
  if (n <= 64) return UpTo64(s, n);
  constexpr uint64_t kSeed = 81;
  Long h{kSeed * k2 + Load64(s), kSeed * k1 + 113, 0, {}, {}};
  h.z = Fold(h.y * k2 + 113) * k2;
  const size_t whole = (n - 1) / 64 * 64;
  for (size_t at = 0; at < whole; at += 64) h.Block(s + at, k1, 1);
  const uint64_t mul = k1 + ((h.z & 0xff) << 1);
  h.w.first += (n - 1) & 63;
  h.v.first += h.w.first;
  h.w.first += h.v.first;
  h.Block(s + n - 64, mul, 9);
  return Mix(Mix(h.v.first, h.w.first, mul) + Fold(h.y) * k0 + h.z,
             Mix(h.v.second, h.w.second, mul) + h.x, mul);
}

}  // namespace heddle::core
