// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "base/clock.h"
#include "callers.h"
#include "crew/crew.h"
#include "trace.h"
#include "verbs.h"

namespace heddle::bench {
namespace {

constexpr int kColumns = 96;
constexpr int kLooks = 25;  // at the Governor, a column

// A process that computes in every second interval from `begin_ns` on.
class Neighbour {
 public:
  Neighbour(int threads, int64_t begin_ns, int64_t every_ns)
      : begin_ns_(begin_ns), every_ns_(every_ns) {
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::vector<std::thread> burning;
    for (int t = 0; t < threads; ++t) burning.emplace_back([this] { BurnInTurns(); });
    for (std::thread& thread : burning) thread.join();
    _exit(0);
  }
  ~Neighbour() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;

  bool ok() const { return pid_ > 0; }
  bool ComputesAt(int64_t ns) const {
    return ns >= begin_ns_ && (ns - begin_ns_) / every_ns_ % 2 == 1;
  }

 private:
  void BurnInTurns() const {
    for (;;) {
      if (ComputesAt(core::SystemClock().NowNs()))
        Burn(100'000);
      else
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  const int64_t begin_ns_, every_ns_;
  pid_t pid_;
};

void SleepUntil(int64_t ns) {
  const int64_t left = ns - core::SystemClock().NowNs();
  if (left > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(left));
}

Sample Watch(const core::Crew& crew, const Callers& callers, int64_t begin_ns, int64_t end_ns) {
  const int64_t calls = callers.calls();
  const uint64_t moves = crew.governor().moves();
  Sample sample;
  for (int look = 1; look <= kLooks; ++look) {
    SleepUntil(begin_ns + (end_ns - begin_ns) * look / kLooks);
    sample.helpers += static_cast<double>(crew.governor().cap()) / kLooks;
  }
  sample.calls = callers.calls() - calls;
  sample.moves = static_cast<int>(crew.governor().moves() - moves);
  return sample;
}

void PrintSummary(const std::vector<Sample>& samples, double column_s) {
  fmt::print("\n{:<14} {:>8} {:>12} {:>10}\n", "", "calls/s", "helpers", "moves/s");
  for (const bool loaded : {false, true}) {
    double calls = 0, helpers = 0, moves = 0, columns = 0;
    for (const Sample& sample : samples) {
      if (sample.loaded != loaded) continue;
      calls += static_cast<double>(sample.calls);
      helpers += sample.helpers;
      moves += sample.moves;
      ++columns;
    }
    if (columns == 0) continue;
    fmt::print("{:<14} {:>8.0f} {:>12.2f} {:>10.2f}\n", loaded ? "beside others" : "alone",
               calls / (columns * column_s), helpers / columns, moves / (columns * column_s));
  }
}

void PrintMoves(const core::Governor& governor, int64_t begin_ns) {
  fmt::print("\nthe Governor's latest moves, at s: cap (lost)\n");
  for (const core::Governor::Change& change : governor.Trace())
    fmt::print("  {:.2f}: {} ({:.0f} %)", static_cast<double>(change.at_ns - begin_ns) * 1e-9,
               change.cap, 100 * change.lost);
  fmt::print("\n");
}

}  // namespace

int WatchNeighbour(double seconds, double every_s, int others, int callers) {
  const auto every_ns = static_cast<int64_t>(every_s * 1e9);
  const auto column_ns = static_cast<int64_t>(seconds * 1e9) / kColumns;
  CallOfTheBench();  // measures a core while nobody disturbs it
  const int64_t begin_ns = core::SystemClock().NowNs() + 500'000'000;
  const Neighbour neighbour(others, begin_ns, every_ns);  // before there are threads here
  if (!neighbour.ok()) {
    fmt::print(stderr, "crew_watch: cannot start another process\n");
    return 1;
  }
  const core::Crew& crew = core::Crew::OfProcess();
  Callers calling(callers);
  SleepUntil(begin_ns);
  std::vector<Sample> samples;
  for (int column = 0; column < kColumns; ++column) {
    const int64_t at = begin_ns + column * column_ns;
    samples.push_back(Watch(crew, calling, at, at + column_ns));
    samples.back().loaded = neighbour.ComputesAt(at + column_ns / 2);
  }
  calling.Stop();
  const double column_s = static_cast<double>(column_ns) * 1e-9;
  fmt::print("{} cores, {} callers; another process computes on {} threads for {} s in {} s\n",
             crew.budget(), callers, others, every_s, 2 * every_s);
  fmt::print("a column is {:.2f} s; calls in tenths of the most\n\n{}", column_s,
             Picture(samples, crew.budget() - 1));
  PrintSummary(samples, column_s);
  PrintMoves(crew.governor(), begin_ns);
  return 0;
}

}  // namespace heddle::bench
