// SPDX-License-Identifier: Apache-2.0
// Slot: one contestant for a moment, in processes of its own, so that no thread of another still
// spins beside it.
#ifndef HEDDLE_BENCH_CREW_SLOT_H_
#define HEDDLE_BENCH_CREW_SLOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "heddle/status.h"
#include "work.h"

namespace heddle::bench {

struct Slot {
  std::string contestant;
  int processes = 1;
  int callers = 1;  // of each process
  int threads = 1;  // that the contestant may use in each process
  Request request;
  double seconds = 0.2;
};

// The calls that ended while the slot lasted, of all its processes. Where none did, one that took
// the whole slot: it was longer.
struct Measured {
  double per_second = 0, p50_ms = 0, p99_ms = 0, cpu_ms = 0;  // cpu_ms: of a call
};

// `self`: this program, which answers to SlotArguments by ServeSlot.
Result<Measured> Measure(const std::string& self, const Slot& slot);

// In the slot's process: calls from its start, reports on stdout what ended between begin and end.
int ServeSlot(const std::vector<std::string>& arguments);

// The first argument of a slot's process.
inline constexpr const char* kSlotVerb = "slot";

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_CREW_SLOT_H_
