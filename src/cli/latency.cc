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

double Latencies::QuantileMs(double q) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (int b = 0; b < static_cast<int>(buckets_.size()); ++b) {
    seen += buckets_[static_cast<size_t>(b)];
    if (seen == 0 || seen < wanted) continue;
    const double middle = (LowNs(b) + LowNs(b + 1)) / 2;
    return std::min(middle * 1e-6, max_ms());
  }
  return 0;
}

std::string Latencies::Picture() const {
  if (count_ == 0) return "";
  int first = 0;
  while (buckets_[static_cast<size_t>(first)] == 0) ++first;
  const int last = BucketOf(max_ns_);
  // Buckets are steps of nearly equal ratio, so rows of as many buckets are too.
  const int per_row = std::max(1, (last - first + kRows) / kRows);
  std::vector<uint64_t> rows;
  for (int b = first; b <= last; ++b) {
    if ((b - first) % per_row == 0) rows.push_back(0);
    rows.back() += buckets_[static_cast<size_t>(b)];
  }
  const auto most = static_cast<double>(*std::max_element(rows.begin(), rows.end()));
  Table table("rlr");
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto n = static_cast<double>(rows[r]);
    std::string bar = Bar(n / most, kBarWidth);
    if (bar.empty() && rows[r] > 0) bar = "▏";
    table.Add({fmt::format("{:.3f} ms", LowNs(first + static_cast<int>(r) * per_row) * 1e-6), bar,
               fmt::format("{:.2f} %", 100 * n / static_cast<double>(count_))});
  }
  return table.Text("  ");
}

}  // namespace heddle::cli
