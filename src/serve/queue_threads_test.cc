// SPDX-License-Identifier: Apache-2.0
// The Queue with real threads: submitters that wait, cancel, drop and join as they please, and a
// Crew. Nothing here waits for a time.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "serve/completions.h"
#include "serve/crew_hands.h"
#include "serve/queue_for_test.h"

namespace heddle::core {
namespace {

constexpr uint64_t kMostRequests = 8, kMostBytes = 100;
constexpr int kSessions = 3;

// Counts what it runs, and looks whether it may.
struct WatchedTarget final : Target {
  bool Alike(const Request&, const Request&) const override { return true; }
  // One in 16 is bad, and must be told apart.
  Status RunBatch(Request& first, int count, Turn& turn) override {
    Request* r = &first;
    for (int i = 0; i < count; ++i, r = r->next_in_batch) {
      if (r->serial || r->kind != first.kind || r->target != first.target) ++wrong;
      if (r->tag % 16 == 0) return Status(Code::kInternal, "a bad row");
    }
    r = &first;
    for (int i = 0; i < count; ++i, r = r->next_in_batch) r->status = Run(*r, turn);
    return Status();
  }
  Status Run(Request& r, Turn&) override {
    if (running.fetch_add(1) + 1 > 4) ++wrong;  // the budget
    if (r.serial && in_session[r.stream].fetch_add(1) != 0) ++wrong;
    uint32_t spin = static_cast<uint32_t>(r.tag % 400);
    while (spin-- > 0 && !r.stop.load(std::memory_order_relaxed)) {
    }
    if (r.serial) in_session[r.stream].fetch_sub(1);
    running.fetch_sub(1);
    return r.stop ? Status(Code::kCancelled, "stopped") : Status();
  }
  std::atomic<int> running{0}, wrong{0};
  std::atomic<int> in_session[kSessions + 1] = {};
};

// Deletes itself when nobody owns it any more.
struct OwnRequest final : Request {
  explicit OwnRequest(std::atomic<int>& its_living) : living(its_living) { ++living; }
  ~OwnRequest() override { --living; }
  void Recycle() override { delete this; }
  std::atomic<int>& living;
};

struct Play {
  Queue& queue;
  WatchedTarget* targets;
  Completions& completions;
  std::atomic<int> living{0}, called{0};
  std::atomic<int> thens{0}, expected_tags{0};

