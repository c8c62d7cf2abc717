// SPDX-License-Identifier: Apache-2.0
// bench_crew: the crew beside other ways to run the same calls, in paired rounds.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/topology.h"
#include "report.h"

namespace heddle::bench {
namespace {

constexpr double kRequestUs = 1280;  // of compute in a call

struct Options {
  bool processes = false, json = false;
  size_t rounds = kRoundsToJudge;
  double seconds = 0.2;
  std::vector<int> callers = {1, 2, 4, 8, 16};
  std::vector<double> regions = {5, 20, 100};
  std::vector<int> tiles = {2, 4, 16};
};

std::vector<Layout> Layouts(const Options& options) {
  std::vector<Layout> layouts;
  for (const int side : options.processes ? std::vector<int>{2, 4} : options.callers)
    for (const double region_us : options.regions)
      for (const int tiles : options.tiles)
        layouts.push_back(options.processes ? Layout{side, 2, region_us, tiles}
                                            : Layout{1, side, region_us, tiles});
  return layouts;
}

Slot SlotOf(const Layout& layout, const std::string& contestant, const Report& report) {
  const double iterations = layout.region_us * 1e3 / layout.tiles / report.iteration_ns;
  Slot slot;
  slot.contestant = contestant;
  slot.processes = layout.processes;
  slot.callers = layout.callers;
  slot.threads = report.cores;
  slot.seconds = report.seconds;
  slot.request.regions = std::llround(kRequestUs / layout.region_us);
  slot.request.tiles = layout.tiles;
  slot.request.tile_iterations = std::llround(iterations);
  slot.request.tile_ns = iterations * report.iteration_ns;
  return slot;
}

// Every contestant of every layout once a round, in an order that turns from round to round, so
// that what is compared was measured within a second or two.
Status MeasureAll(const std::string& self, Report& report) {
  const size_t count = report.names.size();
  for (size_t round = 0; round < report.rounds; ++round) {
    for (size_t r = 0; r < report.rows.size(); ++r) {
      fmt::print(stderr, "\rround {} of {}, layout {} of {} ", round + 1, report.rounds, r + 1,
                 report.rows.size());
      Row& row = report.rows[r];
      for (size_t i = 0; i < count; ++i) {
        const size_t c = (i + round) % count;
        HEDDLE_ASSIGN(const Measured measured,
                      Measure(self, SlotOf(row.layout, report.names[c], report)));
        row.rounds[c].push_back(measured);
      }
    }
  }
  fmt::print(stderr, "\n");
  return Status();
}

int Run(const std::string& self, const Options& options) {
  Report report;
  report.names = {"alone", "crew", "pthreadpool", "alone"};
  if (!options.processes) report.names = {"alone", "crew", "tbb", "gomp", "pthreadpool", "alone"};
  report.cores = static_cast<int>(core::ProcessCpus().size());
  report.rounds = options.rounds;
  report.seconds = options.seconds;
  report.iteration_ns = NsPerIteration();
  for (const Layout& layout : Layouts(options))
    report.rows.push_back({layout, std::vector<std::vector<Measured>>(report.names.size())});
  if (const Status status = MeasureAll(self, report); !status.ok()) {
    fmt::print(stderr, "bench_crew: {}\n", status.message());
    return 1;
  }
  report.findings =
      Judge(options.processes ? RulesOfProcesses() : RulesOfCallers(), report.rows, report.cores);
  if (options.json) {
    fmt::print("{}", ToJson(report));
  } else {
    fmt::print("{} cores, {} rounds, calls of {:.2f} ms of compute\n{}\n{}", report.cores,
               report.rounds, kRequestUs / 1000, Table(report), Verdicts(report));
  }
  return 0;
}

}  // namespace
}  // namespace heddle::bench

int main(int argc, char** argv) {
  using heddle::bench::kSlotVerb;
  if (argc > 1 && std::string(argv[1]) == kSlotVerb)
    return heddle::bench::ServeSlot(std::vector<std::string>(argv + 2, argv + argc));
  heddle::bench::Options options;
  CLI::App app("The crew beside single-threaded callers, oneTBB, libgomp and pthreadpool");
  app.add_flag("--processes", options.processes,
               "two and four processes side by side, 2 callers each, beside single-threaded "
               "callers and a pool per process");
  app.add_flag("--json", options.json, "JSON in place of the table");
  app.add_option("--rounds", options.rounds, "paired rounds")->check(CLI::Range(1, 1000));
  app.add_option("--seconds", options.seconds, "of a slot")->check(CLI::Range(0.01, 60.0));
  app.add_option("--callers", options.callers)->delimiter(',')->check(CLI::Range(1, 1000));
  app.add_option("--regions", options.regions, "microseconds of compute")
      ->delimiter(',')
      ->check(CLI::Range(1.0, 1280.0));
  app.add_option("--tiles", options.tiles, "of a region")
      ->delimiter(',')
      ->check(CLI::Range(1, 65535));
  CLI11_PARSE(app, argc, argv);
  return heddle::bench::Run("/proc/self/exe", options);
}
