// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "benches.h"
#include "subject.h"

namespace heddle::bench {
namespace {

using core::Batching;

constexpr std::array<Batching, 3> kModes = {Batching::kMeasured, Batching::kAlways,
                                            Batching::kNever};

// Of callers that each submit and wait, again and again.
double PerSecond(const Subject& subject, core::ModelQueue& queue, int callers, double seconds) {
  std::atomic<bool> over{false};
  std::atomic<uint64_t> done{0};
  std::vector<std::thread> threads;
  const int64_t begin = NowNs();
  for (int t = 0; t < callers; ++t) {
    threads.emplace_back([&] {
      uint64_t mine = 0;
      while (!over.load(std::memory_order_relaxed)) mine += subject.RunThrough(queue);
      done += mine;
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  over = true;
  for (std::thread& t : threads) t.join();
  return static_cast<double>(done.load()) * 1e9 / static_cast<double>(NowNs() - begin);
}

// Medians of throughput by mode.
std::array<double, 3> Compare(const Subject& subject,
                              std::array<std::shared_ptr<core::ModelQueue>, 3>& queues, int callers,
                              const Settings& settings) {
  std::array<std::vector<double>, 3> rounds;
  std::array<size_t, 3> order = {0, 1, 2};
  std::mt19937 random(1);
  for (int round = 0; round <= settings.rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t mode : order) {
      const double rate = PerSecond(subject, *queues[mode], callers, settings.seconds);
      if (round > 0) rounds[mode].push_back(rate);  // the first one learns
    }
  }
  return {Median(rounds[0]), Median(rounds[1]), Median(rounds[2])};
}

}  // namespace

void CompareBatching(const std::vector<std::string>& models, const Settings& settings) {
  fmt::print("{} callers, median of {} rounds of {} s: requests a second\n\n", settings.callers,
             settings.rounds, settings.seconds);
  fmt::print("{:36} {:>9} {:>9} {:>9} {:>8} {:>7} {:>7} {:>9}\n", "model", "chosen", "always",
             "never", "to best", "mean", "largest", "1 caller");
  for (const std::string& path : models) {
    const Subject subject(path);
    std::array<std::shared_ptr<core::ModelQueue>, 3> queues;
    for (size_t mode = 0; mode < kModes.size(); ++mode) {
      queues[mode] = std::make_shared<core::ModelQueue>(core::QueueLimits());
      queues[mode]->queue().SetBatching(kModes[mode]);
    }
    const auto many = Compare(subject, queues, settings.callers, settings);
    const core::QueueCounts& c = queues[0]->queue().counts();
    const double runs =
        static_cast<double>(c.succeeded.value() - c.batched.value() + c.batches.value());
    const double mean = static_cast<double>(c.succeeded.value()) / std::max(1.0, runs);
    const uint64_t largest = c.largest_batch.value();
    const auto one = Compare(subject, queues, 1, settings);
    fmt::print("{:36} {:9.1f} {:9.1f} {:9.1f} {:8.3f} {:7.2f} {:7} {:9.3f}\n",
               std::filesystem::path(path).stem().string(), many[0], many[1], many[2],
               many[0] / std::max(many[1], many[2]), mean, largest, one[0] / one[2]);
    for (const auto& queue : queues) static_cast<void>(queue->queue().Drain(false));
  }
}

}  // namespace heddle::bench
