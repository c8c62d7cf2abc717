// SPDX-License-Identifier: Apache-2.0
// Hand work over, go on, and wait for all of it. Instead of a pool of threads with a queue, a lock
// and a condition: that is measured first, then Submit and Join.
//   pool MODEL.tflite [IMAGES]
#include <heddle/queue.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

static std::atomic<size_t> right{0};

static void WithAPool(const heddle::Model& model, const std::vector<float>& image, size_t images) {
  std::mutex lock;
  std::condition_variable changed;
  std::deque<const std::vector<float>*> work;
  const auto put = [&](const std::vector<float>* next) {
    const std::lock_guard held(lock);
    work.push_back(next);
    changed.notify_one();
  };
  const auto serve = [&] {
    for (std::unique_lock held(lock);; held.lock()) {
      changed.wait(held, [&] { return !work.empty(); });
      const std::vector<float>* next = work.front();
      work.pop_front();
      held.unlock();
      if (next == nullptr) return;
      right += model.Run({{nullptr, *next}}).ok();
    }
  };
  std::vector<std::jthread> threads;  // as many as somebody thought right
  for (int t = 0; t < 4; ++t) threads.emplace_back(serve);
  for (size_t i = 0; i < images; ++i) put(&image);
  for (int t = 0; t < 4; ++t) put(nullptr);
}

static void WithAQueue(const heddle::Model& model, const std::vector<float>& image, size_t images) {
  heddle::Queue queue({.most_requests = images});  // its end waits, as Join does
  for (size_t i = 0; i < images; ++i)
    if (auto ticket = queue.Submit(model, {{nullptr, image}}); ticket.ok())
      std::move(*ticket).Then([](const heddle::Result<heddle::Outputs>& o) { right += o.ok(); });
}

int main(int argc, char** argv) {
  const size_t images = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 20000;
  const auto model = heddle::Engine().Load(argc > 1 ? argv[1] : "");
  for (const auto& run : {WithAPool, WithAQueue}) {
    const auto start = std::chrono::steady_clock::now();
    if (model.ok()) run(*model, std::vector<float>(64, 8.0f), images);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const double rate = static_cast<double>(right) / took.count();
    std::printf("%s %.0f a second\n", run == WithAPool ? "a pool: " : "a queue:", rate);
    if (right.exchange(0) != images) return 1;
  }
}