  OwnRequest* Make(std::mt19937& rng) {
    auto* r = new OwnRequest(living);
    r->target = &targets[rng() % 2];
    r->stream = rng() % (kSessions + 1);
    r->serial = r->stream != 0 && rng() % 2 == 0;
    r->in_order = rng() % 2 == 0;
    r->priority = static_cast<Priority>(rng() % kPriorities);
    r->bytes = rng() % 40;
    r->kind = rng() % 2;
    r->batchable = !r->serial;
    r->tag = rng();
    if (rng() % 16 == 0)
      r->deadline_ns = SystemClock().NowNs() + static_cast<int64_t>(rng() % 300'000);
    if (rng() % 4 == 0) {
      r->completions = &completions;
      completions.Expect();
    }
    return r;
  }

  void SubmitOne(std::mt19937& rng) {
    OwnRequest* r = Make(rng);
    const bool told = r->completions != nullptr;
    if (!queue.Submit(*r).ok()) {
      if (told) completions.Unexpect();
      r->Disown();
      return;
    }
    if (told) ++expected_tags;
    if (rng() % 4 == 0) {
      ++thens;
      queue.Then(*r, [](void* play, Request&) { ++static_cast<Play*>(play)->called; }, this);
    }
    const uint32_t what = rng() % 8;
    if (what == 0) queue.Cancel(*r);
    if (what < 2) queue.Wait(*r, 0);
    if (what >= 2 && what < 7) EXPECT_TRUE(queue.Wait(*r, -1));
    if (what >= 2 && what < 7) EXPECT_TRUE(r->done());
    r->Disown();
  }
};

void PlayWith(uint32_t seed, int budget, heddle_policy policy) {
  SCOPED_TRACE(seed);
  Crew crew(CrewOf(4, budget));
  CrewHands hands(&crew);
  Queue queue(SystemClock(), hands, {kMostRequests, kMostBytes, policy});
  hands.Serve(queue);
  queue.SetBatching(seed % 3 == 0 ? Batching::kMeasured : Batching::kAlways);
  WatchedTarget targets[2];
  auto completions = Completions::Make();
  ASSERT_TRUE(completions.ok());
  Play play{queue, targets, **completions};
  ShareOf latest;
  latest.policy = HEDDLE_LATEST;
  queue.SetStream(1, latest);
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 rng(seed * 100 + t);
      for (int i = 0; i < 400; ++i) {
        play.SubmitOne(rng);
        if (rng() % 100 == 0) EXPECT_TRUE(queue.Join().ok());
        if (rng() % 100 == 0) queue.SetStream(2, ShareOf{.weight = 1.0 + t});
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(queue.Drain(seed % 2 == 0).ok());
  EXPECT_EQ(play.living, 0);
  EXPECT_EQ(play.called, play.thens);
  EXPECT_EQ(targets[0].wrong + targets[1].wrong, 0);
  std::vector<uint64_t> tags(10'000);
  EXPECT_EQ((*completions)->Take(tags), static_cast<size_t>(play.expected_tags));
  const QueueCounts& c = queue.counts();
  EXPECT_LE(c.most_bytes.value(), kMostBytes);
  EXPECT_EQ(c.accepted.value(), c.succeeded.value() + c.expired_waiting.value() +
                                    c.cancelled_waiting.value() + c.cancelled_running.value() +
                                    c.displaced.value());
  EXPECT_EQ(c.failed.value(), 0u);
  if (seed % 3 != 0) EXPECT_GT(c.batches.value(), 0u);
}

TEST(QueueThreads, NothingIsLostToldTwiceOrRunBesideItsSession) {
  const uint32_t first = SeedFromEnvironment();
  for (uint32_t seed = first; seed < first + 6; ++seed)
    PlayWith(seed, 1 + static_cast<int>(seed % 3),
             seed % 2 == 0 ? HEDDLE_BLOCK : HEDDLE_DROP_OLDEST);
}

// Also where each is ended by another thread.
TEST(QueueThreads, CallbacksOfAStreamComeInOrder) {
  Crew crew(CrewOf(4, 4));
  CrewHands hands(&crew);
  Queue queue(SystemClock(), hands, {.most_requests = 16, .policy = HEDDLE_BLOCK});
  hands.Serve(queue);
  WatchedTarget target;
  std::mt19937 rng(SeedFromEnvironment());
  std::atomic<int> living{0};
  struct Seen {
    uint64_t next = 0;  // plain: callbacks of a stream come one after another
    int wrong = 0;
  } seen;
  constexpr uint64_t kRequests = 4000;
  for (uint64_t i = 0; i < kRequests; ++i) {
    auto* r = new OwnRequest(living);
    r->target = &target;
    r->stream = 1;
    r->in_order = true;
    r->tag = (rng() % 400) + 400 * i;
    r->then = [](void* arg, Request& ended) {
      auto& s = *static_cast<Seen*>(arg);
      s.wrong += ended.tag / 400 != s.next++;
    };
    r->then_arg = &seen;
    ASSERT_TRUE(queue.Submit(*r).ok());
    r->Disown();
  }
  EXPECT_TRUE(queue.Drain(false).ok());
  EXPECT_EQ(seen.next, kRequests);
  EXPECT_EQ(seen.wrong, 0);
}

// A callback holds the only turn there is; what it waits for must run all the same.
TEST(QueueThreads, ACallbackMayWaitForWhatItSubmits) {
  Crew crew(CrewOf(2, 1));
  CrewHands hands(&crew);
  Queue queue(SystemClock(), hands, {});
  hands.Serve(queue);
  WatchedTarget target;
  struct Nested {
    Queue& queue;
    Target& target;
    std::atomic<int> living{0};
    std::atomic<bool> done{false};
  } nested{queue, target};
  auto* outer = new OwnRequest(nested.living);
  outer->target = &target;
  ASSERT_TRUE(queue.Submit(*outer).ok());
  queue.Then(
      *outer,
      [](void* arg, Request&) {
        auto& n = *static_cast<Nested*>(arg);
        auto* ahead = new OwnRequest(n.living);
        auto* inner = new OwnRequest(n.living);
        ahead->target = inner->target = &n.target;
        EXPECT_TRUE(n.queue.Submit(*ahead).ok());
        EXPECT_TRUE(n.queue.Submit(*inner).ok());
        EXPECT_TRUE(n.queue.Wait(*inner, -1));
        ahead->Disown();
        inner->Disown();
        n.done = true;
      },
      &nested);
  outer->Disown();
  while (!nested.done) std::this_thread::yield();
  EXPECT_TRUE(queue.Drain(false).ok());
  EXPECT_EQ(nested.living, 0);
}

// Nor does a wait for a time become one for all that is ahead.
TEST(QueueThreads, ACallbackThatWaitsForATimeWaitsNoLonger) {
  FakeClock clock{1};
  Crew crew(CrewOf(2, 1));
  CrewHands hands(&crew);
  Queue queue(clock, hands, {});
  hands.Serve(queue);
  struct Slow final : Target {
    explicit Slow(FakeClock& its_clock) : clock(its_clock) {}
    Status Run(Request&, Turn&) override {
      clock.Advance(kMs);
      ++runs;
      return Status();
    }
    FakeClock& clock;
    std::atomic<int> runs{0};
  } target(clock);
  struct Nested {
    Queue& queue;
    Slow& target;
    std::atomic<int> living{0}, runs{-1};
  } nested{queue, target};
  auto* outer = new OwnRequest(nested.living);
  outer->target = &target;
  outer->then_arg = &nested;
  outer->then = [](void* arg, Request&) {
    auto& n = *static_cast<Nested*>(arg);
    for (int i = 0; i < 50; ++i) {
      auto* r = new OwnRequest(n.living);
      r->target = &n.target;
      EXPECT_TRUE(n.queue.Submit(*r).ok());
      if (i == 49) EXPECT_FALSE(n.queue.Wait(*r, 10 * kMs));
      r->Disown();
    }
    n.runs = n.target.runs - 1;
  };
  ASSERT_TRUE(queue.Submit(*outer).ok());
  outer->Disown();
  while (nested.runs < 0) std::this_thread::yield();
  EXPECT_TRUE(queue.Drain(false).ok());
  EXPECT_EQ(nested.runs, 10) << "in which it made itself useful";
  EXPECT_EQ(target.runs, 51);
  EXPECT_EQ(nested.living, 0);
}

// Each callback waits for a request behind the next one, whose callback does so, too.
TEST(QueueThreads, CallbacksThatWaitDoNotPileUpOnAStack) {
  Crew crew(CrewOf(2, 1));
  CrewHands hands(&crew);
  Queue queue(SystemClock(), hands, {});
  hands.Serve(queue);
  WatchedTarget target;
  struct Nested {
    Queue& queue;
    Target& target;
    std::atomic<int> living{0}, called{0}, deepest{0};
  } nested{queue, target};
  static thread_local int depth = 0;
  const auto wait = [](void* arg, Request&) {
    auto& n = *static_cast<Nested*>(arg);
    n.deepest = std::max(n.deepest.load(), ++depth);
    auto* inner = new OwnRequest(n.living);
    inner->target = &n.target;
    EXPECT_TRUE(n.queue.Submit(*inner).ok());
    EXPECT_TRUE(n.queue.Wait(*inner, -1));
    inner->Disown();
    ++n.called;
    --depth;
  };
  constexpr int kRequests = 300;
  std::vector<OwnRequest*> requests;
  for (int i = 0; i < kRequests; ++i) {
    requests.push_back(new OwnRequest(nested.living));
    requests.back()->target = &target;
    requests.back()->then = wait;
    requests.back()->then_arg = &nested;
  }
  {
    const Turn only(crew, Priority::kNormal, nullptr);  // so that there is a line
    for (OwnRequest* r : requests) {
      EXPECT_TRUE(queue.Submit(*r).ok());
      r->Disown();
    }
  }
  while (nested.called < kRequests) std::this_thread::yield();
  EXPECT_TRUE(queue.Drain(false).ok());
  EXPECT_LE(nested.deepest, 8);
  EXPECT_EQ(nested.living, 0);
}

}  // namespace
}  // namespace heddle::core
