// SPDX-License-Identifier: Apache-2.0
#include "crew/pace.h"

#include <algorithm>

namespace heddle::core {

void Pace::Set(double quota_cores, int64_t period_ns, int64_t now_ns, int64_t cpu_ns) {
  const double rate = quota_cores < 1 ? 0 : (1 - kSpared) * quota_cores;
  if (rate == rate_.load(std::memory_order_relaxed)) return;
  const auto held = static_cast<int64_t>(kHeld * quota_cores * static_cast<double>(period_ns));
  held_ns_.store(held, std::memory_order_relaxed);
  spent_ns_.store(Allowed(now_ns, cpu_ns, rate) - held, std::memory_order_relaxed);
  rate_.store(rate, std::memory_order_relaxed);
}

// What was not used is forgotten, but for what is held.
int64_t Pace::PauseNs(int64_t now_ns, int64_t cpu_ns) {
  const double rate = rate_.load(std::memory_order_relaxed);
  if (rate <= 0) return 0;
  const int64_t held = held_ns_.load(std::memory_order_relaxed);
  const int64_t allowed = Allowed(now_ns, cpu_ns, rate);
  int64_t spent = spent_ns_.load(std::memory_order_relaxed);
  while (allowed - spent > held &&
         !spent_ns_.compare_exchange_weak(spent, allowed - held, std::memory_order_relaxed)) {
  }
  const int64_t left = allowed - spent;
  if (left >= 0) return 0;
  const auto pause = static_cast<int64_t>(static_cast<double>(held / 2 - left) / rate);
  return std::min(pause, kMostPauseNs);
}

}  // namespace heddle::core
