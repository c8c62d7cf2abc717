// SPDX-License-Identifier: Apache-2.0
// The Queue under random schedules, in virtual time, beside a model of what it promises that is as
// simple as can be: lists that are searched from end to end.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "serve/queue_for_test.h"

namespace heddle::core {
namespace {

constexpr uint32_t kSeeds = 3000;

using LaneKey = std::tuple<Target*, uint64_t, bool, int>;

class World {
 public:
  explicit World(uint32_t seed)
      : rng_(seed), clock_(1), hands_(1 + Pick(4)), queue_(clock_, hands_, Limits()) {
    constexpr Batching kSome[] = {Batching::kNever, Batching::kMeasured, Batching::kAlways};
    queue_.SetBatching(kSome[Pick(3)]);
    for (int i = Pick(3); i >= 0; --i) {
      targets_.push_back(std::make_unique<NoTarget>());
      shares_[targets_.back().get()] = Share();
      queue_.SetTarget(*targets_.back(), shares_[targets_.back().get()]);
    }
    for (uint64_t stream = 1; stream <= 3; ++stream) {
      streams_[stream] = Share();
      queue_.SetStream(stream, streams_[stream]);
    }
  }

  void Play(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      const int what = Pick(20);
      if (what < 8)
        Submit();
      else if (what < 13)
        Begin();
      else if (what < 17)
        End();
      else if (what < 18)
        Cancel();
      else
        clock_.Advance(static_cast<int64_t>(Pick(3 * kMs)));
      CheckBounds();
    }
    Finish();
  }

 private:
  struct Entry {
    std::unique_ptr<TestRequest> request;
    LaneKey lane;
    bool waits = true, runs = false, cancelled = false;
  };

  int Pick(int n) { return static_cast<int>(rng_() % static_cast<uint32_t>(n)); }
  QueueLimits Limits() {
    limits_ = {1 + rng_() % 12, 1 + rng_() % 400, Policy()};
    return limits_;
  }
  // Blocking is for threads.
  heddle_policy Policy() {
    constexpr heddle_policy kSome[] = {HEDDLE_POLICY_INHERITED, HEDDLE_REFUSE, HEDDLE_DROP_OLDEST,
                                       HEDDLE_LATEST};
    return kSome[Pick(4)];
  }
  ShareOf Share() {
    ShareOf share;
    share.weight = 0.25 * (1 + Pick(8));
    if (Pick(2) == 0) share.most_requests = 1 + rng_() % 6;
    if (Pick(2) == 0) share.most_bytes = 1 + rng_() % 200;
    share.policy = Policy();
    return share;
  }

  template <class F>
  std::vector<Entry*> Those(F which) {
    std::vector<Entry*> found;
    for (const auto& entry : live_)
      if (which(*entry)) found.push_back(entry.get());
    return found;
  }
  // Accepted and not done, and their bytes.
  template <class F>
  std::pair<uint64_t, uint64_t> Load(F which) {
    std::pair<uint64_t, uint64_t> sum;
    for (const Entry* e : Those(which)) {
      sum.first += 1;
      sum.second += e->request->bytes;
    }
    return sum;
  }
  static LaneKey KeyOf(const TestRequest& r) {
    const bool plain = r.stream == 0 && !r.serial;
    return {r.target, r.stream, r.serial, plain ? static_cast<int>(r.priority) : -1};
  }
  ShareOf LaneShare(const LaneKey& lane) {
    const auto found = streams_.find(std::get<1>(lane));
    return std::get<2>(lane) || found == streams_.end() ? ShareOf() : found->second;
  }

