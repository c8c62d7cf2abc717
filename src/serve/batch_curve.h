// SPDX-License-Identifier: Apache-2.0
// BatchCurve: what requests of a kind cost in batches of 1, 2, 4, ... on a busy machine, learned
// from those that ran, and how many should therefore run as one.
//
// A size is tried when there are requests for it and the sizes below were worth their while; one
// that is not chosen is tried again after kForgetAfter times as many runs as that took, for what it
// costs may have changed. So trying takes real requests, a few in a thousand, and no time of its
// own.
#ifndef HEDDLE_SERVE_BATCH_CURVE_H_
#define HEDDLE_SERVE_BATCH_CURVE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace heddle::core {

class BatchCurve {
 public:
  static constexpr int kMost = 32;  // in one batch

  // How many of so many that are ready to run as one: a power of two.
  int Choose(int ready) const;
  // As many as may.
  int Largest(int ready) const;
  // A run of so many took so long. REQUIRES: size is a power of two, of at most kMost.
  void Add(int size, int64_t ns);
  // So many, or more, cannot run as one.
  void Forbid(int size);
  // What a run of so many takes, at most; one_ns: what one takes, where that is not known here.
  int64_t RunNs(int size, int64_t one_ns) const;

 private:
  static constexpr int kSizes = 6;
  static constexpr size_t kKept = 48, kLeast = 5, kLookEvery = 8;
  // How wrong a size's cost may be, of it, unless so many runs do not make it better.
  static constexpr double kSure = 0.03;
  static constexpr uint64_t kForgetAfter = 400;
  // Batches are for throughput; others wait for as long as one runs.
  static constexpr double kLongestNs = 50e6;
  static constexpr double kMostOfOne = 4;  // whatever one takes
  // What a run costs beside itself: to take it from the queue, and to give its core to the next.
  static constexpr int64_t kHandoverNs = 1'000;
  // Of what a row costs in a smaller batch: what takes longer is not worth the wait.
  static constexpr double kWorth = 0.98;

  struct Point {
    std::array<float, kKept> rows_ns{};  // of the last runs, what a row took
    size_t kept = 0, next = 0;
    bool warm = false;      // its first run, which made its Plan, is over
    uint64_t last_run = 0;  // that was added
    double row_ns = 0;      // their first quartile
    double off_ns = 0;      // as wrong as that may be
    bool sure = false;
    void Add(float row_ns);
  };
  // Whether a row costs less in runs of `more` than in those of `fewer`; nothing: that takes more
  // of them to tell.
  static std::optional<bool> IsWorth(const Point& more, const Point& fewer);
  bool Forgotten(const Point& point) const {
    return runs_ - point.last_run > kForgetAfter * (1 + point.kept);
  }

  std::array<Point, kSizes> points_;
  uint64_t runs_ = 0;
  int forbidden_ = 2 * kMost;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_BATCH_CURVE_H_
