// SPDX-License-Identifier: Apache-2.0
// Who floods leaves the others their room.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "serve/queue_for_test.h"

namespace heddle::core {
namespace {

constexpr uint32_t kSeeds = 1000;

// Streams of models, of which one submits whenever it can, while the others have no more than half
// their part of the room at a time.
class Crowd {
 public:
  explicit Crowd(uint32_t seed)
      : rng_(seed), hands_(1 + Pick(3)), queue_(clock_, hands_, Limits()) {
    for (int m = 1 + Pick(3); m > 0; --m) AddModel();
    flooder_ = &members_[static_cast<size_t>(Pick(static_cast<int>(members_.size())))];
    // All are known.
    for (Member& member : members_) EXPECT_TRUE(Submit(member, 0));
    while (BeginOne()) EndOne();
  }

  void Play(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      while (Pick(8) != 0) Submit(*flooder_, Bytes());
      if (Pick(3) == 0) BeginOne();
      if (Pick(3) == 0) EndOne();
      Member& member = members_[static_cast<size_t>(Pick(static_cast<int>(members_.size())))];
      const uint64_t bytes = Bytes();
      if (&member != flooder_ && MayHaveOneMore(member, bytes))
        EXPECT_TRUE(Submit(member, bytes)) << why_;
    }
    while (!running_.empty() || BeginOne()) EndOne();
    EXPECT_EQ(queue_.counts().waiting.value(), 0u);
  }

 private:
  struct Model {
    NoTarget target;
    double weight = 1, stream_weights = 0;
  };
  struct Member {
    Model* model;
    uint64_t stream;
    double weight;
    std::vector<const TestRequest*> live = {};
  };

  int Pick(int n) { return static_cast<int>(rng_() % static_cast<uint32_t>(n)); }
  uint64_t Bytes() { return rng_() % (1 + limits_.most_bytes / 200); }
  QueueLimits Limits() {
    limits_.most_requests = 40 + rng_() % 200;
    limits_.most_bytes = 1 + rng_() % 100'000;
    return limits_;
  }
  void AddModel() {
    models_.push_back(std::make_unique<Model>());
    Model& model = *models_.back();
    ShareOf share;
    share.weight = model.weight = 1 + Pick(3);
    queue_.SetTarget(model.target, share);
    weights_ += model.weight;
    // A stream has the same weight for every model.
    for (uint64_t stream = rng_() % 2; stream <= static_cast<uint64_t>(Pick(4)); ++stream) {
      const double weight = stream == 0 ? 1 : 0.5 * static_cast<double>(stream);
      share.weight = weight;
      if (stream != 0) queue_.SetStream(stream, share);
      model.stream_weights += weight;
      members_.push_back({&model, stream, weight});
    }
    if (members_.empty() || members_.back().model != &model) {
      model.stream_weights = 1;
      members_.push_back({&model, 0, 1});
    }
  }

  // Of what all may have, half of its part.
  bool MayHaveOneMore(const Member& member, uint64_t bytes) {
    const double part =
        0.5 * member.model->weight / weights_ * member.weight / member.model->stream_weights;
    uint64_t held = bytes;
    for (const TestRequest* r : member.live) held += r->bytes;
    return static_cast<double>(member.live.size() + 1) <=
               part * static_cast<double>(limits_.most_requests) &&
           static_cast<double>(held) <= part * static_cast<double>(limits_.most_bytes);
  }
  bool Submit(Member& member, uint64_t bytes) {
    requests_.push_back(std::make_unique<TestRequest>(member.model->target));
    TestRequest& r = *requests_.back();
    r.stream = member.stream;
    r.bytes = bytes;
    const Status status = queue_.Submit(r);
    why_ = status.message();
    if (status.ok()) member.live.push_back(&r);
    const QueueCounts& counts = queue_.counts();
    EXPECT_LE(counts.waiting.value() + counts.running.value(), limits_.most_requests);
    EXPECT_LE(counts.bytes.value(), limits_.most_bytes);
    return status.ok();
  }
  bool BeginOne() {
    Request* r = queue_.Begin();
    if (r != nullptr) running_.push_back(r);
    return r != nullptr;
  }
  void EndOne() {
    if (running_.empty()) return;
    Request& first = *running_.back();
    running_.pop_back();
    EndRun(queue_, first, Status());
    for (Member& member : members_)
      std::erase_if(member.live, [](const TestRequest* r) { return r->done(); });
  }

  std::mt19937 rng_;
  FakeClock clock_{1};
  CountingHands hands_;
  QueueLimits limits_;
  Queue queue_;
  std::vector<std::unique_ptr<Model>> models_;
  double weights_ = 0;
  std::vector<Member> members_;
  Member* flooder_ = nullptr;
  std::vector<std::unique_ptr<TestRequest>> requests_;
  std::vector<Request*> running_;
  std::string why_;
};

TEST(QueueRoom, WhoFloodsLeavesTheOthersHalfTheirPart) {
  const uint32_t first = SeedFromEnvironment();
  for (uint32_t seed = first; seed < first + kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    Crowd(seed).Play(100);
    ASSERT_FALSE(HasFailure()) << "HEDDLE_SEED=" << seed;
  }
}

struct Full {
  explicit Full(uint64_t most = 8) : queue(clock, hands, {.most_requests = most}) {}
  TestRequest& Make(uint64_t stream) {
    requests.push_back(std::make_unique<TestRequest>(target));
    requests.back()->stream = stream;
    return *requests.back();
  }
  Status Submit(uint64_t stream) { return queue.Submit(Make(stream)); }
  void RunOne() { EndRun(queue, *queue.Begin(), Status()); }