  bool HasRoom(const TestRequest& r, const LaneKey& lane) {
    const auto fits = [&](std::pair<uint64_t, uint64_t> load, uint64_t requests, uint64_t bytes) {
      return load.first < requests && load.second + r.bytes <= bytes;
    };
    const ShareOf of_target = shares_[r.target], of_lane = LaneShare(lane);
    const auto all = Load([](const Entry&) { return true; });
    const auto model = Load([&](const Entry& e) { return e.request->target == r.target; });
    const auto stream = Load([&](const Entry& e) { return IsOne(e.lane, lane); });
    const bool room = fits(all, limits_.most_requests, limits_.most_bytes) &&
                      fits(model, of_target.most_requests, of_target.most_bytes) &&
                      fits(Load([&](const Entry& e) { return e.lane == lane; }),
                           of_lane.most_requests, of_lane.most_bytes);
    const double part = of_target.weight / known_weights_;
    const double stream_part = of_lane.weight / r.target->scheduled.lane_weights;
    const Beside requests(part, stream_part, limits_.most_requests, of_target.most_requests,
                          all.first + 1, model.first + 1, stream.first + 1);
    const Beside bytes(part, stream_part, limits_.most_bytes, of_target.most_bytes,
                       all.second + r.bytes, model.second + r.bytes, stream.second + r.bytes);
    return room && ((requests.little && bytes.little) ||
                    ((model.first == 0 || (requests.model && bytes.model)) &&
                     (stream.first == 0 || (requests.stream && bytes.stream))));
  }
  // What room.h promises to others; of requests, or of bytes.
  struct Beside {
    Beside(double part, double stream_part, uint64_t most, uint64_t most_of_model, uint64_t all,
           uint64_t of_model, uint64_t of_stream) {
      const auto number = [](uint64_t n) { return static_cast<double>(n); };
      const double left = number(most) - number(all);
      const double left_of_model = number(most_of_model) - number(of_model);
      const double its = stream_part * std::min(part * number(most), number(most_of_model));
      little = number(of_stream) <= its / 2;
      model = number(of_model) <= part * number(most) + left;
      stream = number(of_stream) <= its + std::min(left, left_of_model);
    }
    bool little, model, stream;
  };
  // Requests without a stream are one.
  static bool IsOne(const LaneKey& a, const LaneKey& b) {
    return std::get<0>(a) == std::get<0>(b) && std::get<1>(a) == std::get<1>(b) &&
           std::get<2>(a) == std::get<2>(b);
  }

  void Submit() {
    auto request = std::make_unique<TestRequest>(*targets_[rng_() % targets_.size()]);
    TestRequest& r = *request;
    r.number = ++submitted_;
    r.stream = rng_() % 5;
    r.serial = r.stream != 0 && Pick(4) == 0;
    r.in_order = Pick(2) == 0;
    r.priority = static_cast<Priority>(Pick(3));
    r.bytes = rng_() % 100;
    if (Pick(2) == 0) r.deadline_ns = clock_.NowNs() + Pick(8 * kMs);
    r.kind = rng_() % 2;
    r.batchable = !r.serial && Pick(4) != 0;
    const LaneKey lane = KeyOf(r);
    if (known_.insert(r.target).second) known_weights_ += shares_[r.target].weight;
    queue_.Wait(r, 0);  // a request that was never submitted is not done
    const Status status = queue_.Submit(r);
    Forget();  // what was displaced, or has expired
    if (status.code() == Code::kResourceExhausted && status.retry_ns() > 0)
      EXPECT_FALSE(HasRoom(r, lane)) << "refused although there was room";
    if (!status.ok()) {
      EXPECT_NE(status.message(), "");
      r.Disown();
      EXPECT_TRUE(r.recycled);
      return;
    }
    EXPECT_TRUE(HasRoom(r, lane)) << "accepted although there was no room";
    EXPECT_TRUE(r.deadline_ns == 0 || r.deadline_ns > clock_.NowNs());
    live_.push_back(std::make_unique<Entry>());
    live_.back()->request = std::move(request);
    live_.back()->lane = lane;
    ++accepted_;
    queue_.Then(
        r,
        [](void* world, Request& ended) {
          auto& test = static_cast<TestRequest&>(ended);
          ++test.told;
          static_cast<World*>(world)->told_.push_back(&test);
        },
        this);
  }

  // The priority that a lane has to offer; -1: none.
  int Offers(const LaneKey& lane) {
    if (std::get<2>(lane) &&
        !Those([&](const Entry& e) { return e.lane == lane && e.runs; }).empty())
      return -1;
    int best = kPriorities;
    for (const Entry* e : Those([&](const Entry& e) { return e.lane == lane && e.waits; }))
      best = std::min(best, static_cast<int>(e->request->priority));
    return best == kPriorities ? -1 : best;
  }

