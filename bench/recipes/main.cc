// SPDX-License-Identifier: Apache-2.0
// bench_recipes: one recipe, one model, callers that call again at once; for bench/recipes.py.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <latch>
#include <thread>

#include "base/topology.h"
#include "cli/latency.h"
#include "cli/usage.h"
#include "recipes.h"

namespace heddle::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<Buffer> ReadAll(const std::vector<std::string>& paths) {
  std::vector<Buffer> files;
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    if (!file) Stop(path + ": cannot be read");
    files.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return files;
}

int64_t NanosSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
}

// Each caller's first call is not measured.
void Measure(Recipe& recipe, const std::vector<Buffer>& inputs, int callers, double seconds,
             const char* version) {
  std::vector<cli::Latencies> latencies(static_cast<size_t>(callers));
  std::vector<std::thread> threads;
  std::latch ready(callers + 1);
  for (cli::Latencies& own : latencies) {
    threads.emplace_back([&recipe, &inputs, &own, &ready, seconds] {
      Buffer output;
      recipe.Call(inputs, output);
      ready.arrive_and_wait();
      const Clock::time_point end =
          Clock::now() + std::chrono::nanoseconds(std::llround(seconds * 1e9));
      for (Clock::time_point start; (start = Clock::now()) < end;) {
        recipe.Call(inputs, output);
        own.Record(NanosSince(start));
      }
    });
  }
  ready.arrive_and_wait();
  const Clock::time_point start = Clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds / 2));
  const double memory_mb = cli::PssMb();
  for (std::thread& thread : threads) thread.join();
  const double took = static_cast<double>(NanosSince(start)) * 1e-9;
  cli::Latencies all;
  for (const cli::Latencies& own : latencies) all.Merge(own);
  std::printf(
      "{\"tensorflow_lite\": \"%s\", \"per_second\": %.6g, \"p50_ms\": %.6g, \"p99_ms\": %.6g, "
      "\"memory_mb\": %.6g}\n",
      version, static_cast<double>(all.count()) / took, all.QuantileMs(0.5), all.QuantileMs(0.99),
      memory_mb);
}

int Run(int argc, char** argv) {
  CLI::App app{"What people write around TensorFlow Lite's interpreter in C++"};
  std::string library, name, model;
  std::vector<std::string> inputs;
  int callers = 1;
  double seconds = 1;
  app.add_option("LIBRARY", library, "TensorFlow Lite's C interface")->required();
  app.add_option("RECIPE", name, "per_thread, behind_a_lock or pool")->required();
  app.add_option("MODEL", model, "a file")->required();
  app.add_option("--inputs", inputs, "files with the bytes of each")->required();
  app.add_option("--callers", callers)->capture_default_str()->check(CLI::Range(1, 1024));
  app.add_option("--seconds", seconds)->capture_default_str()->check(CLI::Range(0.01, 600.0));
  CLI11_PARSE(app, argc, argv);

  const TfLiteC c(library);
  const int cores = static_cast<int>(core::ProcessCpus().size());
  const std::unique_ptr<Recipe> recipe = MakeRecipe(name, c, model, cores);
  if (recipe == nullptr)
    Stop(name + ": no such recipe; expected per_thread, behind_a_lock or pool");
  Measure(*recipe, ReadAll(inputs), callers, seconds, c.Version());
  return 0;
}

}  // namespace
}  // namespace heddle::bench

int main(int argc, char** argv) {
  try {
    return heddle::bench::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_recipes: %s\n", error.what());
    return 1;
  }
}
