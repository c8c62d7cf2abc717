// SPDX-License-Identifier: Apache-2.0
#include "cli/latency.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "cli/text.h"

namespace heddle::cli {
namespace {

constexpr int kRows = 10;
constexpr double kBody = 0.99;
constexpr int kBarWidth = 40;

}  // namespace

// Below 2 * kSteps every nanosecond has its own bucket; above, the octave of 2^(6+k) begins at
// kSteps * (k + 1).
int Latencies::BucketOf(int64_t ns) {
  if (ns < 2 * kSteps) return static_cast<int>(std::max<int64_t>(ns, 0));
  const int shift = std::bit_width(static_cast<uint64_t>(ns)) - 7;
  return shift * kSteps + static_cast<int>(ns >> shift);
}

double Latencies::LowNs(int bucket) {
  if (bucket < 2 * kSteps) return bucket;
  return std::ldexp(bucket % kSteps + kSteps, bucket / kSteps - 1);
}

void Latencies::Record(int64_t ns) {
  ++buckets_[static_cast<size_t>(BucketOf(ns))];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

void Latencies::Merge(const Latencies& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

int Latencies::QuantileBucket(double q) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_)));
  uint64_t seen = 0;
  int bucket = 0;
  while (bucket + 1 < static_cast<int>(buckets_.size())) {
    seen += buckets_[static_cast<size_t>(bucket)];
    if (seen >= wanted) break;
    ++bucket;
  }
  return bucket;
}

double Latencies::QuantileMs(double q) const {
  if (count_ == 0) return 0;
  const int bucket = QuantileBucket(q);
  return std::min((LowNs(bucket) + LowNs(bucket + 1)) / 2 * 1e-6, max_ms());
}

// Buckets are steps of nearly equal ratio, so rows of as many buckets are too. The few calls past
// most others share the last row: they would squeeze the rest into one.
std::string Latencies::Picture() const {
  if (count_ == 0) return "";
  int first = 0;
  while (buckets_[static_cast<size_t>(first)] == 0) ++first;
  const int tail = QuantileBucket(kBody) + 1, last = BucketOf(max_ns_);
  const int per_row = (tail - first + kRows - 1) / kRows;
  std::vector<std::pair<int, uint64_t>> rows;  // first bucket, calls
  for (int b = first; b <= last; ++b) {
    const bool begins = b < tail ? (b - first) % per_row == 0 : b == tail;
    if (begins) rows.emplace_back(b, 0);
    rows.back().second += buckets_[static_cast<size_t>(b)];
  }
  uint64_t most = 0;
  for (const auto& row : rows) most = std::max(most, row.second);
  const double low = LowNs(first);
  const int decimals = low < 1e5 ? 4 : low < 1e7 ? 3 : 1;  // enough to tell the rows apart
  Table table("rlr");
  for (const auto& [bucket, calls] : rows) {
    std::string bar = Bar(static_cast<double>(calls) / static_cast<double>(most), kBarWidth);
    if (bar.empty() && calls > 0) bar = "▏";
    table.Add(
        {fmt::format("{:.{}f} ms", LowNs(bucket) * 1e-6, decimals), bar,
         fmt::format("{:.2f} %", 100 * static_cast<double>(calls) / static_cast<double>(count_))});
  }
  return table.Text("  ");
}

}  // namespace heddle::cli
