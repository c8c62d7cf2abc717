// SPDX-License-Identifier: Apache-2.0
// Threads that call the same model. Instead of an interpreter for each thread: that is measured
// first, then one model for all.
//   per_thread MODEL.tflite [CALLS]
#include <heddle/engine.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr size_t kThreads = 4;
using Clock = std::chrono::steady_clock;

// Thread t calls models[t]; 0: not every call succeeded.
double CallsPerSecond(const std::vector<heddle::Model>& models, size_t calls) {
  std::atomic<size_t> right{0};
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (const heddle::Model& model : models) {
      threads.emplace_back([&right, &model, calls] {
        const std::vector<float> image(64, 8.0f);
        for (size_t i = 0; i < calls; ++i) right += model.Run({{nullptr, image}}).ok();
      });
    }
  }
  if (right != calls * models.size()) return 0;
  return static_cast<double>(right) / std::chrono::duration<double>(Clock::now() - start).count();
}

heddle::Status Run(const char* path, size_t calls) {
  const heddle::Engine engine;
  std::vector<heddle::Model> own;
  for (size_t t = 0; t < kThreads; ++t) {
    HEDDLE_ASSIGN(heddle::Model model, engine.Load(path));
    own.push_back(std::move(model));
  }
  HEDDLE_ASSIGN(const heddle::Model model, engine.Load(path));
  const std::vector<heddle::Model> shared(kThreads, model);  // owners of the same one

  const double bytes = static_cast<double>(model.weights_bytes());
  const double each = CallsPerSecond(own, calls), one = CallsPerSecond(shared, calls);
  std::printf("4 models: %.1f KB of weights, %.0f calls a second\n", bytes * 4 / 1e3, each);
  std::printf("1 model:  %.1f KB of weights, %.0f calls a second\n", bytes / 1e3, one);
  if (each > 0 && one > 0) return heddle::Status();
  return {heddle::Code::kInternal, "a call failed"};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return Run(argv[1], argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10000).ok() ? 0 : 1;
}
