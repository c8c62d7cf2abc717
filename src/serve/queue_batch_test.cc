// SPDX-License-Identifier: Apache-2.0
// Which requests run as one, by hand and in virtual time.
#include <gtest/gtest.h>

#include "crew/crew.h"
#include "serve/queue_for_test.h"

namespace heddle::core {
namespace {

using Numbers = std::vector<uint64_t>;

struct Batches {
  explicit Batches(int cores = 1) : hands(cores), queue(clock, hands, {}) {
    queue.SetBatching(Batching::kAlways);
  }
  TestRequest& Submit(uint64_t kind = 0, uint64_t stream = 0, Priority priority = Priority::kNormal,
                      int64_t in_ns = 0) {
    requests.push_back(std::make_unique<TestRequest>(target));
    TestRequest& r = *requests.back();
    r.number = requests.size();
    r.kind = kind;
    r.stream = stream;
    r.priority = priority;
    r.batchable = true;
    r.deadline_ns = in_ns == 0 ? 0 : clock.NowNs() + in_ns;
    const Status status = queue.Submit(r);
    EXPECT_TRUE(status.ok()) << status.message();
    return r;
  }
  // The numbers of the requests in the run that begins next.
  Numbers Begin() {
    Numbers numbers;
    last = queue.Begin();
    for (Request* r = last; r != nullptr; r = r->next_in_batch)
      numbers.push_back(static_cast<TestRequest*>(r)->number);
    return numbers;
  }
  Numbers RunOne(int64_t ns = kMs) {
    const Numbers numbers = Begin();
    clock.Advance(ns);
    if (last != nullptr) EndRun(queue, *last, Status());
    return numbers;
  }

