// SPDX-License-Identifier: Apache-2.0
// Producers that read faster than the machine computes are held back. Instead of a bounded queue
// with two conditions, and threads that serve it.
//   producers MODEL.tflite [IMAGES]
#include <heddle/queue.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace {

constexpr size_t kProducers = 3, kMost = 16;
std::atomic<size_t> right{0};

// An image lives until its request is done, and no more are read than may wait.
void Produce(heddle::Queue& queue, const heddle::Model& model, uint64_t stream, size_t images) {
  for (size_t i = 0; i < images; ++i) {
    const auto image = std::make_shared<std::vector<float>>(64, static_cast<float>(i % 17));
    auto ticket = queue.Submit(model, {{nullptr, *image}}, {.stream = stream});
    if (!ticket.ok()) continue;
    std::move(*ticket).Then(
        [image](const heddle::Result<heddle::Outputs>& out) { right += out.ok(); });
  }
}

heddle::Status Run(const char* path, size_t images) {
  const heddle::Engine engine;
  HEDDLE_ASSIGN(const heddle::Model model, engine.Load(path));
  heddle::Queue queue({.most_requests = kMost, .policy = heddle::Policy::kBlock});
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (size_t p = 0; p < kProducers; ++p)
      threads.emplace_back([&, p] { Produce(queue, model, p + 1, images); });
  }
  HEDDLE_TRY(queue.Drain());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  HEDDLE_ASSIGN(const heddle_queue_counters counters, queue.ReadCounters());
  std::printf("%zu images of %zu producers, %.0f a second, at most %zu waited\n", right.load(),
              kProducers, static_cast<double>(right) / took.count(),
              static_cast<size_t>(counters.most_waiting));
  if (right == kProducers * images && counters.most_waiting <= kMost) return heddle::Status();
  return {heddle::Code::kInternal, "images were lost, or too many waited"};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const heddle::Status status = Run(argv[1], argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 5000);
  if (!status.ok()) std::fprintf(stderr, "producers: %s\n", status.c_str());
  return status.ok() ? 0 : 1;
}
