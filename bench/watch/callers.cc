// SPDX-License-Identifier: Apache-2.0
#include "callers.h"

#include <cmath>

#include "base/clock.h"

namespace heddle::bench {

Request CallOfTheBench() {
  static const double iteration_ns = NsPerIteration();
  constexpr double kTileNs = 25'000;
  return {13, 4, std::llround(kTileNs / iteration_ns), kTileNs};
}

Callers::Callers(int count) : latencies_(static_cast<size_t>(count)) {
  for (cli::Latencies& own : latencies_) {
    threads_.emplace_back([this, &own] {
      int64_t begin = core::SystemClock().NowNs();
      while (!stop_.load(std::memory_order_relaxed)) {
        CallWithCrew(request_);
        const int64_t end = core::SystemClock().NowNs();
        own.Record(end - begin);
        begin = end;
        calls_.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
}

cli::Latencies Callers::Stop() {
  stop_ = true;
  cli::Latencies all;
  for (size_t i = 0; i < threads_.size(); ++i) {
    threads_[i].join();
    all.Merge(latencies_[i]);
  }
  threads_.clear();
  return all;
}

}  // namespace heddle::bench
