// SPDX-License-Identifier: Apache-2.0
// Costs: how long the requests of a model run, learned from those that did.
#ifndef HEDDLE_SERVE_COSTS_H_
#define HEDDLE_SERVE_COSTS_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "serve/batch_curve.h"

namespace heddle::core {

// Of times that were seen: their mean and variance, the later ones counting more.
class Mean {
 public:
  bool known() const { return count_ > 0; }
  double ns() const { return mean_; }
  double variance() const { return variance_; }
  void Add(double ns) {
    const double gain = std::max(kLeastGain, 1.0 / static_cast<double>(++count_));
    const double off = ns - mean_;
    mean_ += gain * off;
    variance_ = (1 - gain) * (variance_ + gain * off * off);
  }

 private:
  static constexpr double kLeastGain = 1.0 / 32;
  uint64_t count_ = 0;
  double mean_ = 0, variance_ = 0;
};

// Of requests that are alike. While other requests run a request has one core, else it may have
// all: two different costs.
struct Cost {
  uint64_t kind = 0;
  uint64_t used = 0;   // when it was asked for last, in requests
  Mean alone, beside;  // of one in a batch: its part of the run
  Mean run;            // of all of a run, on a busy machine
  BatchCurve batches;

  // Of one that runs on a busy machine; where none has yet, of one alone, which is less.
  const Mean& busy() const { return beside.known() ? beside : alone; }
  int64_t busy_ns() const { return static_cast<int64_t>(busy().ns()); }
  const Mean& runs() const { return run.known() ? run : busy(); }
};

// A few kinds, the least recently used of which is forgotten for a new one: whose costs are not
// known is let in as if it cost nothing, and may expire where a known one would be refused.
class Costs {
 public:
  Cost& Of(uint64_t kind) {
    ++now_;
    Cost* oldest = &costs_[0];
    for (Cost& cost : costs_) {
      if (cost.used != 0 && cost.kind == kind) {
        cost.used = now_;
        return cost;
      }
      if (cost.used < oldest->used) oldest = &cost;
    }
    *oldest = {kind, now_, {}, {}, {}, {}};
    return *oldest;
  }

 private:
  uint64_t now_ = 0;
  std::array<Cost, 16> costs_;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_COSTS_H_
