// SPDX-License-Identifier: Apache-2.0
// Report: a bench's rows and findings, for people and for programs.
#ifndef HEDDLE_BENCH_CREW_REPORT_H_
#define HEDDLE_BENCH_CREW_REPORT_H_

#include <string>
#include <vector>

#include "judge.h"

namespace heddle::bench {

struct Report {
  std::vector<std::string> names;  // of the contestants, the control included
  int cores = 0;
  size_t rounds = 0;
  double seconds = 0;       // of a slot
  double iteration_ns = 0;  // of the work's chain
  std::vector<Row> rows;
  std::vector<Finding> findings;
};

std::string Table(const Report& report);
std::string Verdicts(const Report& report);
std::string ToJson(const Report& report);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_CREW_REPORT_H_
