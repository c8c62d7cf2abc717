// SPDX-License-Identifier: Apache-2.0
// Threads that call the same model. Instead of a lock around the interpreter that they share: that
// is measured first, then the same without the lock.
//   locked MODEL.tflite [CALLS]
#include <heddle/engine.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr size_t kThreads = 4;
using Clock = std::chrono::steady_clock;

// lock nullptr: none. Whether every call succeeded.
bool Measure(const heddle::Model& model, std::mutex* lock, size_t calls) {
  std::vector<std::vector<double>> us(kThreads);
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (std::vector<double>& own : us) {
      threads.emplace_back([&model, lock, calls, &own] {
        const std::vector<float> image(64, 8.0f);
        for (size_t i = 0; i < calls; ++i) {
          const auto begin = Clock::now();
          std::unique_lock<std::mutex> held;
          if (lock != nullptr) held = std::unique_lock(*lock);
          if (!model.Run({{nullptr, image}}).ok()) return;
          own.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
        }
      });
    }
  }
  const std::chrono::duration<double> took = Clock::now() - start;
  std::vector<double> all;
  for (const std::vector<double>& own : us) all.insert(all.end(), own.begin(), own.end());
  std::sort(all.begin(), all.end());
  if (all.size() != kThreads * calls) return false;
  std::printf("%-15s %.0f calls a second, p99 %.0f us\n",
              lock ? "behind a lock:" : "shared:", static_cast<double>(all.size()) / took.count(),
              all[all.size() * 99 / 100]);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const size_t calls = argc > 2 ? std::max(1UL, std::strtoul(argv[2], nullptr, 10)) : 10000;
  const auto model = heddle::Engine().Load(argv[1]);
  if (!model.ok()) return 1;
  std::mutex lock;
  return Measure(*model, &lock, calls) && Measure(*model, nullptr, calls) ? 0 : 1;
}
