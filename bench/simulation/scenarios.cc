// SPDX-License-Identifier: Apache-2.0
#include "scenarios.h"

namespace heddle::bench {
namespace {

constexpr Machine kMachines[] = {{64, 1, {}}, {192, 2, {}}};
constexpr int kCallers[] = {1, 4, 16, 64, 192, 1000};
constexpr Load kLoads[] = {
    {"tiny", 5, 16, 1'250},    // 0.1 ms in regions of 20 us
    {"small", 64, 16, 1'250},  // 1.3 ms in regions of 20 us
    {"large", 16, 256, 3'900}  // 16 ms in regions of 1 ms
};
// From the second on each with the changes of those before.
constexpr Variant kVariants[] = {
    {"any number helps", {.exchange_ns = 0, .wake_inside_lock = true}},
    {"+ a bound", {.wake_inside_lock = true}},
    {"the crew's rules", {}},
    {"+ claims unseen", {.claim_looks_first = false}},
    {"+ a slot per core", {.claim_looks_first = false, .slots = 192}},
};

}  // namespace

std::span<const Machine> Machines() { return kMachines; }
std::span<const Load> Loads() { return kLoads; }
std::span<const int> CallerCounts() { return kCallers; }
std::span<const Variant> Variants() { return kVariants; }

Traffic TrafficOf(int callers) { return {callers, std::max(40, 4 * callers), 2'000}; }

Score ScoreOf(const Machine& machine, const Load& load, const Traffic& traffic,
              const Outcome& outcome) {
  const int turns = std::min(traffic.callers, machine.cores);
  const int threads = std::min(load.tiles, machine.cores / turns);
  const int64_t tiles_in_turn = (load.tiles + threads - 1) / threads;
  const auto prepare = static_cast<double>(traffic.prepare_ns);
  const double crowd = std::max(1.0, static_cast<double>(traffic.callers) / machine.cores);
  const double alone_ns = (static_cast<double>(load.work_ns()) + prepare) * crowd;
  const double helped_ns =
      (static_cast<double>(load.regions * tiles_in_turn * load.tile_ns) + prepare) * crowd;
  const auto computed = static_cast<double>(outcome.compute);
  const auto beside = static_cast<double>(outcome.claiming + outcome.waking + outcome.spinning +
                                          outcome.stragglers);
  // Of the middle half: in the beginning and at the end cores stand idle.
  const size_t quarter = outcome.ends.size() / 4;
  const double rate = static_cast<double>(2 * quarter) /
                      static_cast<double>(outcome.ends[3 * quarter] - outcome.ends[quarter]);
  Score score;
  score.limit = alone_ns / helped_ns;
  score.throughput = rate / (traffic.callers / alone_ns);
  score.p99 =
      static_cast<double>(outcome.latencies[outcome.latencies.size() * 99 / 100]) / alone_ns;
  score.cpu = (computed + beside) / computed;
  return score;
}

}  // namespace heddle::bench
