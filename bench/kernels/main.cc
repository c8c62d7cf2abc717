// SPDX-License-Identifier: Apache-2.0
// bench_kernels: each family of kernels on one core, held against the peaks of the same run.
#include <fmt/format.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "cases.h"
#include "cli/profile.h"
#include "cli/text.h"
#include "measure.h"

namespace heddle::bench {
namespace {

// Where it is now: peaks and kernels are of the same core.
void StayOnThisCore() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(std::max(0, sched_getcpu())), &set);
  static_cast<void>(sched_setaffinity(0, sizeof(set), &set));  // better so, not needed
}

bool Wanted(const Case& c, const std::vector<std::string>& words) {
  const std::string text = c.family + ": " + c.name;
  return std::all_of(words.begin(), words.end(),
                     [&](const std::string& word) { return text.find(word) != text.npos; });
}

// The number of cases that did not run.
int MeasureAll(const std::vector<std::string>& words, const core::Peaks& peaks) {
  cli::Table table("llrrrrll");
  table.Add({"family", "operator", "us", "GMAC/s", "GB/s", "of peak", "peak", "kernel"});
  int failed = 0;
  for (const Case& c : AllCases()) {
    if (!Wanted(c, words)) continue;
    const Result<Measured> measured = Measure(c, peaks);
    if (!measured.ok()) {
      fmt::print(stderr, "bench_kernels: {}: {}: {}\n", c.family, c.name,
                 measured.status().message());
      ++failed;
      continue;
    }
    table.Add({c.family, c.name, fmt::format("{:.2f}", static_cast<double>(measured->ns) * 1e-3),
               measured->gmacs > 0 ? fmt::format("{:.1f}", measured->gmacs) : "",
               fmt::format("{:.1f}", measured->gbytes),
               fmt::format("{:.1f} %", 100 * measured->share), measured->bound, measured->kernel});
  }
  fmt::print("\n{}", table.Text());
  return failed;
}

int Main(const std::vector<std::string>& words) {
  const Result<core::Isa> isa = core::ChooseIsa("");
  if (!isa.ok()) {
    fmt::print(stderr, "bench_kernels: {}\n", isa.status().message());
    return 1;
  }
  StayOnThisCore();
  const core::Peaks peaks = core::MeasurePeaks(core::SupportedIsas().back());
  fmt::print("Kernels of {}\n{}", core::IsaName(*isa), cli::PeaksText(peaks));
  return MeasureAll(words, peaks) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace heddle::bench

int main(int argc, char** argv) {
  CLI::App app{"Each family of kernels on one core, held against the peaks of the same run"};
  std::vector<std::string> words;
  app.add_option("WORD", words, "Only lines with all of these in family and operator");
  CLI11_PARSE(app, argc, argv);
  return heddle::bench::Main(words);
}
