// SPDX-License-Identifier: Apache-2.0
// Choices: decisions taken from a fuzzer's bytes, and from a generator that they seed once they are
// used up. The same bytes decide the same.
#ifndef HEDDLE_TESTS_SUPPORT_CHOICES_H_
#define HEDDLE_TESTS_SUPPORT_CHOICES_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

namespace heddle::core {

class Choices {
 public:
  explicit Choices(std::span<const uint8_t> bytes) : bytes_(bytes) {
    uint32_t seed = 1;
    for (uint8_t b : bytes) seed = seed * 31 + b;
    random_.seed(seed);
  }

  // One of [0, n). REQUIRES: 0 < n <= 256.
  uint32_t Below(uint32_t n) {
    if (at_ == bytes_.size()) return static_cast<uint32_t>(random_()) % n;
    return bytes_[at_++] % n;
  }
  bool OneIn(uint32_t n) { return Below(n) == n - 1; }
  template <class T, size_t N>
  const T& Of(const T (&list)[N]) {
    return list[Below(N)];
  }
  // For values in bulk, which are not worth a fuzzer's bytes.
  uint32_t Random() { return static_cast<uint32_t>(random_()); }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  std::minstd_rand random_;
};

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_CHOICES_H_
