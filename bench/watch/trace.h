// SPDX-License-Identifier: Apache-2.0
// Trace: what was seen over time, drawn as text.
#ifndef HEDDLE_BENCH_WATCH_TRACE_H_
#define HEDDLE_BENCH_WATCH_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace heddle::bench {

// One column of the picture.
struct Sample {
  bool loaded = false;  // others computed
  double helpers = 0;   // that the Governor let work, on average
  int64_t calls = 0;    // that ended
  int moves = 0;        // of the Governor's cap
};

// A column a sample: the load, the helpers up to `most` as bars, calls in tenths of the most of a
// column, moves.
std::string Picture(const std::vector<Sample>& samples, int most);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_WATCH_TRACE_H_
