// SPDX-License-Identifier: Apache-2.0
// A model that people wait for, beside one that works off an archive. Instead of a process for
// each with a part of the cores, or threads with priorities of the system's.
//   two_models PROMPT.tflite BUSY.tflite [CALLS]
#include <heddle/queue.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

static constexpr int kBatch = 256;

// Calls one after another; says how long they took.
static heddle::Status Ask(heddle::Queue& queue, const heddle::Model& model, const char* when,
                          size_t calls) {
  const std::vector<float> image(64, 8.0f);
  std::vector<double> us(calls + 1);
  for (double& took : us) {
    const auto start = std::chrono::steady_clock::now();
    HEDDLE_ASSIGN(heddle::Ticket ticket, queue.Submit(model, {{nullptr, image}}));
    HEDDLE_TRY(ticket.Wait().status());
    const auto end = std::chrono::steady_clock::now();
    took = std::chrono::duration<double, std::micro>(end - start).count();
  }
  std::sort(us.begin(), us.end());
  std::printf("%s p50 %.0f us, p99 %.0f us\n", when, us[us.size() / 2], us[us.size() * 99 / 100]);
  return heddle::Status();
}

static heddle::Status Run(const char* prompt_path, const char* busy_path, size_t calls) {
  const heddle::Engine engine;
  HEDDLE_ASSIGN(const heddle::Model prompt, engine.Load(prompt_path));
  HEDDLE_ASSIGN(const heddle::Model busy, engine.Load(busy_path));
  const std::vector<float> archive(size_t{kBatch} * 64, 8.0f);
  heddle::Queue queue({.policy = heddle::Policy::kBlock});
  HEDDLE_TRY(queue.SetModel(prompt, {.weight = 10}));
  HEDDLE_TRY(queue.SetModel(busy, {.weight = 1, .most_requests = 32}));
  HEDDLE_TRY(Ask(queue, prompt, "alone:                 ", calls));
  std::atomic<size_t> floods{0};
  std::jthread flooder([&](const std::stop_token& stop) {
    for (; !stop.stop_requested(); ++floods, floods.notify_one())
      if (auto t = queue.Submit(busy, {{nullptr, archive, {kBatch, 8, 8, 1}}}); t.ok())
        std::move(*t).Drop();
  });
  floods.wait(0);
  HEDDLE_TRY(Ask(queue, prompt, "beside the other model:", calls));
  flooder = std::jthread();  // asks it to stop, and joins it
  HEDDLE_TRY(queue.Drain());
  HEDDLE_ASSIGN(const heddle_queue_counters counters, queue.ReadCounters(&busy));
  std::printf("meanwhile %.0f of the archive\n", static_cast<double>(counters.succeeded) * kBatch);
  return heddle::Status();
}

int main(int argc, char** argv) {
  const size_t calls = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 2000;
  return argc < 3 || !Run(argv[1], argv[2], calls).ok();
}
