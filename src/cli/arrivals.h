// SPDX-License-Identifier: Apache-2.0
// When the requests of an open loop arrive.
#ifndef HEDDLE_CLI_ARRIVALS_H_
#define HEDDLE_CLI_ARRIVALS_H_

#include <cstdint>
#include <random>

namespace heddle::cli {

// Poisson: as those of many who know nothing of each other, in clusters and gaps, the same in every
// bench. Constant: at equal distances.
enum class Spacing { kPoisson, kConstant };

// Not thread-safe.
class Arrivals {
 public:
  Arrivals(Spacing spacing, double per_second) : spacing_(spacing), gap_s_(1 / per_second) {}

  // In ns since the beginning, where the first one is; never before the one before it.
  int64_t Next() {
    const double at =
        spacing_ == Spacing::kConstant ? static_cast<double>(count_++) * gap_s_ : sum_;
    sum_ += gap_s_ * gap_(random_);
    return static_cast<int64_t>(at * 1e9);
  }

 private:
  const Spacing spacing_;
  const double gap_s_;
  uint64_t count_ = 0;
  double sum_ = 0;
  std::mt19937 random_{1};
  std::exponential_distribution<double> gap_;
};

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_ARRIVALS_H_
