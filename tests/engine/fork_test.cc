// SPDX-License-Identifier: Apache-2.0
// A child forked between calls runs its models; one forked during a call gets an error, not a hang.
#include "base/fork.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "digits.h"
#include "engine/c_objects.h"
#include "heddle/queue.h"
#include "stateful_models.h"

namespace heddle {
namespace {

using testing::DigitsFile;
using testing::Fill;
using testing::HashOf;

constexpr int kRight = 0, kRefused = 1, kWrong = 2;

// What a child that runs the model once says; killed by its own alarm when it hangs. It frees
// `queue` first, if there is one.
int ForkAndRun(const Model& model, const testing::FilledInput& in, uint64_t expected,
               std::unique_ptr<Queue>* queue = nullptr) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    if (queue != nullptr) queue->reset();
    const auto out = model.Run({in.view});
    if (!out.ok()) _exit(out.status().code() == Code::kFailedPrecondition ? kRefused : kWrong);
    _exit(HashOf(*out) == expected ? kRight : kWrong);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Fork, AChildForkedBetweenCallsRunsItsModels) {
#ifdef HEDDLE_EMULATED
  GTEST_SKIP() << "the emulator ends a forked child that starts threads";
#endif
  const Engine engine;
  auto model = engine.Load(DigitsFile(false));
  ASSERT_TRUE(model.ok());
  const auto in = Fill(*model, 1, 3);
  const uint64_t expected = HashOf(*model->Run({in.view}));
  EXPECT_EQ(ForkAndRun(*model, in, expected), kRight);
}

// The thread that told the result may be inside the queue still, one that was posted for in vain
// may come at any moment, and either may hold the one core that the Engine may use.
TEST(Fork, NoChildIsRefusedOnceWhatWasSubmittedIsDone) {
#ifdef HEDDLE_EMULATED
  GTEST_SKIP() << "the emulator ends a forked child that starts threads";
#endif
  const Engine engine({.cores = 1});
  auto model = engine.Load(DigitsFile(false));
  ASSERT_TRUE(model.ok());
  const auto in = Fill(*model, 1, 3);
  const uint64_t expected = HashOf(*model->Run({in.view}));
  auto queue = std::make_unique<Queue>();
  const uint32_t seed = testing::Seed();
  std::mt19937 random(seed);
  for (int i = 0; i < 100; ++i) {
    std::vector<Ticket> tickets;
    for (uint32_t n = random() % 3; n < 3; ++n)
      tickets.push_back(queue->Submit(*model, {in.view}).value());
    const bool lends_a_hand = random() % 2 == 0;
    for (Ticket& ticket : tickets) {
      while (!lends_a_hand && !ticket.done()) {
      }
      ASSERT_TRUE(ticket.Wait().ok());
    }
    // The child also ends its copy of the queue, at times.
    const int said = ForkAndRun(*model, in, expected, i % 2 == 0 ? &queue : nullptr);
    ASSERT_EQ(said, kRight) << "child " << i << ", HEDDLE_SEED=" << seed;
  }
}

// A call that found no memory and asks for idle memory: it holds a lock that the end of a model
// needs.
class ReclaimingCall final : core::Reclaimable {
 public:
  explicit ReclaimingCall(core::MemoryBudget& budget) : budget_(budget) {
    budget_.Register(this);
    thread_ = std::thread([this] {
      const core::InFlight in_flight;
      budget_.Reclaim();
    });
    inside_.wait();
  }
  ~ReclaimingCall() {
    end_.count_down();
    thread_.join();
    budget_.Unregister(this);
  }

 private:
  void DropIdle() override {
    inside_.count_down();
    end_.wait();
  }

  core::MemoryBudget& budget_;
  std::latch inside_{1}, end_{1};
  std::thread thread_;
};

TEST(Fork, ARefusedChildFreesWithoutWaiting) {
#ifdef HEDDLE_EMULATED
  GTEST_SKIP() << "the emulator ends a forked child that starts threads";
#endif
  std::optional<Engine> engine(std::in_place);
  std::optional<Model> model(engine->LoadBytes(testing::Remembering()).value());
  std::optional<Session> session(model->NewSession().value());
  const std::vector<float> x(4, 1.0f);
  ASSERT_TRUE(session->Run({{"x", x}}).ok());
  pid_t child = 0;
  {
    const ReclaimingCall call(engine->get()->core->budget());
    child = fork();
    if (child == 0) {
      alarm(20);
      const bool knows = model->weights_bytes() != 0 || model->arena_bytes() != 0;
      session.reset();
      model.reset();
      engine.reset();
      syscall(SYS_exit_group, knows ? kWrong : kRight);
    }
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "the child hung until signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), kRight);
}

TEST(Fork, AChildForkedDuringCallsAnswersOrIsRefused) {
#ifdef HEDDLE_EMULATED
  GTEST_SKIP() << "the emulator ends a forked child that starts threads";
#endif
  const Engine engine;
  auto model = engine.Load(DigitsFile(false));
  ASSERT_TRUE(model.ok());
  const auto in = Fill(*model, 1, 3);
  const uint64_t expected = HashOf(*model->Run({in.view}));
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    const auto more = Fill(*model, 8, 4);
    while (!stop) (void)model->Run({more.view});
  });
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    const int said = ForkAndRun(*model, in, expected);
    EXPECT_TRUE(said == kRight || said == kRefused) << "child " << i << " said " << said;
    refused += said == kRefused;
  }
  stop = true;
  busy.join();
  EXPECT_GT(refused, 0);
  EXPECT_EQ(HashOf(*model->Run({in.view})), expected);
}

}  // namespace
}  // namespace heddle
