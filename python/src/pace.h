// SPDX-License-Identifier: Apache-2.0
// Runs of a few microseconds keep the GIL: to hand it over and to get it back takes as long, and
// threads that fight for it get less done than one alone.
#ifndef HEDDLE_PYTHON_PACE_H_
#define HEDDLE_PYTHON_PACE_H_

#include <chrono>
#include <cstdint>

#include "gil.h"

namespace heddle::python {

inline int64_t NowNs() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

// As WithoutGil; also how long it took.
template <class F>
auto TimedWithoutGil(F work, int64_t* ns) {
  return WithoutGil([&] {
    const int64_t start = NowNs();
    auto result = work();
    *ns = NowNs() - start;
    return result;
  });
}

// Of runs whose time does not depend on their values: the same model, the same shapes, no loops.
// Every method with the GIL held.
class Pace {
 public:
  // Whether the next run is to keep the GIL. Not while the engine works for anyone else: the run
  // might have to wait for its turn.
  bool Keeps() const { return keeps_ > 0 && engine_works.load() == 0; }
  void Kept() { --keeps_; }
  void Took(int64_t ns) {
    brief_ = ns < kBriefNs ? brief_ + 1 : 0;
    keeps_ = brief_ < kBriefInARow ? 0 : kKeptInARow;
  }

 private:
  // To wake a thread that sleeps for the GIL takes about as long.
  static constexpr int64_t kBriefNs = 5'000;
  static constexpr int kBriefInARow = 3;
  static constexpr int kKeptInARow = 100;  // then one is timed again

  int brief_ = 0, keeps_ = 0;
};

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_PACE_H_
