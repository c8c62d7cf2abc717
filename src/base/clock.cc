// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <time.h>

namespace heddle::core {
namespace {

template <clockid_t kId>
class PosixClock final : public Clock {
 public:
  int64_t NowNs() const override {
    timespec now;
    clock_gettime(kId, &now);  // cannot fail: the clock exists and the pointer is good
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }
};

constinit const PosixClock<CLOCK_MONOTONIC> kSystemClock;
constinit const PosixClock<CLOCK_THREAD_CPUTIME_ID> kThreadCpuClock;
constinit const PosixClock<CLOCK_PROCESS_CPUTIME_ID> kProcessCpuClock;

}  // namespace

const Clock& SystemClock() { return kSystemClock; }
const Clock& ThreadCpuClock() { return kThreadCpuClock; }
const Clock& ProcessCpuClock() { return kProcessCpuClock; }

}  // namespace heddle::core
