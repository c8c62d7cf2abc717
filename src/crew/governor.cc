// SPDX-License-Identifier: Apache-2.0
#include "crew/governor.h"

#include <algorithm>

namespace heddle::core {

void Governor::SetMost(int most) {
  const std::lock_guard lock(mutex_);
  if (most == most_) return;
  const bool at_most = cap() == most_;
  most_ = most;
  cap_.store(at_most ? most : std::min(cap(), most), std::memory_order_relaxed);
}

void Governor::Note(int64_t now_ns, int64_t there_ns, int64_t lost_ns) {
  there_ns_.fetch_add(there_ns, std::memory_order_relaxed);
  lost_ns_.fetch_add(lost_ns, std::memory_order_relaxed);
  Look(now_ns);
}

void Governor::Look(int64_t now_ns) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  const int64_t there = there_ns_.load(std::memory_order_relaxed);
  if (now_ns - window_ns_ >= kWindowNs && there >= kEnoughNs) {
    const int64_t lost = lost_ns_.load(std::memory_order_relaxed);
    Judge(now_ns, static_cast<double>(lost) / static_cast<double>(there));
    BeginWindow(now_ns);
  }
  if (unproven_ || cap() >= most_ || now_ns < probe_ns_) return;
  unproven_ = true;
  calm_ns_ = now_ns;
  Move(now_ns, cap() + 1, 0);
  BeginWindow(now_ns);
}

void Governor::Judge(int64_t now_ns, double lost) {
  bad_windows_ = lost > kTooMuch ? bad_windows_ + 1 : 0;
  if (bad_windows_ > 0) {
    if (bad_windows_ < kSureWindows && !unproven_) return;
    pause_ns_ = std::min(2 * pause_ns_, kMostPauseNs);
    probe_ns_ = now_ns + pause_ns_;
    fell_ = true;
    if (cap() > 0) Move(now_ns, unproven_ ? cap() - 1 : cap() / 2, lost);
    unproven_ = false;
  } else if (lost < kLittle) {
    if (unproven_) {
      probe_ns_ = now_ns + pause_ns_;
      unproven_ = fell_ = false;
    }
    if (fell_ || now_ns - calm_ns_ < pause_ns_) return;
    calm_ns_ = now_ns;
    pause_ns_ = std::max(pause_ns_ / 2, kLeastPauseNs);
  }
}

void Governor::Move(int64_t now_ns, int cap, double lost) {
  cap_.store(cap, std::memory_order_relaxed);
  const uint64_t number = moves_.fetch_add(1, std::memory_order_relaxed);
  trace_[number % kTraced] = {now_ns, cap, lost};
}

void Governor::BeginWindow(int64_t now_ns) {
  window_ns_ = now_ns;
  there_ns_.store(0, std::memory_order_relaxed);
  lost_ns_.store(0, std::memory_order_relaxed);
}

std::vector<Governor::Change> Governor::Trace() const {
  const std::lock_guard lock(mutex_);
  std::vector<Change> trace;
  const uint64_t end = moves();
  for (uint64_t i = end > kTraced ? end - kTraced : 0; i < end; ++i)
    trace.push_back(trace_[i % kTraced]);
  return trace;
}

}  // namespace heddle::core
