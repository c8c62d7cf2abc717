// SPDX-License-Identifier: Apache-2.0
#include "crew/executor.h"

#include <algorithm>

namespace heddle::core {
namespace {

class Alone final : public Executor {
 public:
  uint32_t Run(const Region& region) override {
    const float most = kLongestClaimNs / std::max(1.0f, region.tile_ns);
    const int64_t block =
        region.go_on == nullptr ? region.tiles : std::max<int64_t>(1, static_cast<int64_t>(most));
    for (int64_t begin = 0; begin < region.tiles; begin += block) {
      if (begin > 0 && !region.go_on(region.arg)) return kRegionStopped;
      const int64_t end = std::min(region.tiles, begin + block);
      const uint32_t code = region.run(region.arg, begin, end, nullptr);
      if (code != 0) return code;
    }
    return 0;
  }
};

}  // namespace

Executor& AloneExecutor() {
  static Alone alone;
  return alone;
}

}  // namespace heddle::core
