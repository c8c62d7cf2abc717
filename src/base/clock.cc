// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <time.h>

namespace heddle::core {
namespace {

class MonotonicClock final : public Clock {
 public:
  int64_t NowNs() const override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail: the clock exists and the pointer is good
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }
};

constinit const MonotonicClock kSystemClock;

}  // namespace

const Clock& SystemClock() { return kSystemClock; }

}  // namespace heddle::core
