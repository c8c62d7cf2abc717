// SPDX-License-Identifier: Apache-2.0
// Any allocation may fail: a queue then refuses a request, or the request fails by itself; each
// that was accepted ends once, and nothing is lost, hangs or aborts.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <optional>

#include "engine/c_objects.h"
#include "failing_memory.h"
#include "heddle/engine.h"
#include "serve/queue_for_test.h"
#include "stateful_models.h"

namespace heddle {
namespace {

using testing::failed;
using testing::failing;
using testing::left;
using testing::left_anywhere;

struct NoHands final : core::Hands {
  int budget() const override { return 1; }
  void Post(core::Priority) override {}
  void Lend(core::Request&, int64_t) override {}
};

// What a queue does with requests for nothing, on this thread, in memory that is there before.
class Requests {
 public:
  Requests() : queue_(clock_, hands_, {.most_requests = 20, .most_bytes = 160}) {
    core::ShareOf latest;
    latest.policy = HEDDLE_LATEST;
    queue_.SetStream(kLatest, latest);
    for (size_t i = 0; i < requests_.size(); ++i) requests_[i].emplace(targets_[i % 2]);
  }

  void Tell() {
    for (uint64_t stream = 0; stream < 12; ++stream) Submit(stream, 0);
    for (int i = 0; i < 3; ++i) Submit(kLatest, 0);
    RunOne();  // what it took is learned
    for (uint64_t stream = 20; stream < 26; ++stream) Submit(stream, 100 * core::kMs);
    Submit(1, 1);               // cannot be in time
    Submit(2, core::kMs, 200);  // more bytes than there may be
    Wait(Submit(3, 50 * core::kMs));
    for (uint64_t stream = 30; stream < 40; ++stream) Submit(stream, 0);  // too many
    clock_.Advance(200 * core::kMs);
    for (int i = 0; i < 4; ++i) RunOne();
    for (size_t i = 0; i < next_; i += 3)
      if (accepted_[i]) queue_.Cancel(*requests_[i]);
    for (core::NoTarget& target : targets_) static_cast<void>(queue_.Unload(target, true));
    Submit(5, 0);  // it is closed
  }

  void Check() {
    const core::QueueCounts& c = queue_.counts();
    EXPECT_EQ(c.waiting.value() + c.running.value() + c.bytes.value(), 0u);
    EXPECT_EQ(c.submitted.value(), c.accepted.value() + c.refused_full.value() +
                                       c.refused_deadline.value() + c.refused_closed.value() +
                                       c.refused_wrong.value());
    for (size_t i = 0; i < next_; ++i) {
      core::TestRequest& r = *requests_[i];
      EXPECT_EQ(r.done(), accepted_[i]) << "request " << i;
      EXPECT_EQ(r.told, accepted_[i] ? 1 : 0) << "request " << i;
      r.Disown();
      EXPECT_TRUE(r.recycled) << "request " << i << " is still owned";
    }
  }

 private:
  static constexpr uint64_t kLatest = 7;

  static void Told(void*, core::Request& request) {
    ++static_cast<core::TestRequest&>(request).told;
  }
  core::TestRequest& Submit(uint64_t stream, int64_t in_ns, uint64_t bytes = 8) {
    core::TestRequest& r = *requests_[next_];
    r.stream = stream;
    r.priority = static_cast<core::Priority>(next_ % core::kPriorities);
    r.deadline_ns = in_ns == 0 ? 0 : clock_.NowNs() + in_ns;
    r.bytes = bytes;
    r.then = &Told;
    bool& accepted = accepted_[next_++];
    accepted = queue_.Submit(r).ok();
    return r;
  }
  void Wait(core::TestRequest& request) {
    if (accepted_[next_ - 1]) queue_.Wait(request, 0);
  }
  void RunOne() {
    core::Request* begun = queue_.Begin();
    if (begun == nullptr) return;
    clock_.Advance(10 * core::kMs);
    queue_.End(*begun);
  }