  void Begin() {
    if (runs_.size() >= static_cast<size_t>(hands_.budget())) return;
    const auto idle = static_cast<size_t>(hands_.budget()) - runs_.size();
    Request* begun = queue_.Begin();
    Forget();
    const size_t waited = Those([](const Entry& e) { return e.waits; }).size();
    if (begun == nullptr) {
      const auto offered = Offered();
      EXPECT_FALSE(offered[0] || offered[1] || offered[2]) << "something could have begun";
      passed_over_ = {};
      return;
    }
    runs_.push_back(begun);
    size_t size = 0;
    for (Request* r = begun; r != nullptr; r = r->next_in_batch, ++size) BegunOne(*r, *begun);
    EXPECT_EQ(size, static_cast<size_t>(begun->batch_size));
    EXPECT_LE(size, (waited + idle - 1) / idle) << "joined others beside an idle core";
    if (size > 1) {
      ++batches_;
      batched_ += size;
    }
  }

  std::array<bool, kPriorities> Offered() {
    std::array<bool, kPriorities> offered{};
    for (const auto& e : live_)
      if (e->waits && Offers(e->lane) >= 0) offered[static_cast<size_t>(Offers(e->lane))] = true;
    return offered;
  }

  // `begun` begins, as the first of a run or with it.
  void BegunOne(const Request& begun, const Request& first) {
    Entry& entry = **std::find_if(live_.begin(), live_.end(),
                                  [&](const auto& e) { return e->request.get() == &begun; });
    EXPECT_TRUE(entry.waits && !entry.cancelled);
    EXPECT_TRUE(begun.deadline_ns == 0 || begun.deadline_ns > clock_.NowNs())
        << "an expired request began";
    if (&begun != &first) {
      EXPECT_TRUE(first.batchable && begun.batchable);
      EXPECT_EQ(begun.target, first.target);
      EXPECT_EQ(begun.kind, first.kind);
    }
    const auto offered = Offered();
    const int priority = Offers(entry.lane);
    ASSERT_GE(priority, 0) << "two requests of a session at a time";
    const auto& [target, stream, serial, level] = entry.lane;
    const bool ordered = stream != 0 || serial || &begun == &first;
    for (const Entry* e : Those([&](const Entry& e) { return e.waits && e.lane == entry.lane; })) {
      const bool alike = e->request->batchable && e->request->kind == begun.kind;
      if (ordered || alike)
        EXPECT_GE(e->request->number, entry.request->number) << "a stream was reordered";
    }
    for (int p = 0; p < kPriorities; ++p) {
      int& times = passed_over_[static_cast<size_t>(p)];
      times = p == priority || !offered[static_cast<size_t>(p)] ? 0 : times + 1;
      EXPECT_LE(times, 9) << "priority " << p << " starves";
      if (p < priority && offered[static_cast<size_t>(p)])
        EXPECT_EQ(&begun, &first) << "one of lower priority joined while a higher one waited";
    }
    entry.waits = false;
    entry.runs = true;
    if (begun.in_order) in_order_[entry.lane].push_back(entry.request->number);
  }

  void End() {
    if (runs_.empty()) return;
    const auto at = runs_.begin() + Pick(static_cast<int>(runs_.size()));
    Request& first = **at;
    runs_.erase(at);
    clock_.Advance(Pick(kMs));
    for (Request* r = &first; r != nullptr; r = r->next_in_batch) {
      Entry& entry = **std::find_if(live_.begin(), live_.end(),
                                    [&](const auto& e) { return e->request.get() == r; });
      entry.runs = false;
      EXPECT_EQ(r->stop, entry.cancelled);
      r->status = r->stop        ? Status(Code::kCancelled, "stopped")
                  : Pick(8) == 0 ? Status(Code::kInternal, "failed")
                                 : Status();
    }
    queue_.End(first);
    Forget();
  }

  void Cancel() {
    if (live_.empty()) return;
    Entry& entry = *live_[rng_() % live_.size()];
    const bool waits = entry.waits;
    entry.cancelled = entry.cancelled || entry.waits || entry.runs;
    TestRequest& r = *entry.request;
    queue_.Cancel(r);
    if (waits) EXPECT_TRUE(r.done()) << "what waits is freed at once";
    Forget();
  }

