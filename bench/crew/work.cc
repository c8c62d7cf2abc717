// SPDX-License-Identifier: Apache-2.0
#include "work.h"

#include <algorithm>

#include "base/clock.h"
#include "crew/crew.h"

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

void CallAlone(const Request& request) {
  for (int64_t r = 0; r < request.regions; ++r)
    for (int64_t t = 0; t < request.tiles; ++t) Burn(request.tile_iterations);
}

void CallWithCrew(const Request& request) {
  core::Turn turn(core::Crew::OfProcess(), core::Priority::kNormal, nullptr);
  core::Region region;
  region.run = [](void* arg, int64_t begin, int64_t end, std::byte*) {
    for (int64_t t = begin; t < end; ++t) Burn(static_cast<const Request*>(arg)->tile_iterations);
    return uint32_t{0};
  };
  region.arg = const_cast<Request*>(&request);
  region.tiles = request.tiles;
  region.tile_ns = static_cast<float>(request.tile_ns);
  for (int64_t r = 0; r < request.regions; ++r) turn.Run(region);
}

}  // namespace heddle::bench
