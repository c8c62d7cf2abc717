// SPDX-License-Identifier: Apache-2.0
// What a tracer is told.
#include <gtest/gtest.h>

#include <vector>

#include "serve/queue_for_test.h"

namespace heddle::core {
namespace {

// A queue on a clock of its own, and what it told.
struct Traced {
  explicit Traced(QueueLimits limits = {}) : queue(clock, hands, With(limits)) { target.id = 77; }
  QueueLimits With(QueueLimits limits) {
    limits.trace_arg = this;
    limits.trace = [](void* arg, const heddle_event* event) {
      auto& self = *static_cast<Traced*>(arg);
      EXPECT_EQ(event->struct_size, sizeof(heddle_event));
      EXPECT_EQ(event->model, 77u);
      self.events.push_back(*event);
      // Under no lock: the queue can be asked.
      EXPECT_FALSE(self.queue.IsNext(self.nobody));
    };
    return limits;
  }
  std::vector<heddle_event_kind> KindsOf(const Request& request) const {
    std::vector<heddle_event_kind> kinds;
    for (const heddle_event& event : events)
      if (event.request == reinterpret_cast<uintptr_t>(&request)) kinds.push_back(event.kind);
    return kinds;
  }

  FakeClock clock{5};
  CountingHands hands{1};
  NoTarget target;
  TestRequest nobody{target};
  std::vector<heddle_event> events;
  Queue queue;
};

TEST(QueueTrace, TellsOfEachRequestAsItIsAcceptedBeginsAndEnds) {
  Traced t;
  TestRequest request(t.target);
  request.stream = 9;
  request.tag = 1234;
  request.priority = Priority::kLow;
  ASSERT_TRUE(t.queue.Submit(request).ok());
  t.clock.Advance(10);
  ASSERT_EQ(t.queue.Begin(), &request);
  t.clock.Advance(100);
  EndRun(t.queue, request, Status(Code::kInternal, "it failed"));
  t.clock.Advance(1000);
  ASSERT_EQ(t.events.size(), 3u);
  const heddle_event &accepted = t.events[0], &begun = t.events[1], &ended = t.events[2];
  EXPECT_EQ(accepted.kind, HEDDLE_ACCEPTED);
  EXPECT_EQ(accepted.accepted_ns, 5);
  EXPECT_EQ(accepted.begun_ns + accepted.ended_ns + accepted.batch, 0);
  EXPECT_EQ(begun.kind, HEDDLE_BEGUN);
  EXPECT_EQ(begun.begun_ns, 15);
  EXPECT_EQ(begun.batch, 1u);
  EXPECT_EQ(begun.ended_ns, 0);
  EXPECT_EQ(ended.kind, HEDDLE_ENDED);
  EXPECT_EQ(ended.accepted_ns, 5);
  EXPECT_EQ(ended.begun_ns, 15);
  EXPECT_EQ(ended.ended_ns, 115);
  EXPECT_EQ(ended.code, HEDDLE_INTERNAL);
  for (const heddle_event& event : t.events) {
    EXPECT_EQ(event.request, reinterpret_cast<uintptr_t>(&request));
    EXPECT_EQ(event.stream, 9u);
    EXPECT_EQ(event.tag, 1234u);
    EXPECT_EQ(event.priority, HEDDLE_LOW);
  }
}

TEST(QueueTrace, WhatNeverBeganEndsWithoutABeginning) {
  Traced t;
  TestRequest expired(t.target), cancelled(t.target);
  expired.deadline_ns = 50;
  ASSERT_TRUE(t.queue.Submit(expired).ok());
  ASSERT_TRUE(t.queue.Submit(cancelled).ok());
  t.clock.Advance(20);
  t.queue.Cancel(cancelled);
  EXPECT_EQ(t.events.back().code, HEDDLE_CANCELLED);
  EXPECT_EQ(t.events.back().ended_ns, 25);
  t.clock.Advance(75);
  EXPECT_EQ(t.queue.Begin(), nullptr);
  EXPECT_EQ(t.events.back().code, HEDDLE_DEADLINE_EXCEEDED);
  EXPECT_EQ(t.events.back().ended_ns, 100);
  EXPECT_EQ(t.events.back().begun_ns, 0);
  EXPECT_EQ(t.events.back().batch, 0u);
  using Kinds = std::vector<heddle_event_kind>;
  EXPECT_EQ(t.KindsOf(expired), (Kinds{HEDDLE_ACCEPTED, HEDDLE_ENDED}));
  EXPECT_EQ(t.KindsOf(cancelled), (Kinds{HEDDLE_ACCEPTED, HEDDLE_ENDED}));
}

TEST(QueueTrace, TellsOfEachRequestOfABatch) {
  Traced t;
  t.queue.SetBatching(Batching::kAlways);
  TestRequest first(t.target), second(t.target);
  first.batchable = second.batchable = true;
  ASSERT_TRUE(t.queue.Submit(first).ok());
  ASSERT_TRUE(t.queue.Submit(second).ok());
  ASSERT_EQ(t.queue.Begin(), &first);
  t.clock.Advance(100);
  EndRun(t.queue, first, Status());
  ASSERT_EQ(t.events.size(), 6u);
  for (size_t i = 2; i < 6; ++i) {
    EXPECT_EQ(t.events[i].kind, i < 4 ? HEDDLE_BEGUN : HEDDLE_ENDED);
    EXPECT_EQ(t.events[i].request, reinterpret_cast<uintptr_t>(i % 2 == 0 ? &first : &second));
    EXPECT_EQ(t.events[i].batch, 2u);
    EXPECT_EQ(t.events[i].ended_ns, i < 4 ? 0 : 105);
  }
}

TEST(QueueTrace, SaysNothingOfWhatIsRefused) {
  Traced t({.most_requests = 1});
  TestRequest first(t.target), second(t.target);
  ASSERT_TRUE(t.queue.Submit(first).ok());
  ASSERT_FALSE(t.queue.Submit(second).ok());
  EXPECT_TRUE(t.KindsOf(second).empty());
  ASSERT_EQ(t.queue.Begin(), &first);
  EndRun(t.queue, first, Status());
}

}  // namespace
}  // namespace heddle::core
