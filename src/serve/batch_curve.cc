// SPDX-License-Identifier: Apache-2.0
#include "serve/batch_curve.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace heddle::core {
namespace {

size_t PlaceOf(int size) {
  return static_cast<size_t>(std::countr_zero(static_cast<unsigned>(size)));
}

}  // namespace

// Who else was on the core shows in many runs, but hardly in three of four: so the first quartile,
// which is as wrong as those around it lie apart, over the root of how many there are.
void BatchCurve::Point::Add(float ns) {
  rows_ns[next] = ns;
  next = (next + 1) % kKept;
  kept = std::min(kept + 1, kKept);
  if (kept == kKept && next % kLookEvery != 0) return;
  std::array<float, kKept> sorted = rows_ns;
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(kept));
  row_ns = static_cast<double>(sorted[kept / 4]);
  const double apart = static_cast<double>(sorted[kept / 2] - sorted[0]);
  off_ns = apart / std::sqrt(static_cast<double>(kept));
  sure = kept == kKept || (kept >= kLeast && off_ns <= kSure * row_ns);
}

// Noise is no gain: where both are as well known as they ever will be, what may be noise is not
// worth it.
std::optional<bool> BatchCurve::IsWorth(const Point& more, const Point& fewer) {
  const double gain = fewer.row_ns - more.row_ns, worth = (1 - kWorth) * fewer.row_ns;
  const double off = std::hypot(more.off_ns, fewer.off_ns);
  const bool is_clear = more.kept >= kLeast && std::abs(gain - worth) >= off;
  if (!is_clear && more.kept < kKept) return std::nullopt;
  return gain > std::max(worth, off);
}

int BatchCurve::Choose(int ready) const {
  const Point& one = points_[0];
  if (!one.sure || Forgotten(one)) return 1;
  const double longest = std::max(kLongestNs, kMostOfOne * one.row_ns);
  const Point* best = &one;
  int chosen = 1, in_vain = 0;
  for (int size = 2; size <= Largest(ready) && best->row_ns * size <= longest; size *= 2) {
    const Point& point = points_[PlaceOf(size)];
    const std::optional<bool> is_worth = IsWorth(point, *best);
    if (!is_worth || Forgotten(point)) return size;
    if (*is_worth) {
      best = &point;
      chosen = size;
      in_vain = 0;
    } else if (++in_vain == 2) {
      break;
    }
  }
  return chosen;
}

int BatchCurve::Largest(int ready) const {
  const int most = std::clamp(ready, 1, std::min(kMost, forbidden_ - 1));
  return static_cast<int>(std::bit_floor(static_cast<unsigned>(most)));
}

void BatchCurve::Add(int size, int64_t ns) {
  Point& point = points_[PlaceOf(size)];
  ++runs_;
  if (Forgotten(point)) point = Point();
  point.last_run = runs_;
  if (point.warm) point.Add(static_cast<float>(ns + kHandoverNs) / static_cast<float>(size));
  point.warm = true;
}

void BatchCurve::Forbid(int size) { forbidden_ = std::clamp(size, 2, forbidden_); }

int64_t BatchCurve::RunNs(int size, int64_t one_ns) const {
  const Point& point = points_[PlaceOf(size)];
  if (point.sure) return static_cast<int64_t>(std::lround(point.row_ns * size)) - kHandoverNs;
  return one_ns * size;
}

}  // namespace heddle::core