  FakeClock clock{1};
  CountingHands hands{1};
  Queue queue;
  NoTarget target;
  std::vector<std::unique_ptr<TestRequest>> requests;
};

TEST(QueueRoom, WhoIsAloneHasAllOfIt) {
  Full f;
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(f.Submit(1).ok());
  EXPECT_EQ(f.Submit(1).message(), "the queue is full: 8 of 8 requests, 0 + 0 of 1073741824 bytes");
  while (Request* r = f.queue.Begin()) EndRun(f.queue, *r, Status());
}

TEST(QueueRoom, WhoFindsItFullGetsWhatBecomesFree) {
  Full f;
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(f.Submit(1).ok());
  EXPECT_FALSE(f.Submit(2).ok());
  f.RunOne();
  const Status flood = f.Submit(1);
  EXPECT_EQ(flood.code(), Code::kResourceExhausted);
  EXPECT_GT(flood.retry_ns(), 0);
  EXPECT_EQ(flood.message(),
            "the stream has 7 requests with 0 bytes, its model 7 with 0, of the queue's 8 and "
            "1073741824: what is left is kept for others");
  EXPECT_TRUE(f.Submit(2).ok());
  EXPECT_EQ(f.queue.counts().displaced.value(), 0u) << "what is accepted stays";
  for (int i = 0; i < 4; ++i) f.RunOne();
  EXPECT_TRUE(f.Submit(2).ok()) << "until it has its part";
  while (Request* r = f.queue.Begin()) EndRun(f.queue, *r, Status());
}

// Nor are those who wait for room in the way of whoever has less.
TEST(QueueRoom, WhoBlocksKeepsNobodyElseOut) {
  Full f;
  ShareOf blocks;
  blocks.policy = HEDDLE_BLOCK;
  f.queue.SetStream(1, blocks);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(f.Submit(1).ok());
  EXPECT_FALSE(f.Submit(2).ok());
  TestRequest& waits = f.Make(1);
  Status status;
  std::thread submitter([&] { status = f.queue.Submit(waits); });
  while (f.queue.counts().submitted.value() < 10) std::this_thread::yield();
  f.RunOne();
  EXPECT_TRUE(f.Submit(2).ok());
  while (!waits.done() || f.queue.counts().waiting.value() > 0) {
    Request* r = f.queue.Begin();
    if (r != nullptr) EndRun(f.queue, *r, Status());
  }
  submitter.join();
  EXPECT_TRUE(status.ok());
}

// As little as a stream of a model that has its part.
TEST(QueueRoom, WhoBlocksKeepsNoStreamOfItsModelOut) {
  Full f(16);
  NoTarget other;
  TestRequest once(other);
  EXPECT_TRUE(f.queue.Submit(once).ok());
  f.RunOne();
  ShareOf blocks;
  blocks.policy = HEDDLE_BLOCK;
  f.queue.SetStream(1, blocks);
  for (const uint64_t stream : {2, 3, 1}) EXPECT_TRUE(f.Submit(stream).ok());
  f.queue.Cancel(*f.requests[0]);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(f.Submit(1).ok());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(f.Submit(3).ok());
  EXPECT_FALSE(f.Submit(3).ok()) << "the model has its part";
  TestRequest& waits = f.Make(1);
  Status status;
  std::thread submitter([&] { status = f.queue.Submit(waits); });
  while (f.queue.counts().submitted.value() < 16) std::this_thread::yield();
  EXPECT_TRUE(f.Submit(2).ok());
  while (!waits.done() || f.queue.counts().waiting.value() > 0) {
    Request* r = f.queue.Begin();
    if (r != nullptr) EndRun(f.queue, *r, Status());
  }
  submitter.join();
  EXPECT_TRUE(status.ok());
}

TEST(QueueRoom, AModelThatIsUnloadedLeavesItsPart) {
  Full f;
  {
    NoTarget other;
    TestRequest once(other);
    EXPECT_TRUE(f.queue.Submit(once).ok());
    f.RunOne();
    for (int i = 0; i < 6; ++i) EXPECT_TRUE(f.Submit(1).ok());
    EXPECT_FALSE(f.Submit(1).ok());
    EXPECT_TRUE(f.queue.Unload(other, false).ok());
  }
  EXPECT_TRUE(f.Submit(1).ok());
  EXPECT_TRUE(f.Submit(1).ok());
  while (Request* r = f.queue.Begin()) EndRun(f.queue, *r, Status());
}

}  // namespace
}  // namespace heddle::core
