// SPDX-License-Identifier: Apache-2.0
// What the tests of the Queue have in common: requests for nothing, and hands that only count.
#ifndef HEDDLE_SERVE_QUEUE_FOR_TEST_H_
#define HEDDLE_SERVE_QUEUE_FOR_TEST_H_

#include <cstdlib>
#include <deque>
#include <memory>
#include <vector>

#include "crew/crew.h"
#include "serve/queue.h"

namespace heddle::core {

inline constexpr int64_t kMs = 1'000'000;

inline uint32_t SeedFromEnvironment() {
  const char* given = std::getenv("HEDDLE_SEED");
  return given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : 1;
}

inline Crew::Options CrewOf(int threads, int cores) {
  Crew::Options options;
  options.most_threads = threads;
  options.read_budget = [cores] { return cores; };
  return options;
}

struct TestRequest final : Request {
  explicit TestRequest(Target& its_target) { target = &its_target; }
  int told = 0;  // how often its end was told
  bool recycled = false;
  int64_t told_ns = 0;
  uint64_t number = 0;

 protected:
  void Recycle() override { recycled = true; }
};

// The run of `first` has ended so for each of its requests.
inline void EndRun(Queue& queue, Request& first, const Status& status) {
  for (Request* r = &first; r != nullptr; r = r->next_in_batch) r->status = status;
  queue.End(first);
}

struct NoTarget final : Target {
  Status Run(Request&, Turn&) override { return Status(); }
  bool Alike(const Request&, const Request&) const override { return true; }
};

struct CountingHands final : Hands {
  explicit CountingHands(int cores) : cores_(cores) {}
  int budget() const override { return cores_; }
  void Post(Priority priority) override { posts.push_back(priority); }
  void Lend(Request&, int64_t) override {}

  int cores_;
  std::vector<Priority> posts;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_QUEUE_FOR_TEST_H_
