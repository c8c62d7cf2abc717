// SPDX-License-Identifier: Apache-2.0
#include "serve/queue.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "crew/crew.h"
#include "serve/completions.h"
#include "serve/queue_for_test.h"

namespace heddle::core {
namespace {

// A queue on a clock of its own, whose requests begin and end by hand.
struct Bench {
  explicit Bench(QueueLimits limits = {}, int cores = 1)
      : hands(cores), queue(clock, hands, limits) {}

  TestRequest& Make(uint64_t stream = 0) {
    requests.push_back(std::make_unique<TestRequest>(target));
    requests.back()->stream = stream;
    return *requests.back();
  }
  void Submit(TestRequest& request) {
    const Status status = queue.Submit(request);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  // The request that is begun next runs for this long.
  Request* RunOne(int64_t ns = kMs, const Status& status = {}) {
    Request* request = queue.Begin();
    if (request == nullptr) return nullptr;
    clock.Advance(ns);
    EndRun(queue, *request, status);
    return request;
  }

  FakeClock clock{1};
  CountingHands hands;
  Queue queue;
  NoTarget target;
  std::vector<std::unique_ptr<TestRequest>> requests;
};

TEST(Queue, RefusesWithAReasonAndWhenToRetry) {
  Bench b({.most_requests = 2, .most_bytes = 100});
  b.Submit(b.Make());
  b.RunOne(10 * kMs);  // what a request costs is known now
  TestRequest& first = b.Make();
  first.bytes = 60;
  EXPECT_TRUE(b.queue.Submit(first).ok());
  TestRequest& large = b.Make();
  large.bytes = 41;
  const Status bytes = b.queue.Submit(large);
  EXPECT_EQ(bytes.code(), Code::kResourceExhausted);
  EXPECT_EQ(bytes.message(), "the queue is full: 1 of 2 requests, 60 + 41 of 100 bytes");
  EXPECT_EQ(bytes.retry_ns(), 5 * kMs) << "half of what waits";
  TestRequest& exact = b.Make();
  exact.bytes = 40;
  EXPECT_TRUE(b.queue.Submit(exact).ok());
  EXPECT_EQ(b.queue.Submit(b.Make()).code(), Code::kResourceExhausted);
  TestRequest& never = b.Make();
  never.bytes = 101;
  const Status wrong = b.queue.Submit(never);
  EXPECT_EQ(wrong.retry_ns(), 0);
  EXPECT_EQ(b.queue.counts().refused_full.value(), 2u);
  EXPECT_EQ(b.queue.counts().refused_wrong.value(), 1u);
  EXPECT_EQ(b.RunOne(), &first);
  EXPECT_EQ(b.RunOne(), &exact);
}

// What is refused wanted its time, too: the demand of an overloaded queue is more than its budget.
TEST(Queue, WhatIsAskedForCountsWhetherOrNotThereIsRoom) {
  Bench b({.most_requests = 1});
  b.Submit(b.Make());
  b.RunOne(3 * kMs);
  const uint64_t before = b.queue.counts().asked_ns.value();
  b.Submit(b.Make());
  EXPECT_FALSE(b.queue.Submit(b.Make()).ok());
  EXPECT_EQ(b.queue.counts().asked_ns.value() - before, static_cast<uint64_t>(6 * kMs));
  EXPECT_EQ(b.target.counts.asked_ns.value(), b.queue.counts().asked_ns.value());
}

TEST(Queue, TheLatestOfAStreamTakesThePlaceOfThoseThatHaveNotBegun) {
  Bench b({.policy = HEDDLE_LATEST});
  TestRequest& running = b.Make(1);
  EXPECT_TRUE(b.queue.Submit(running).ok());
  EXPECT_EQ(b.queue.Begin(), &running);
  TestRequest& other = b.Make(2);
  EXPECT_TRUE(b.queue.Submit(other).ok());
  TestRequest *before = &b.Make(1), *last = &b.Make(1);
  EXPECT_TRUE(b.queue.Submit(*before).ok());
  EXPECT_TRUE(b.queue.Submit(*last).ok());
  EXPECT_EQ(before->status.code(), Code::kCancelled);
  EXPECT_FALSE(other.done() || running.done() || last->done());
  EndRun(b.queue, running, Status());
  EXPECT_TRUE(running.status.ok());
  EXPECT_NE(b.RunOne(), nullptr);
  EXPECT_NE(b.RunOne(), nullptr);
  EXPECT_EQ(b.RunOne(), nullptr);
  EXPECT_EQ(b.queue.counts().displaced.value(), 1u);
}

// What a request displaces is not ahead of it.
TEST(Queue, TheLatestIsNotLateBecauseOfThoseWhosePlaceItTakes) {
  Bench b({.policy = HEDDLE_LATEST});
  b.Submit(b.Make(1));
  b.RunOne(10 * kMs);
  TestRequest &running = b.Make(1), &before = b.Make(1), &late = b.Make(1), &last = b.Make(1);
  b.Submit(running);
  EXPECT_EQ(b.queue.Begin(), &running);
  b.Submit(before);
  late.deadline_ns = b.clock.NowNs() + 34 * kMs;
  EXPECT_EQ(b.queue.Submit(late).code(), Code::kDeadlineExceeded);
  EXPECT_FALSE(before.done()) << "for one that is refused";
  last.deadline_ns = b.clock.NowNs() + 40 * kMs;
  b.Submit(last);
  EXPECT_EQ(before.status.code(), Code::kCancelled);
  EndRun(b.queue, running, Status());
  EXPECT_EQ(b.RunOne(), &last);
}

// Who waits for room of the queue waits for that of others, not for the place of a stream's own.
TEST(Queue, WhoTakesThePlaceOfItsOwnTakesNoRoomFromWhoBlocks) {
  for (const heddle_policy policy : {HEDDLE_LATEST, HEDDLE_DROP_OLDEST}) {
    Bench b({.most_requests = 4, .policy = HEDDLE_BLOCK});
    ShareOf displaces;
    displaces.policy = policy;
    b.queue.SetStream(1, displaces);
    TestRequest &running = b.Make(1), &before = b.Make(1), &last = b.Make(1), &blocked = b.Make(2);
    b.Submit(running);
    EXPECT_EQ(b.queue.Begin(), &running);
    for (TestRequest* r : {&before, &b.Make(2), &b.Make(2)}) b.Submit(*r);
    std::thread submitter([&] { EXPECT_TRUE(b.queue.Submit(blocked).ok()); });
    while (b.queue.counts().submitted.value() < 5) std::this_thread::yield();
    EXPECT_FALSE(b.queue.IsNext(running)) << "and the submitter has left the lock: it is blocked";
    const Status status = b.queue.Submit(last);
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_TRUE(before.done());
    EXPECT_EQ(b.queue.counts().accepted.value() - b.queue.counts().displaced.value(), 4u);
    EndRun(b.queue, running, Status());
    while (b.RunOne() != nullptr) {
    }
    submitter.join();
    EXPECT_TRUE(last.status.ok() && blocked.status.ok());
  }
}

TEST(Queue, TheOldestOfAStreamMakeRoomButNotInVain) {
  Bench b({.most_requests = 8, .most_bytes = 100, .policy = HEDDLE_DROP_OLDEST});
  TestRequest &other = b.Make(2), &first = b.Make(1), &second = b.Make(1), &third = b.Make(1);
  other.bytes = 50;
  for (TestRequest* r : {&first, &second, &third}) r->bytes = 10;
  for (TestRequest* r : {&other, &first, &second, &third}) b.Submit(*r);
  TestRequest& large = b.Make(1);
  large.bytes = 51;
  EXPECT_EQ(b.queue.Submit(large).code(), Code::kResourceExhausted);
  EXPECT_EQ(b.queue.counts().displaced.value(), 0u) << "all of them would have been too few";
  TestRequest& exact = b.Make(1);
  exact.bytes = 40;
  b.Submit(exact);
  EXPECT_TRUE(first.done() && second.done());
  EXPECT_FALSE(third.done()) << "two were enough";
  while (b.RunOne() != nullptr) {
  }
  EXPECT_TRUE(third.status.ok() && exact.status.ok());
}

TEST(Queue, ADeadlineThatCannotBeMetIsRefusedAtOnce) {
  Bench b;
  b.Submit(b.Make());
  b.RunOne(10 * kMs);
  for (int i = 0; i < 4; ++i) b.Submit(b.Make());
  TestRequest& hopeless = b.Make();
  hopeless.deadline_ns = b.clock.NowNs() + 45 * kMs;
  const Status status = b.queue.Submit(hopeless);
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_GT(status.retry_ns(), 0);
  TestRequest& hopeful = b.Make();
  hopeful.deadline_ns = b.clock.NowNs() + 70 * kMs;
  EXPECT_TRUE(b.queue.Submit(hopeful).ok());
  while (b.RunOne(10 * kMs) != nullptr) {
  }
  EXPECT_TRUE(hopeful.status.ok());
  // On an idle machine every request is tried: what was learned may be wrong by now.
  TestRequest& tried = b.Make();
  tried.deadline_ns = b.clock.NowNs() + kMs;
  EXPECT_TRUE(b.queue.Submit(tried).ok());
  b.RunOne(kMs / 2);
}

// There are more kinds than are remembered, and what one of them took while it was forgotten is not
// taken for another's.
TEST(Queue, WhatAForgottenKindTakesRefusesNobodyElse) {
  Bench b;
  TestRequest& slow = b.Make();
  slow.kind = 100;
  b.Submit(slow);
  for (uint64_t kind = 0; kind < 16; ++kind) {
    TestRequest& r = b.Make();
    r.kind = kind;
    b.Submit(r);
  }
  EXPECT_EQ(b.RunOne(1000 * kMs), &slow);
  while (b.RunOne() != nullptr) {
  }
  b.Submit(b.Make());
  for (uint64_t kind = 0; kind < 16; ++kind) {
    TestRequest& r = b.Make();
    r.kind = kind;
    r.deadline_ns = b.clock.NowNs() + 100 * kMs;
    b.Submit(r);
  }
  while (b.RunOne() != nullptr) {
  }
}

// Time passes whenever somebody looks; and the hands tell whether a waiting thread was lent.
constexpr int64_t kUs = 1'000;
struct Ticking final : Clock {
  int64_t NowNs() const override { return now += 10 * kUs; }
  mutable std::atomic<int64_t> now{1};
};
struct LendingHands final : Hands {
  int budget() const override { return 1; }
  void Post(Priority) override {}
  void Lend(Request&, int64_t) override { ++lent; }
  int lent = 0;
};

TEST(Queue, WhoWaitsForATimeIsLentOnlyToWhatIsKnownToFitIntoIt) {
  Ticking clock;
  LendingHands hands;
  Queue queue(clock, hands, {});
  NoTarget target;
  TestRequest unknown(target), known(target);
  EXPECT_TRUE(queue.Submit(unknown).ok());
  EXPECT_FALSE(queue.Wait(unknown, 1000 * kUs));
  EXPECT_EQ(hands.lent, 0) << "who knows how long it takes";
  Request* begun = queue.Begin();
  clock.now += 100 * kUs;
  EndRun(queue, *begun, Status());
  EXPECT_TRUE(queue.Submit(known).ok());
  EXPECT_FALSE(queue.Wait(known, 150 * kUs));
  EXPECT_EQ(hands.lent, 0);
  EXPECT_FALSE(queue.Wait(known, 250 * kUs));
  EXPECT_EQ(hands.lent, 1);
  EndRun(queue, *queue.Begin(), Status());
}

TEST(Queue, ARequestThatExpiresWhileItWaitsNeverBegins) {
  Bench b;
  TestRequest& r = b.Make();
  r.deadline_ns = b.clock.NowNs() + kMs;
  EXPECT_TRUE(b.queue.Submit(r).ok());
  EXPECT_FALSE(b.queue.Wait(r, 0));
  b.clock.Advance(kMs);
  EXPECT_TRUE(b.queue.Wait(r, 0)) << "whoever looks finds it expired";
  EXPECT_EQ(r.status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(b.queue.Begin(), nullptr);
}

TEST(Queue, CancelFreesWhatWaitsAtOnceAndStopsWhatRuns) {
  Bench b({}, 2);
  TestRequest &runs = b.Make(), &waits = b.Make();
  b.Submit(runs);
  b.Submit(waits);
  EXPECT_EQ(b.queue.Begin(), &runs);
  b.queue.Cancel(waits);
  EXPECT_EQ(waits.status.code(), Code::kCancelled);
  b.queue.Cancel(runs);
  EXPECT_TRUE(runs.stop);
  EXPECT_FALSE(runs.done());
  EndRun(b.queue, runs, Status(Code::kCancelled, "stopped"));
  EXPECT_EQ(b.queue.counts().cancelled_running.value(), 1u);
  EXPECT_EQ(b.queue.counts().cancelled_waiting.value(), 1u);
}

TEST(Queue, InOrderRequestsOfAStreamEndAsTheyBeganAndHoldNobodyElseUp) {
  Bench b({}, 3);
  TestRequest &first = b.Make(1), &second = b.Make(1), &other = b.Make(2);
  for (TestRequest* r : {&first, &second, &other}) {
    r->in_order = true;
    b.Submit(*r);
  }
  for (int i = 0; i < 3; ++i) b.queue.Begin();
  EndRun(b.queue, second, Status());
  EndRun(b.queue, other, Status());
  EXPECT_FALSE(second.done()) << "the first of its stream still runs";
  EXPECT_TRUE(other.done());
  EXPECT_EQ(b.queue.counts().bytes.value(), 0u);
  EndRun(b.queue, first, Status());
  EXPECT_TRUE(second.done());
}

TEST(Queue, AsksForOneTurnAtATimeAndMoreForTheUrgent) {
  Bench b({}, 2);
  b.Submit(b.Make());
  b.Submit(b.Make());
  EXPECT_EQ(b.hands.posts.size(), 1u) << "who begins and leaves work asks for the next";
  TestRequest& urgent = b.Make();
  urgent.priority = Priority::kHigh;
  b.Submit(urgent);
  ASSERT_EQ(b.hands.posts.size(), 2u);
  EXPECT_EQ(b.hands.posts[1], Priority::kHigh);
  EXPECT_EQ(b.RunOne(), &urgent);
  while (b.RunOne() != nullptr) {
  }
}

TEST(Queue, DrainRefusesAndCancels) {
  Bench b;
  TestRequest& waits = b.Make();
  b.Submit(waits);
  b.hands.posts.clear();
  Crew crew(CrewOf(1, 1));
  {
    Turn turn(crew, Priority::kNormal, nullptr);
    EXPECT_EQ(b.queue.Join().code(), Code::kFailedPrecondition) << "inside a call";
    b.queue.Work(turn, Priority::kNormal, nullptr);
  }
  EXPECT_TRUE(waits.status.ok());
  EXPECT_TRUE(b.queue.Drain(true).ok());
  EXPECT_EQ(b.queue.Submit(b.Make()).code(), Code::kFailedPrecondition);
  EXPECT_EQ(b.queue.counts().refused_closed.value(), 1u);
}

// What is left of it is looked at when others come.
TEST(Queue, WhoComesAfterAnUnloadLeavesNothingBehind) {
  Bench b;
  {
    const auto gone = std::make_unique<NoTarget>();
    TestRequest late(*gone);
    late.stream = 5;
    EXPECT_TRUE(b.queue.Unload(*gone, false).ok());
    EXPECT_EQ(b.queue.Submit(late).code(), Code::kFailedPrecondition);
  }
  for (uint64_t stream = 10; stream < 20; ++stream) {
    b.Submit(b.Make(stream));
    b.RunOne();
  }
}

// Submitters block as threads; that one is there is seen in the counts.
TEST(Queue, BlockedSubmittersComeInFirstComeFirstServed) {
  Bench b({.most_requests = 1, .policy = HEDDLE_BLOCK});
  TestRequest& first = b.Make();
  b.Submit(first);
  std::vector<std::thread> submitters;
  std::vector<TestRequest*> blocked = {&b.Make(), &b.Make(), &b.Make()};
  std::vector<Status> statuses(3);
  for (size_t i = 0; i < blocked.size(); ++i) {
    submitters.emplace_back([&, i] { statuses[i] = b.queue.Submit(*blocked[i]); });
    while (b.queue.counts().submitted.value() < i + 2) std::this_thread::yield();
  }
  for (TestRequest* next : {&first, blocked[0], blocked[1], blocked[2]}) {
    EXPECT_EQ(b.queue.counts().accepted.value() - b.queue.counts().succeeded.value(), 1u);
    EXPECT_EQ(b.RunOne(), next);
  }
  for (std::thread& t : submitters) t.join();
  for (const Status& status : statuses) EXPECT_TRUE(status.ok());
}

TEST(Queue, ABlockedSubmitterGoesWhenTheQueueIsDrained) {
  Bench b({.most_requests = 1, .policy = HEDDLE_BLOCK});
  TestRequest &first = b.Make(), &second = b.Make();
  EXPECT_TRUE(b.queue.Submit(first).ok());
  Status status;
  std::thread submitter([&] { status = b.queue.Submit(second); });
  while (b.queue.counts().submitted.value() < 2) std::this_thread::yield();
  std::thread drain([&] { EXPECT_TRUE(b.queue.Unload(b.target, true).ok()); });
  submitter.join();
  drain.join();
  EXPECT_EQ(first.status.code(), Code::kCancelled);
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
}

TEST(Queue, WhoBlockedUntilItsDeadlineKeepsNobodyOut) {
  Bench b({.most_requests = 1});
  ShareOf blocks;
  blocks.policy = HEDDLE_BLOCK;
  b.queue.SetStream(1, blocks);
  TestRequest &first = b.Make(), &late = b.Make(1);
  b.Submit(first);
  late.deadline_ns = b.clock.NowNs() + kMs;
  Status status;
  std::thread submitter([&] { status = b.queue.Submit(late); });
  while (b.queue.counts().submitted.value() < 2) std::this_thread::yield();
  EXPECT_TRUE(b.queue.IsNext(first)) << "and the submitter has left the lock: it is blocked";
  b.clock.Advance(kMs);
  submitter.join();
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_EQ(b.RunOne(), &first);
  b.Submit(b.Make());
  EXPECT_NE(b.RunOne(), nullptr);
}

// Nor one that is called by whoever cancels, or asks for it too late.
TEST(Queue, ACallbackCannotWaitForItsQueue) {
  Bench b;
  TestRequest& r = b.Make();
  b.Submit(r);
  struct Tried {
    Bench& bench;
    std::vector<Status> statuses;
  } tried{b, {}};
  const auto wait = [](void* arg, Request&) {
    auto& [bench, statuses] = *static_cast<Tried*>(arg);
    statuses.push_back(bench.queue.Join());
    statuses.push_back(bench.queue.Drain(false));
    statuses.push_back(bench.queue.Unload(bench.target, false));
  };
  b.queue.Then(r, wait, &tried);
  b.queue.Cancel(r);
  b.queue.Then(r, wait, &tried);
  ASSERT_EQ(tried.statuses.size(), 6u);
  for (const Status& status : tried.statuses) EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_TRUE(b.queue.Join().ok());
}

// A stack ends, however long the line is.
TEST(Queue, CallbacksThatCancelTheNextOneAreNotNestedForever) {
  Bench b;
  constexpr size_t kRequests = 1000;
  struct Chain {
    Bench& bench;
    size_t next = 1;
    int depth = 0, deepest = 0, calls = 0;
  } chain{b};
  const auto cancel = [](void* arg, Request&) {
    auto& c = *static_cast<Chain*>(arg);
    c.deepest = std::max(c.deepest, ++c.depth);
    ++c.calls;
    if (c.next < kRequests) c.bench.queue.Cancel(*c.bench.requests[c.next++]);
    --c.depth;
  };
  for (size_t i = 0; i < kRequests; ++i) {
    b.Submit(b.Make());
    b.queue.Then(*b.requests.back(), cancel, &chain);
  }
  b.queue.Cancel(*b.requests[0]);
  EXPECT_EQ(chain.calls, static_cast<int>(kRequests));
  EXPECT_LE(chain.deepest, 8);
  EXPECT_TRUE(b.queue.Join().ok());
}

TEST(Completions, TheFileIsReadableWhileThereAreTags) {
  auto completions = Completions::Make();
  ASSERT_TRUE(completions.ok());
  Bench b;
  std::vector<uint64_t> seen(8);
  for (uint64_t round = 0; round < 3; ++round) {
    for (uint64_t i = 0; i < 20; ++i) {
      TestRequest& r = b.Make();
      r.completions = completions->get();
      r.tag = round * 100 + i;
      r.completions->Expect();
      ASSERT_TRUE(b.queue.Submit(r).ok());
    }
    while (b.RunOne() != nullptr) {
    }
    for (uint64_t i = 0; i < 20; i += 8) {
      const size_t taken = (*completions)->Take(seen);
      ASSERT_EQ(taken, std::min<size_t>(8, 20 - i));
      for (size_t k = 0; k < taken; ++k) EXPECT_EQ(seen[k], round * 100 + i + k);
    }
    EXPECT_EQ((*completions)->Take(seen), 0u);
  }
}

}  // namespace
}  // namespace heddle::core
