// SPDX-License-Identifier: Apache-2.0
// Traffic in virtual time: minutes of it, at several times what the machine can carry.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <random>

#include "serve/queue_for_test.h"

namespace heddle::core {
namespace {

struct SimulatedRequest final : Request {
  int64_t came_ns = 0;
  std::vector<SimulatedRequest*>* free = nullptr;
  void Recycle() override {
    Renew();
    free->push_back(this);
  }
};

// Who sends requests for a model: at random times, of random costs.
struct Traffic {
  double per_second = 0;
  double mean_ms = 10;
  int64_t deadline_ns = 0;  // after the arrival; 0: none
  Priority priority = Priority::kNormal;
  uint64_t streams = 0;  // that the requests come from, at random
  double row = 0;        // what each further row of a batch costs, of the first; 0: never batched
  NoTarget target = {};
  uint64_t sent = 0, accepted = 0, in_time = 0;
  std::vector<double> latencies_ms = {};  // of those that succeeded
};

class Simulation {
 public:
  Simulation(uint32_t seed, int cores, const QueueLimits& limits)
      : rng_(seed), hands_(cores), queue_(clock_, hands_, limits) {}

  Queue& queue() { return queue_; }
  void Add(Traffic& traffic) { traffic_.push_back(&traffic); }

  void Run(double seconds) {
    const auto end = static_cast<int64_t>(seconds * 1e9);
    for (Traffic* t : traffic_) ScheduleArrival(*t);
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      clock_.Advance(event.at - clock_.NowNs());
      if (event.request != nullptr) {
        event.SetStatuses();
        queue_.End(*event.request);
        --running_;
      } else if (event.at < end) {
        Arrive(*event.traffic);
        ScheduleArrival(*event.traffic);
      }
      while (running_ < hands_.budget() && BeginOne()) {
      }
      most_bytes_ = std::max(most_bytes_, queue_.counts().bytes.value());
    }
    EXPECT_EQ(queue_.counts().waiting.value(), 0u);
    EXPECT_TRUE(queue_.Join().ok());
  }
  uint64_t requests_made() const { return made_.size(); }

 private:
  struct Event {
    int64_t at = 0;
    Traffic* traffic = nullptr;
    SimulatedRequest* request = nullptr;
    int64_t end = 0;  // when it would be done
    bool operator<(const Event& other) const { return at > other.at; }
    void SetStatuses() const {
      for (Request* r = request; r != nullptr; r = r->next_in_batch)
        r->status = r->deadline_ns != 0 && end > r->deadline_ns
                        ? Status(Code::kDeadlineExceeded, "stopped between two steps")
                        : Status();
    }
  };

  double Random(double mean) { return std::exponential_distribution<double>(1 / mean)(rng_); }
  void ScheduleArrival(Traffic& t) {
    const auto gap = static_cast<int64_t>(Random(1e9 / t.per_second));
    events_.push({clock_.NowNs() + gap, &t});
  }

  void Arrive(Traffic& t) {
    if (free_.empty()) {
      made_.push_back(std::make_unique<SimulatedRequest>());
      made_.back()->free = &free_;
      free_.push_back(made_.back().get());
    }
    SimulatedRequest& r = *free_.back();
    free_.pop_back();
    r.target = &t.target;
    r.stream = t.streams == 0 ? 0 : 1 + rng_() % t.streams;
    r.priority = t.priority;
    r.batchable = t.row > 0;
    r.bytes = 1;
    r.came_ns = clock_.NowNs();
    r.deadline_ns = t.deadline_ns == 0 ? 0 : r.came_ns + t.deadline_ns;
    ++t.sent;
    if (queue_.Submit(r).ok()) {
      ++t.accepted;
      queue_.Then(r, Told, this);
    }
    r.Disown();
  }
  static void Told(void* arg, Request& request) {
    auto& self = *static_cast<Simulation*>(arg);
    if (!request.status.ok()) return;
    const auto& r = static_cast<SimulatedRequest&>(request);
    for (Traffic* t : self.traffic_) {
      if (&t->target != r.target) continue;
      const int64_t took = self.clock_.NowNs() - r.came_ns;
      t->latencies_ms.push_back(static_cast<double>(took) / 1e6);
      ++t->in_time;
    }
  }

  bool BeginOne() {
    auto* r = static_cast<SimulatedRequest*>(queue_.Begin());
    if (r == nullptr) return false;
    ++running_;
    double mean = 0, rows = 1;
    for (const Traffic* t : traffic_) {
      if (&t->target != r->target) continue;
      mean = t->mean_ms;
      rows += t->row * (r->batch_size - 1);
    }
    // Half of it is always the same.
    const auto took = static_cast<int64_t>((mean + Random(mean)) * rows * 0.5e6);
    const int64_t end = clock_.NowNs() + took;
    int64_t last = 0;  // when nobody wants it any more
    for (const Request* member = r; member != nullptr; member = member->next_in_batch)
      last = std::max(last, member->deadline_ns == 0 ? end : member->deadline_ns);
    events_.push({std::min(end, last), nullptr, r, end});
    return true;
  }

