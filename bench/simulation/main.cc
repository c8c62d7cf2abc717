// SPDX-License-Identifier: Apache-2.0
// crew_simulation: the crew's rules on machines that are not there, from 1 to 1,000 callers.
#include <fmt/format.h>

#include <string_view>

#include "measure.h"
#include "scenarios.h"

namespace heddle::bench {
namespace {

constexpr uint32_t kSeed = 1;

void PrintHead() {
  fmt::print(
      "In relation to callers that nobody helps: throughput, p99, CPU time; seed {}\n\n{:28}",
      kSeed, "");
  for (const Variant& variant : Variants()) fmt::print("{:^24}", variant.name);
  fmt::print("\n{:>5} {:>6} {:>7} {:>7}", "cores", "load", "callers", "limit");
  for (size_t i = 0; i < Variants().size(); ++i)
    fmt::print("   {:>6} {:>6} {:>6} ", "calls", "p99", "CPU");
  fmt::print("\n");
}

void PrintRow(const Machine& machine, const Load& load, int callers) {
  const Traffic traffic = TrafficOf(callers);
  fmt::print("{:>5} {:>6} {:>7}", machine.cores, load.name, callers);
  bool first = true;
  for (const Variant& variant : Variants()) {
    const Outcome outcome = CrewModel(machine, variant.rules, load, traffic, kSeed).Run();
    const Score score = ScoreOf(machine, load, traffic, outcome);
    if (first) fmt::print(" {:>7.2f}", score.limit);
    first = false;
    fmt::print("   {:>6.2f} {:>6.2f} {:>6.2f} ", score.throughput, score.p99, score.cpu);
  }
  fmt::print("\n");
}

void Simulate() {
  PrintHead();
  for (const Machine& machine : Machines())
    for (const Load& load : Loads())
      for (const int callers : CallerCounts()) PrintRow(machine, load, callers);
}

}  // namespace
}  // namespace heddle::bench

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--measure") {
    heddle::bench::PrintCosts();
    return 0;
  }
  if (argc != 1) {
    fmt::print(stderr, "usage: crew_simulation [--measure]\n");
    return 2;
  }
  heddle::bench::Simulate();
}
