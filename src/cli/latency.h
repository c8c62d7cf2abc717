// SPDX-License-Identifier: Apache-2.0
// Latencies of many calls in constant memory.
#ifndef HEDDLE_CLI_LATENCY_H_
#define HEDDLE_CLI_LATENCY_H_

#include <array>
#include <cstdint>
#include <string>

namespace heddle::cli {

// Counts by 64 steps an octave: a quantile is off by less than 1 %, the largest by nothing.
// Recording never allocates. Not thread-safe: each caller has its own, and they are merged.
class Latencies {
 public:
  void Record(int64_t ns);
  void Merge(const Latencies& other);

  uint64_t count() const { return count_; }
  double max_ms() const { return static_cast<double>(max_ns_) * 1e-6; }
  // 0 < q <= 1; 0 where nothing was recorded.
  double QuantileMs(double q) const;
  // Lines of "from ms, bar, share", steps of equal ratio, the slowest hundredth in one; empty where
  // nothing was recorded.
  std::string Picture() const;

 private:
  static constexpr int kSteps = 64;  // an octave
  static constexpr int kOctaves = 58;
  static int BucketOf(int64_t ns);
  static double LowNs(int bucket);
  int QuantileBucket(double q) const;

  std::array<uint64_t, kSteps * kOctaves> buckets_{};
  uint64_t count_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_LATENCY_H_
