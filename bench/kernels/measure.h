// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_BENCH_KERNELS_MEASURE_H_
#define HEDDLE_BENCH_KERNELS_MEASURE_H_

#include <string>

#include "base/peaks.h"
#include "cases.h"
#include "heddle/status.h"

namespace heddle::bench {

struct Measured {
  std::string kernel;
  int64_t ns = 0;
  double gmacs = 0, gbytes = 0;  // a second
  double share = 0;              // of what the binding peak allows
  const char* bound = "";
};

// On this thread alone, in fast numerics, on the instruction set of HEDDLE_ISA or the best.
Result<Measured> Measure(const Case& subject, const core::Peaks& peaks);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_KERNELS_MEASURE_H_