  std::mt19937 rng_;
  FakeClock clock_{1};
  CountingHands hands_;
  Queue queue_;
  std::vector<Traffic*> traffic_;
  std::priority_queue<Event> events_;
  std::vector<std::unique_ptr<SimulatedRequest>> made_;
  std::vector<SimulatedRequest*> free_;
  uint64_t most_bytes_ = 0;
  int running_ = 0;
};

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const auto at = static_cast<size_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
  return values[at];
}

TEST(Simulation, ThreeTimesWhatTheMachineCarries) {
  for (const int cores : {1, 2, 8}) {
    for (const uint64_t streams : {0, 12}) {
      Simulation simulation(SeedFromEnvironment(), cores, {});
      const double capacity = cores * 100.0;
      Traffic traffic{.per_second = 3 * capacity, .deadline_ns = 200 * kMs, .streams = streams};
      simulation.Add(traffic);
      constexpr double kSeconds = 100;
      simulation.Run(kSeconds);
      const double goodput = static_cast<double>(traffic.in_time) / kSeconds / capacity;
      const double kept =
          static_cast<double>(traffic.in_time) / static_cast<double>(traffic.accepted);
      EXPECT_GE(goodput, 0.95) << cores << " cores, " << streams << " streams";
      // A stream that was idle goes before one that has had its share, and its request was not
      // foreseen: where each request is a twentieth of the deadline, that makes a few late.
      EXPECT_GE(kept, streams > 1 && cores == 1 ? 0.96 : 0.985) << cores << " cores, " << streams;
      if (streams == 0) EXPECT_GE(kept, 0.99) << cores << " cores";
      EXPECT_LE(simulation.requests_made(), 1024u + 1) << "memory is flat";
    }
  }
}

// Two models on a machine, one flooding at ten times its share.
TEST(Simulation, AFloodDelaysOthersByOneRunOfItsOwn) {
  for (const int cores : {1, 2, 4}) {
    const double capacity = cores * 100.0;
    const auto alone_or_beside = [&](bool flooded) {
      Simulation simulation(SeedFromEnvironment(), cores, {});
      Traffic quiet{.per_second = 0.1 * capacity}, flood{.per_second = 5 * capacity};
      simulation.Add(quiet);
      if (flooded) simulation.Add(flood);
      simulation.Run(100);
      EXPECT_EQ(quiet.accepted, quiet.sent);
      return Quantile(quiet.latencies_ms, 0.99);
    };
    const double run_ms = 5 + 5 * 4.6;  // the 99th percentile of a run's cost
    EXPECT_LE(alone_or_beside(true), 1.5 * alone_or_beside(false) + run_ms) << cores << " cores";
  }
}

// A high priority that saturates the machine leaves every tenth begin to a low one.
TEST(Simulation, LowPriorityGetsItsTenth) {
  Simulation simulation(SeedFromEnvironment(), 2, {});
  Traffic high{.per_second = 1000, .priority = Priority::kHigh};
  Traffic low{.per_second = 100, .priority = Priority::kLow};
  simulation.Add(high);
  simulation.Add(low);
  simulation.Run(100);
  const auto of_all =
      static_cast<double>(low.in_time) / static_cast<double>(low.in_time + high.in_time);
  EXPECT_GE(of_all, 0.1);
  EXPECT_LE(of_all, 0.14) << "and no more, but for what waited at the end";
}

// With rows that cost a quarter of a request alone the machine carries up to four times as much,
// and with rows that cost the same no less than without batches.
TEST(Simulation, BatchesAreMadeWhereTheyPay) {
  for (const int cores : {1, 4}) {
    for (const double row : {0.25, 1.0, 1.5}) {
      Simulation simulation(SeedFromEnvironment(), cores, {});
      const double capacity = cores * 100.0;
      Traffic traffic{.per_second = 6 * capacity, .deadline_ns = 400 * kMs, .row = row};
      simulation.Add(traffic);
      constexpr double kSeconds = 100;
      simulation.Run(kSeconds);
      const double goodput = static_cast<double>(traffic.in_time) / kSeconds / capacity;
      EXPECT_GE(goodput, row < 1 ? 2.3 : 0.95) << cores << " cores, a row costs " << row;
      const double kept =
          static_cast<double>(traffic.in_time) / static_cast<double>(traffic.accepted);
      EXPECT_GE(kept, 0.98) << cores << " cores, a row costs " << row;
      const QueueCounts& c = simulation.queue().counts();
      const double batched = static_cast<double>(c.batched.value()) /
                             static_cast<double>(c.succeeded.value() + c.expired_running.value());
      if (row > 1) EXPECT_LE(batched, 0.25) << "what does not pay is tried, and left";
      if (row < 1) EXPECT_GE(batched, 0.9);
    }
  }
}

TEST(Simulation, LightTrafficIsNeverRefused) {
  Simulation simulation(SeedFromEnvironment(), 4, {});
  Traffic traffic{.per_second = 200, .deadline_ns = 100 * kMs, .streams = 5};
  simulation.Add(traffic);
  simulation.Run(100);
  EXPECT_GE(static_cast<double>(traffic.in_time), 0.999 * static_cast<double>(traffic.sent));
}

}  // namespace
}  // namespace heddle::core