  // Takes what is done out of the model of the world.
  void Forget() {
    for (TestRequest* r : told_) {
      EXPECT_TRUE(r->done());
      EXPECT_EQ(r->told, 1);
      const auto at = std::find_if(live_.begin(), live_.end(),
                                   [&](const auto& e) { return e->request.get() == r; });
      ASSERT_NE(at, live_.end()) << "told of what was not accepted, or twice";
      Entry& entry = **at;
      EXPECT_FALSE(entry.runs);
      if (!entry.waits && r->in_order) {
        auto& order = in_order_[entry.lane];
        EXPECT_EQ(order.front(), r->number) << "ended out of order";
        order.erase(order.begin());
      }
      if (entry.waits) EXPECT_FALSE(r->status.ok()) << "succeeded without having begun";
      ++ended_;
      finished_.push_back(std::move(entry.request));
      live_.erase(at);
    }
    told_.clear();
    for (const auto& r : finished_) {
      EXPECT_FALSE(r->recycled);
      r->Disown();
      EXPECT_TRUE(r->recycled) << "the queue still owns what is done";
    }
    finished_.clear();
  }

  void CheckBounds() {
    const auto load = Load([](const Entry&) { return true; });
    EXPECT_LE(load.first, limits_.most_requests);
    EXPECT_LE(load.second, limits_.most_bytes);
    const QueueCounts& counts = queue_.counts();
    EXPECT_EQ(counts.bytes.value(), load.second);
    EXPECT_EQ(counts.waiting.value(), Those([](const Entry& e) { return e.waits; }).size());
    EXPECT_EQ(counts.running.value(), Those([](const Entry& e) { return e.runs; }).size());
    EXPECT_EQ(counts.accepted.value(), accepted_);
  }

  void Finish() {
    while (!live_.empty() && !::testing::Test::HasFailure()) {
      Begin();
      End();
    }
    ASSERT_EQ(accepted_, ended_);
    if (::testing::Test::HasFailure()) return;
    const QueueCounts& c = queue_.counts();
    EXPECT_EQ(c.submitted.value(), submitted_);
    EXPECT_EQ(c.submitted.value(), c.accepted.value() + c.refused_full.value() +
                                       c.refused_deadline.value() + c.refused_closed.value() +
                                       c.refused_wrong.value());
    EXPECT_EQ(c.accepted.value(), c.succeeded.value() + c.failed.value() +
                                      c.expired_waiting.value() + c.expired_running.value() +
                                      c.cancelled_waiting.value() + c.cancelled_running.value() +
                                      c.displaced.value());
    EXPECT_EQ(c.batches.value(), batches_);
    EXPECT_EQ(c.batched.value(), batched_);
    EXPECT_EQ(c.ahead_ns.value(), 0u);
    EXPECT_TRUE(queue_.Join().ok());
    TestRequest late(*targets_[0]);
    for (const auto& target : targets_) EXPECT_TRUE(queue_.Unload(*target, false).ok());
    EXPECT_EQ(queue_.Submit(late).code(), Code::kFailedPrecondition);
  }

  std::mt19937 rng_;
  FakeClock clock_;
  CountingHands hands_;
  QueueLimits limits_;
  Queue queue_;
  std::vector<std::unique_ptr<NoTarget>> targets_;
  std::map<Target*, ShareOf> shares_;
  std::map<uint64_t, ShareOf> streams_;
  std::vector<std::unique_ptr<Entry>> live_;  // as accepted
  std::vector<Request*> runs_;                // the first of each
  std::vector<TestRequest*> told_;
  std::vector<std::unique_ptr<TestRequest>> finished_;
  std::map<LaneKey, std::vector<uint64_t>> in_order_;  // that began
  std::array<int, kPriorities> passed_over_{};
  std::set<Target*> known_;
  double known_weights_ = 0;
  uint64_t submitted_ = 0, accepted_ = 0, ended_ = 0, batches_ = 0, batched_ = 0;
};

TEST(QueueProperties, HoldUnderAnySchedule) {
  const uint32_t first = SeedFromEnvironment();
  for (uint32_t seed = first; seed < first + kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    World(seed).Play(120);
    ASSERT_FALSE(HasFailure()) << "HEDDLE_SEED=" << seed;
  }
}

}  // namespace
}  // namespace heddle::core
