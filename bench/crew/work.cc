// SPDX-License-Identifier: Apache-2.0
#include "work.h"

#include <algorithm>

#include "base/clock.h"

namespace heddle::bench {

void Burn(int64_t iterations) {
  uint64_t x = static_cast<uint64_t>(iterations);
  for (int64_t i = 0; i < iterations; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    __asm__ volatile("" : "+r"(x));  // else several steps become one
  }
}

double NsPerIteration() {
  constexpr int64_t kIterations = 200'000;
  const core::Clock& clock = core::SystemClock();
  int64_t best = INT64_MAX;
  for (int i = 0; i < 100; ++i) {
    const int64_t begin = clock.NowNs();
    Burn(kIterations);
    best = std::min(best, clock.NowNs() - begin);
  }
  return static_cast<double>(best) / kIterations;
}

}  // namespace heddle::bench
