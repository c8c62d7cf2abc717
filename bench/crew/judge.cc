// SPDX-License-Identifier: Apache-2.0
#include "judge.h"

#include <algorithm>
#include <cmath>

namespace heddle::bench {
namespace {

using Where = Rule::Where;
using Against = Rule::Against;

constexpr Rule kOfCallers[] = {
    {"one caller: throughput of the fastest, at least 0.97", Where::kOneCaller, Against::kBest,
     &Measured::per_second, 0.97, true},
    {"callers on every core: throughput of alone, at least 0.95", Where::kManyCallers,
     Against::kAlone, &Measured::per_second, 0.95, true},
    {"callers on every core: p99 of alone, at most 1.3", Where::kManyCallers, Against::kAlone,
     &Measured::p99_ms, 1.3, false},
    {"everywhere: throughput of the best, at least 0.9", Where::kEverywhere, Against::kBest,
     &Measured::per_second, 0.9, true},
    {"one caller: CPU time of alone, at most 1.15", Where::kOneCaller, Against::kAlone,
     &Measured::cpu_ms, 1.15, false},
};

constexpr Rule kOfProcesses[] = {
    {"processes: throughput of alone, at least 0.95", Where::kEverywhere, Against::kAlone,
     &Measured::per_second, 0.95, true},
    {"processes: p99 of alone, at most 1.15", Where::kEverywhere, Against::kAlone,
     &Measured::p99_ms, 1.15, false},
    {"processes: p99 of a pool per process, at most 0.5", Where::kEverywhere, Against::kNaive,
     &Measured::p99_ms, 0.5, false},
};

bool Applies(const Rule& rule, const Layout& layout, int cores) {
  switch (rule.where) {
    case Where::kOneCaller:
      return layout.callers == 1;
    case Where::kManyCallers:
      return layout.callers >= cores;
    case Where::kEverywhere:
      return true;
  }
  return false;
}

double ValueOf(const Rule& rule, const Row& row) {
  if (rule.against == Against::kBest) return AgainstBest(row);
  return Ratio(row, kCrew, rule.against == Against::kAlone ? kAlone : size_t{2}, rule.metric);
}

}  // namespace

double Ratio(const Row& row, size_t a, size_t b, Metric metric) {
  std::vector<double> ratios;
  for (size_t r = 0; r < row.rounds[a].size(); ++r)
    ratios.push_back(row.rounds[a][r].*metric / row.rounds[b][r].*metric);
  const size_t middle = ratios.size() / 2;
  std::sort(ratios.begin(), ratios.end());
  return ratios.size() % 2 == 1 ? ratios[middle] : (ratios[middle - 1] + ratios[middle]) / 2;
}

double Control(const Row& row, Metric metric) {
  return Ratio(row, row.rounds.size() - 1, kAlone, metric);
}

bool Judgeable(const Row& row, Metric metric) {
  const double allowed = metric == &Measured::p99_ms ? 0.2 : 0.05;
  return row.rounds[kAlone].size() >= kRoundsToJudge &&
         std::abs(Control(row, metric) - 1) <= allowed;
}

double AgainstBest(const Row& row) {
  double least = INFINITY;
  for (size_t c = 0; c + 1 < row.rounds.size(); ++c)
    if (c != kCrew) least = std::min(least, Ratio(row, kCrew, c, &Measured::per_second));
  return least;
}

std::span<const Rule> RulesOfCallers() { return kOfCallers; }
std::span<const Rule> RulesOfProcesses() { return kOfProcesses; }

std::vector<Finding> Judge(std::span<const Rule> rules, const std::vector<Row>& rows, int cores) {
  std::vector<Finding> findings;
  for (const Rule& rule : rules) {
    Finding finding{&rule};
    for (const Row& row : rows) {
      if (!Applies(rule, row.layout, cores)) continue;
      const double value = ValueOf(rule, row);
      if (!Judgeable(row, rule.metric)) {
        ++finding.not_judged;
        continue;
      }
      const bool held = rule.at_least ? value >= rule.bound : value <= rule.bound;
      ++(held ? finding.held : finding.missed);
      if (finding.where != nullptr && (value < finding.worst) != rule.at_least) continue;
      finding.worst = value;
      finding.where = &row;
    }
    findings.push_back(finding);
  }
  return findings;
}

}  // namespace heddle::bench
