// SPDX-License-Identifier: Apache-2.0
// crew_watch: the crew over time, beside other work, under limits and idle.
#include <CLI/CLI.hpp>

#include "base/topology.h"
#include "verbs.h"

int main(int argc, char** argv) {
  using namespace heddle::bench;  // NOLINT: a program of a page
  const int cores = static_cast<int>(heddle::core::ProcessCpus().size());
  CLI::App app{"The crew over time: beside other work, under limits, idle"};
  app.require_subcommand(1);
  double watched = 48, every = 8, limited = 10, silent = 60, pause_ms = 50;
  int callers = 1, others = cores, calls = 400;

  CLI::App* neighbour = app.add_subcommand("neighbour", "beside a load that comes and goes");
  neighbour->add_option("--seconds", watched, "in all")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 600.0));
  neighbour->add_option("--every", every, "seconds without the load, and with it")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 300.0));
  neighbour->add_option("--others", others, "threads of the load")->check(CLI::Range(1, 1024));
  neighbour->add_option("--callers", callers, "that call without pause")->check(CLI::Range(1, 256));

  CLI::App* limits = app.add_subcommand("limits", "under the limits that there are, or come");
  limits->add_option("--seconds", limited, "in all")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 600.0));
  limits->add_option("--callers", callers, "that call without pause")->check(CLI::Range(1, 256));

  CLI::App* idle = app.add_subcommand("idle", "after a burst of calls");
  idle->add_option("--seconds", silent, "without a call")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 600.0));
  idle->add_option("--calls", calls, "each after a pause")->capture_default_str();
  idle->add_option("--pause", pause_ms, "milliseconds before each")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  if (*neighbour) return WatchNeighbour(watched, every, others, callers);
  if (*limits) return WatchLimits(limited, callers);
  return WatchIdle(silent, calls, pause_ms);
}
