// SPDX-License-Identifier: Apache-2.0
// Budget: how many cores this process may use right now.
#ifndef HEDDLE_CREW_BUDGET_H_
#define HEDDLE_CREW_BUDGET_H_

#include <string>

#include "base/cgroup.h"

namespace heddle::core {

// Reads what limits the process. Each reading is fresh; takes some file reads.
class BudgetReader {
 public:
  explicit BudgetReader(const std::string& root = "") : cgroup_(Cgroup::OfThisProcess(root)) {}

  // At least 1. A fractional quota counts as the whole cores below it: what is above them would be
  // spent before each period's end, and all threads would stand still until the next.
  int Read() const;

 private:
  Cgroup cgroup_;
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_BUDGET_H_