  FakeClock clock{1};
  CountingHands hands;
  Queue queue;
  NoTarget target;
  Request* last = nullptr;
  std::vector<std::unique_ptr<TestRequest>> requests;
};

TEST(QueueBatch, TakesWhatWaitsByKind) {
  Batches b;
  for (const uint64_t kind : {1, 2, 1, 2, 1, 1}) b.Submit(kind);
  EXPECT_EQ(b.RunOne(), Numbers({1, 3, 5, 6}));
  EXPECT_EQ(b.RunOne(), Numbers({2, 4}));
  EXPECT_EQ(b.RunOne(), Numbers());
  EXPECT_EQ(b.queue.counts().batches.value(), 2u);
  EXPECT_EQ(b.queue.counts().batched.value(), 6u);
  EXPECT_EQ(b.queue.counts().largest_batch.value(), 4u);
  EXPECT_EQ(b.queue.counts().run_ns.value(), 2u * kMs) << "what ran, whoever it was for";
}

TEST(QueueBatch, ItsSizeIsAPowerOfTwo) {
  Batches b;
  for (int i = 0; i < 7; ++i) b.Submit();
  EXPECT_EQ(b.RunOne().size(), 4u);
  EXPECT_EQ(b.RunOne().size(), 2u);
  EXPECT_EQ(b.RunOne().size(), 1u);
}

TEST(QueueBatch, AStreamIsNotReordered) {
  Batches b;
  for (const uint64_t kind : {1, 2, 1}) b.Submit(kind, 7);
  for (const uint64_t kind : {1, 1, 2}) b.Submit(kind, 8);
  b.Submit(1, 9);
  EXPECT_EQ(b.RunOne(), Numbers({1, 4, 7, 5})) << "what a stream begins with, and no further";
  EXPECT_EQ(b.RunOne(), Numbers({2, 6}));
  EXPECT_EQ(b.RunOne(), Numbers({3}));
}

TEST(QueueBatch, IdleCoresFindTheirPart) {
  Batches b(3);
  for (int i = 0; i < 6; ++i) b.Submit();
  EXPECT_EQ(b.Begin().size(), 2u);
  EXPECT_EQ(b.Begin().size(), 2u);
  b.Submit();
  b.Submit();
  EXPECT_EQ(b.Begin().size(), 4u) << "the last core may take all";
}

TEST(QueueBatch, AMoreUrgentOneIsNotHeldUp) {
  Batches b;
  for (int i = 0; i < 4; ++i) b.Submit();
  for (int i = 0; i < 2; ++i) b.Submit(0, 0, Priority::kHigh);
  EXPECT_EQ(b.RunOne(), Numbers({5, 6})) << "none of another priority";
  EXPECT_EQ(b.RunOne(), Numbers({1, 2, 3, 4}));
}

TEST(QueueBatch, OfTenThatBeginOneIsOfEachPriority) {
  Batches b;
  for (int i = 0; i < 40; ++i) b.Submit();
  b.Submit(0, 0, Priority::kLow);
  size_t before = 0;
  for (;; ++before) {
    const Numbers begun = b.RunOne();
    if (begun[0] == 41) break;
    before += begun.size() - 1;
  }
  EXPECT_LE(before, 9u);
}

TEST(QueueBatch, ADeadlineLimitsTheBatch) {
  Batches b;
  b.Submit();
  b.RunOne(10 * kMs);  // what one costs is known now
  b.Submit(0, 0, Priority::kNormal, 25 * kMs);
  for (int i = 0; i < 7; ++i) b.Submit();
  EXPECT_EQ(b.RunOne().size(), 2u) << "four would take 40 ms, as far as is known";
  b.Submit(1);
  b.Submit(2, 0, Priority::kNormal, 300 * kMs);
  EXPECT_EQ(b.RunOne().size(), 4u);
  EXPECT_EQ(b.RunOne().size(), 2u);
}

TEST(QueueBatch, NobodyWhoseDeadlineThatEndangersIsOvertaken) {
  for (const int64_t deadline : {15 * kMs, 200 * kMs}) {
    Batches b;
    for (const uint64_t kind : {1, 2}) {
      b.Submit(kind);
      b.RunOne(10 * kMs);
    }
    b.Submit(1);
    b.Submit(2, 0, Priority::kNormal, 24 * kMs + deadline - 15 * kMs);
    b.Submit(1);
    EXPECT_EQ(b.RunOne().size(), deadline > 100 * kMs ? 2u : 1u);
  }
}

TEST(QueueBatch, WhoIsCancelledLosesItsResultOnly) {
  Batches b;
  TestRequest *first = &b.Submit(), *second = &b.Submit(), *gone = &b.Submit();
  b.queue.Cancel(*gone);
  EXPECT_EQ(b.Begin(), Numbers({1, 2}));
  b.queue.Cancel(*second);
  EXPECT_TRUE(second->stop && !first->stop && !second->done());
  second->status = Status(Code::kCancelled, "stopped");
  b.queue.End(*first);
  EXPECT_TRUE(first->done() && first->status.ok());
  EXPECT_TRUE(second->done());
  EXPECT_EQ(b.queue.counts().cancelled_running.value(), 1u);
  EXPECT_EQ(b.queue.counts().succeeded.value(), 1u);
}

TEST(QueueBatch, InOrderRequestsOfAStreamEndInOrder) {
  Batches b;
  Numbers told;
  for (int i = 0; i < 4; ++i) b.Submit(0, 3);
  for (const auto& r : b.requests) {
    r->in_order = true;
    b.queue.Then(
        *r,
        [](void* arg, Request& ended) {
          static_cast<Numbers*>(arg)->push_back(static_cast<TestRequest&>(ended).number);
        },
        &told);
  }
  EXPECT_EQ(b.RunOne().size(), 4u);
  EXPECT_EQ(told, Numbers({1, 2, 3, 4}));
}

// Fails as a batch if a row is bad; what can be no batch says so.
struct PickyTarget final : Target {
  Status Run(Request& r, Turn&) override {
    ++alone;
    return r.tag == 13 ? Status(Code::kInvalidArgument, "bad row") : Status();
  }
  bool Alike(const Request&, const Request&) const override { return true; }
  Status RunBatch(Request& first, int count, Turn&) override {
    if (count > most) return Status(Code::kUnsupported, "they see each other");
    Request* r = &first;
    for (int i = 0; i < count; ++i, r = r->next_in_batch)
      if (r->tag == 13) return Status(Code::kInvalidArgument, "some bad row");
    ++together;
    return Status();
  }
  int alone = 0, together = 0, most = BatchCurve::kMost;
};

struct Picky {
  Picky() : hands(1), queue(clock, hands, {}) { queue.SetBatching(Batching::kAlways); }
  void Submit(uint64_t tag) {
    requests.push_back(std::make_unique<TestRequest>(target));
    requests.back()->tag = tag;
    requests.back()->batchable = true;
    EXPECT_TRUE(queue.Submit(*requests.back()).ok());
  }
  void RunOne() {
    Crew crew(CrewOf(1, 1));
    Turn turn(crew, Priority::kNormal, nullptr);
    EXPECT_TRUE(queue.WorkOnce(turn, nullptr));
  }
  FakeClock clock{1};
  CountingHands hands;
  PickyTarget target;
  Queue queue;
  std::vector<std::unique_ptr<TestRequest>> requests;
};

// Telling of what ended comes between the turn to the next run and its begin.
TEST(QueueBatch, WhatARunCostsIsTheRunAlone) {
  struct Timed final : Target {
    explicit Timed(FakeClock& its_clock) : clock(its_clock) {}
    Status Run(Request&, Turn&) override {
      clock.Advance(kMs);
      return Status();
    }
    bool Alike(const Request&, const Request&) const override { return true; }
    FakeClock& clock;
  };
  FakeClock clock{1};
  CountingHands hands(1);
  Queue queue(clock, hands, {});
  queue.SetBatching(Batching::kNever);
  Timed target(clock);
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 20; ++i) {
    requests.push_back(std::make_unique<TestRequest>(target));
    ASSERT_TRUE(queue.Submit(*requests.back()).ok());
    queue.Then(
        *requests.back(), [](void* arg, Request&) { static_cast<FakeClock*>(arg)->Advance(kMs); },
        &clock);
  }
  Crew crew(CrewOf(1, 1));
  Turn turn(crew, Priority::kNormal, nullptr);
  queue.Work(turn, Priority::kNormal, nullptr);
  ASSERT_TRUE(requests.back()->done());
  EXPECT_EQ(target.costs.Of(0).batches.RunNs(1, 7), kMs);
}

TEST(QueueBatch, ABadRowFailsAlone) {
  Picky p;
  for (const uint64_t tag : {1, 13, 2, 3}) p.Submit(tag);
  p.RunOne();
  for (const auto& r : p.requests) {
    EXPECT_TRUE(r->done());
    EXPECT_EQ(r->status.ok(), r->tag != 13);
  }
  EXPECT_EQ(p.requests[1]->status.message(), "bad row");
  EXPECT_EQ(p.target.alone, 4);
  EXPECT_EQ(p.queue.counts().batches_again.value(), 1u);
}

TEST(QueueBatch, WhatCannotBeABatchIsTriedOnce) {
  Picky p;
  p.target.most = 2;
  for (uint64_t round = 0; round < 2; ++round) {
    for (int i = 0; i < 4; ++i) p.Submit(1);
    p.RunOne();
    EXPECT_EQ(p.target.alone, 4);
    EXPECT_EQ(p.target.together, static_cast<int>(round));
  }
  p.RunOne();
  EXPECT_EQ(p.target.together, 2);
  for (const auto& r : p.requests) EXPECT_TRUE(r->done() && r->status.ok());
}

}  // namespace
}  // namespace heddle::core
