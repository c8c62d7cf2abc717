// SPDX-License-Identifier: Apache-2.0
#include "crew/executor.h"

namespace heddle::core {
namespace {

class Alone final : public Executor {
 public:
  uint32_t Run(const Region& region) override {
    return RunInOrder(region, [&] { return region.go_on == nullptr || region.go_on(region.arg); });
  }
  bool Pass(float) override { return true; }
};

}  // namespace

Executor& AloneExecutor() {
  static Alone alone;
  return alone;
}

}  // namespace heddle::core
