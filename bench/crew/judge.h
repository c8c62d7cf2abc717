// SPDX-License-Identifier: Apache-2.0
// Judge: what measurements say of the crew, and whether they say anything at all.
#ifndef HEDDLE_BENCH_CREW_JUDGE_H_
#define HEDDLE_BENCH_CREW_JUDGE_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "slot.h"

namespace heddle::bench {

struct Layout {
  int processes = 1;
  int callers = 1;       // of each process
  double region_us = 0;  // of compute, all tiles together
  int tiles = 1;
};

// One layout, measured round by round. The contestants of a bench begin with alone and crew and end
// with the control: alone once more.
struct Row {
  Layout layout;
  std::vector<std::vector<Measured>> rounds;  // of each contestant
};
inline constexpr size_t kAlone = 0, kCrew = 1;

using Metric = double Measured::*;

// The median over the rounds of a's metric in relation to b's of the same round.
double Ratio(const Row& row, size_t a, size_t b, Metric metric);

// What the same contestant does to itself; the layout is judged by `metric` only when this is
// near 1: within 5 %, for p99_ms within 20 %.
double Control(const Row& row, Metric metric);
bool Judgeable(const Row& row, Metric metric);

// The crew in relation to the best of all others.
double AgainstBest(const Row& row);

struct Rule {
  const char* text;
  enum class Where { kOneCaller, kManyCallers, kEverywhere } where;  // many: one per core or more
  enum class Against { kAlone, kBest, kNaive } against;              // naive: the third contestant
  Metric metric;
  double bound;
  bool at_least;  // else at most
};
std::span<const Rule> RulesOfCallers();
std::span<const Rule> RulesOfProcesses();

// How one rule fared.
struct Finding {
  const Rule* rule = nullptr;
  int held = 0, missed = 0, not_judged = 0;
  double worst = 0;            // of the layouts that were judged
  const Row* where = nullptr;  // nullptr: none was
};
inline constexpr size_t kRoundsToJudge = 15;  // fewer judge nothing
std::vector<Finding> Judge(std::span<const Rule> rules, const std::vector<Row>& rows, int cores);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_CREW_JUDGE_H_