  core::FakeClock clock_{1};
  NoHands hands_;
  std::array<core::NoTarget, 2> targets_;
  core::Queue queue_;
  std::array<std::optional<core::TestRequest>, 48> requests_;
  std::array<bool, 48> accepted_{};
  size_t next_ = 0;
};

TEST(OutOfMemory, InsideAQueue) {
  int n = 0;
  do {
    SCOPED_TRACE(::testing::Message() << "allocation " << n);
    Requests requests;
    left = n++;
    failed = false;
    failing = true;
    requests.Tell();
    failing = false;
    requests.Check();
  } while (failed && !::testing::Test::HasFailure());
  EXPECT_GT(n, 20) << "nothing was made to fail";
}

// y = x + x.
std::vector<std::byte> Doubling() {
  core::ModelBuilder b;
  const int x = b.Input("x", core::Type::kFloat32, {1, 4});
  const int y = b.Make("y", core::Type::kFloat32, {1, 4});
  b.Op(core::OpCode::kADD, {x, x}, {y}, core::BinaryOptions{});
  b.Output(y);
  return b.Build();
}

// The same with a model, and the process's threads: an allocation of any of them fails.
class Tickets {
 public:
  explicit Tickets(heddle_model* model) : model_(model) {}

  // False: there was no memory for the queue.
  bool Tell() {
    heddle_queue_options options{};
    options.struct_size = sizeof(options);
    if (!WasDone(heddle_queue_create(&options, &queue_))) return false;
    for (size_t i = 0; i < kTickets; ++i) Submit(i);
    for (size_t i = 0; i < kTickets; ++i)
      if (i % 3 == 2) heddle_ticket_cancel(tickets_[i]);
    for (size_t i = 0; i < kTickets; ++i)
      if (i % 3 != 1) End(i);
    while (!WasDone(heddle_queue_drain(queue_, 1))) {
    }
    return true;
  }
  void Check() {
    for (size_t i = 1; i < kTickets; i += 3)
      EXPECT_EQ(told_[i], tickets_[i] != nullptr ? 1 : 0) << "ticket " << i;
    heddle_queue_free(queue_);
  }

 private:
  static constexpr size_t kTickets = 24;

  static bool WasDone(heddle_status* status) {
    const heddle_code code = heddle_status_code(status);
    EXPECT_TRUE(code == HEDDLE_OK || code == HEDDLE_RESOURCE_EXHAUSTED ||
                code == HEDDLE_CANCELLED || code == HEDDLE_DEADLINE_EXCEEDED)
        << heddle_status_message(status);
    heddle_status_free(status);
    return code == HEDDLE_OK;
  }
  void Submit(size_t i) {
    heddle_tensor input{};
    input.struct_size = sizeof(input);
    input.type = HEDDLE_FLOAT32;
    input.rank = 2;
    input.dims[0] = 1;
    input.dims[1] = 4;
    input.data = x_.data();
    input.bytes = sizeof(x_);
    heddle_submit_options options{};
    options.struct_size = sizeof(options);
    options.stream = i % 8;
    options.in_order = i % 4 == 3;
    options.copy_inputs = 1;
    options.deadline_ns = i % 5 == 4 ? core::SystemClock().NowNs() + 10'000 : 0;
    if (!WasDone(
            heddle_queue_submit(queue_, model_, &input, 1, nullptr, 0, &options, &tickets_[i])))
      return;
    if (i % 3 != 1) return;
    const auto tell = [](void* told, heddle_ticket* ticket) {
      static_cast<std::atomic<int>*>(told)->fetch_add(1);
      heddle_ticket_drop(ticket);
    };
    while (!WasDone(heddle_ticket_then(tickets_[i], tell, &told_[i]))) {
    }
  }
  void End(size_t i) {
    if (tickets_[i] == nullptr) return;
    heddle_ticket_wait(tickets_[i], -1);
    heddle_outputs* outputs = nullptr;
    if (WasDone(heddle_ticket_result(tickets_[i], &outputs))) heddle_outputs_free(outputs);
    heddle_ticket_free(tickets_[i]);
  }

  heddle_model* const model_;
  heddle_queue* queue_ = nullptr;
  std::array<float, 4> x_{1, 2, 3, 4};
  std::array<heddle_ticket*, kTickets> tickets_{};
  std::array<std::atomic<int>, kTickets> told_{};
};

// Which allocation is the nth differs from time to time.
TEST(OutOfMemory, InsideAQueueOfTheProcess) {
  const Engine engine;
  const std::vector<std::byte> file = Doubling();
  Result<Model> model = engine.LoadBytes(file);
  ASSERT_TRUE(model.ok()) << model.status().c_str();
  int n = 0;
  bool some_left = true;
  do {
    SCOPED_TRACE(::testing::Message() << "allocation " << n);
    Tickets tickets(model->get());
    left_anywhere = n++;
    const bool queued = tickets.Tell();
    some_left = left_anywhere >= 0;
    left_anywhere = -1;
    if (queued) tickets.Check();
  } while (!some_left && !::testing::Test::HasFailure());
  EXPECT_GT(n, 50) << "nothing was made to fail";
}

}  // namespace
}  // namespace heddle
