// SPDX-License-Identifier: Apache-2.0
// When an output agrees with a golden: the one rule of every suite.
#ifndef HEDDLE_CLI_COMPARE_H_
#define HEDDLE_CLI_COMPARE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/array.h"
#include "heddle/status.h"

namespace heddle::cli {

// Of one output: quanta for integers; for floats relative to the larger of the golden's range and
// its largest magnitude, both over finite elements; with bf16_ulps, units in the last place.
struct Tolerance {
  double value = 0;
  bool bf16_ulps = false;
};

// "2e-05", "bf16:2", one per output, comma separated.
Result<std::vector<Tolerance>> ParseTolerances(std::string_view text);

// What an output is held against. With a stride, `values` are every stride-th element of the
// flattened output.
struct Golden {
  const Array* values = nullptr;
  size_t stride = 1;
};

struct Difference {
  double largest = 0;      // of all elements, in the tolerance's unit; infinite: they cannot agree
  double equal_share = 1;  // of elements that are equal; both NaN is equal
  std::string why;         // empty: within the tolerance
};

// Each element is held against whichever golden is nearer. `bfloat16`: the u2 elements are its
// bits. An error: the goldens make no sense; a wrong type or shape of `output` is a difference.
Result<Difference> Compare(const Array& output, bool bfloat16, std::span<const Golden> goldens,
                           const Tolerance& tolerance);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_COMPARE_H_
