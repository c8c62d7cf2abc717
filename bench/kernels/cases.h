// SPDX-License-Identifier: Apache-2.0
// What bench_kernels measures: operators as networks have them, a line each.
#ifndef HEDDLE_BENCH_KERNELS_CASES_H_
#define HEDDLE_BENCH_KERNELS_CASES_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace heddle::bench {

struct Case {
  std::string family, name;                       // "conv 3x3", "int8 28x28x128 to 128"
  std::function<std::vector<std::byte>()> build;  // the bytes of its model
};

std::vector<Case> Products();  // that have weights, or multiply two inputs
std::vector<Case> Others();    // what only moves, or computes element by element
std::vector<Case> AllCases();

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_KERNELS_CASES_H_
