// SPDX-License-Identifier: Apache-2.0
#include "serve/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "serve/queue_for_test.h"

namespace heddle::core {
namespace {

struct Node {
  int value = 0;
  size_t place = kNotInHeap;
};
struct Smaller {
  bool operator()(const Node& a, const Node& b) const { return a.value < b.value; }
};

TEST(Heap, IsASortedListThatAnyoneMayLeave) {
  std::mt19937 rng(SeedFromEnvironment());
  std::vector<Node> nodes(64);
  std::vector<Node*> inside;
  Heap<Node, &Node::place, Smaller> heap;
  for (int i = 0; i < 20'000; ++i) {
    Node& node = nodes[rng() % nodes.size()];
    const auto at = std::find(inside.begin(), inside.end(), &node);
    if (at == inside.end()) {
      node.value = static_cast<int>(rng() % 50);
      heap.Push(&node);
      inside.push_back(&node);
    } else if (rng() % 2 == 0) {
      heap.Remove(&node);
      inside.erase(at);
    } else {
      node.value = static_cast<int>(rng() % 50);
      heap.Moved(&node);
    }
    ASSERT_EQ(heap.size(), inside.size());
    if (inside.empty()) continue;
    const auto least = [](const Node* a, const Node* b) { return a->value < b->value; };
    ASSERT_EQ(heap.top()->value, (*std::min_element(inside.begin(), inside.end(), least))->value);
  }
}

// Runs `begins` requests on `cores`, each lane always having one more that waits; returns the time
// that each lane got. A request's cost may differ from its estimate.
struct Contest {
  struct Contender {
    NoTarget* target;
    uint64_t stream;
    double weight;
    int64_t cost;
    double got_ns = 0;
  };
  Order order;
  std::vector<std::unique_ptr<NoTarget>> targets;
  std::vector<Contender> contenders;
  std::vector<std::unique_ptr<TestRequest>> requests;

  void Push(Contender& c) {
    auto request = std::make_unique<TestRequest>(*c.target);
    request->stream = c.stream;
    request->estimate_ns = c.cost;
    request->number = static_cast<uint64_t>(&c - contenders.data());
    order.Push(order.LaneOf(*c.target, *request), *request);
    requests.push_back(std::move(request));
  }
  void Run(std::mt19937& rng, size_t cores, int begins) {
    std::vector<Request*> running;
    for (Contender& c : contenders) Push(c), Push(c);
    for (int i = 0; i < begins; ++i) {
      if (running.size() == cores) {
        const size_t which = rng() % cores;
        order.End(*running[which], running[which]->estimate_ns);
        running.erase(running.begin() + static_cast<ptrdiff_t>(which));
      }
      Request* next = order.Peek();
      order.Begin(*next);
      running.push_back(next);
      Contender& c = contenders[static_cast<TestRequest*>(next)->number];
      c.got_ns += static_cast<double>(next->estimate_ns);
      Push(c);
    }
  }
};

TEST(Order, StreamsShareByWeightWhateverTheirCosts) {
  for (uint32_t seed = SeedFromEnvironment(); seed < SeedFromEnvironment() + 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 rng(seed);
    Contest contest;
    contest.targets.push_back(std::make_unique<NoTarget>());
    const size_t cores = 1 + rng() % 4;
    double largest = 0;
    for (uint64_t stream = 1; stream <= 5; ++stream) {
      ShareOf share;
      share.weight = 0.5 * static_cast<double>(1 + rng() % 6);
      contest.order.SetStream(stream, share);
      contest.contenders.push_back({contest.targets[0].get(), stream, share.weight,
                                    static_cast<int64_t>(1000 + rng() % 100'000)});
      largest =
          std::max(largest, static_cast<double>(contest.contenders.back().cost) / share.weight);
    }
    contest.Run(rng, cores, 2000);
    const double bound = 2 * largest;
    for (const auto& a : contest.contenders)
      for (const auto& b : contest.contenders)
        EXPECT_LE(a.got_ns / a.weight - b.got_ns / b.weight, bound) << a.stream << " " << b.stream;
  }
}

TEST(Order, ModelsShareByWeightHoweverManyStreamsOneHas) {
  std::mt19937 rng(1);
  Contest contest;
  for (int i = 0; i < 2; ++i) contest.targets.push_back(std::make_unique<NoTarget>());
  contest.order.SetWeight(*contest.targets[0], 3);
  contest.contenders.push_back({contest.targets[0].get(), 0, 3, 10'000});
  for (uint64_t stream = 1; stream <= 20; ++stream)
    contest.contenders.push_back({contest.targets[1].get(), stream, 1, 10'000});
  contest.Run(rng, 2, 4000);
  EXPECT_NEAR(contest.contenders[0].got_ns / (4000 * 10'000), 0.75, 0.01);
}

// One that always has a single request, and sends the next when it is done, does not gain by
// being idle in between.
TEST(Order, IdlenessSavesNothingUpAndForgivesNothing) {
  Order order;
  NoTarget target;
  const auto push = [&](uint64_t stream) {
    auto* request = new TestRequest(target);
    request->stream = stream;
    request->estimate_ns = 10'000;
    order.Push(order.LaneOf(target, *request), *request);
  };
  int first = 0;
  push(2);
  push(2);
  push(1);
  for (int i = 0; i < 1000; ++i) {
    auto* request = static_cast<TestRequest*>(order.Peek());
    order.Begin(*request);
    order.End(*request, 10'000);
    order.Unused(*request->lane);
    // Others come and go meanwhile: lanes that owe nothing are given back.
    TestRequest passing(target);
    passing.stream = 100 + static_cast<uint64_t>(i);
    order.LaneOf(target, passing);
    first += request->stream == 1;
    push(request->stream);
    delete request;
  }
  EXPECT_NEAR(first, 500, 2);
  EXPECT_LE(order.lanes_in_use(), 8u);
  while (Request* request = order.Peek()) {
    order.Remove(*request);
    delete request;
  }
}

TEST(Order, AMoreUrgentRequestLendsItsPriorityToItsStream) {
  Order order;
  NoTarget target;
  const auto make = [&](uint64_t stream, Priority priority) {
    auto request = std::make_unique<TestRequest>(target);
    request->stream = stream;
    request->priority = priority;
    order.Push(order.LaneOf(target, *request), *request);
    return request;
  };
  const auto normal = make(1, Priority::kNormal);
  const auto low = make(2, Priority::kLow);
  EXPECT_EQ(order.Peek(), normal.get());
  const auto high = make(2, Priority::kHigh);
  EXPECT_EQ(order.Peek(), low.get()) << "the urgent one waits behind it";
  order.Remove(*high);
  EXPECT_EQ(order.Peek(), normal.get()) << "and does not wait any more";
}

}  // namespace
}  // namespace heddle::core
