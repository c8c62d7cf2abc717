// SPDX-License-Identifier: Apache-2.0
// Callers: threads that call without pause, of work that many cores can share.
#ifndef HEDDLE_BENCH_WATCH_CALLERS_H_
#define HEDDLE_BENCH_WATCH_CALLERS_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "../crew/work.h"
#include "cli/latency.h"

namespace heddle::bench {

// 1.3 ms of compute in 13 regions of 4 tiles.
Request CallOfTheBench();

class Callers {
 public:
  explicit Callers(int count);  // they begin at once
  // Until their calls have ended; the latencies of all.
  cli::Latencies Stop();
  int64_t calls() const { return calls_.load(std::memory_order_relaxed); }

 private:
  const Request request_ = CallOfTheBench();
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> calls_{0};
  std::vector<cli::Latencies> latencies_;
  std::vector<std::thread> threads_;
};

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_WATCH_CALLERS_H_
