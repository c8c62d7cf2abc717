// SPDX-License-Identifier: Apache-2.0
// Models behind a Queue: the same bits as Run, whoever computes, and whoever owns the memory.
#include "heddle/queue.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "digits.h"
#include "stateful_models.h"

namespace heddle {
namespace {

using testing::DigitsFile;
using testing::Fill;
using testing::HashOf;

struct Digits {
  explicit Digits(bool int8 = false) : model(engine.Load(DigitsFile(int8)).value()) {
    for (uint32_t seed = 0; seed < 8; ++seed) {
      inputs.push_back(Fill(model, 1 + static_cast<int>(seed % 2), seed));
      expected.push_back(HashOf(model.Run({inputs.back().view}).value()));
    }
  }
  Engine engine;
  Model model;
  std::vector<testing::FilledInput> inputs;
  std::vector<uint64_t> expected;
};

TEST(ModelQueue, AnswersAsRunDoesToAnyNumberOfSubmitters) {
  Digits digits;
  Queue queue;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 200; ++i) {
        const size_t k = (i + t) % digits.inputs.size();
        auto ticket = queue.Submit(digits.model, {digits.inputs[k].view}, {.stream = t});
        if (!ticket.ok() || HashOf(ticket->Wait().value()) != digits.expected[k]) ++wrong;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  const auto counters = queue.ReadCounters();
  ASSERT_TRUE(counters.ok());
  EXPECT_EQ(counters->succeeded, 800u);
  EXPECT_EQ(queue.ReadCounters(&digits.model)->done, 800u);
}

TEST(ModelQueue, ResultsOutliveTheTicketAndTheQueue) {
  Digits digits;
  std::vector<Outputs> kept;
  {
    Queue queue;
    for (const auto& in : digits.inputs)
      kept.push_back(queue.Submit(digits.model, {in.view})->Wait().value());
  }
  for (size_t k = 0; k < kept.size(); ++k) EXPECT_EQ(HashOf(kept[k]), digits.expected[k]);
  EXPECT_TRUE(kept[0].Find(kept[0][0].name).ok());
  EXPECT_EQ(kept[0].Find("nothing").status().code(), Code::kNotFound);
}

TEST(ModelQueue, WritesIntoTheCallersMemory) {
  Digits digits;
  Queue queue;
  std::vector<float> scores(10);
  TensorView out(nullptr, scores);
  auto ticket =
      queue.SubmitInto(digits.model, std::span(&digits.inputs[0].view, 1), std::span(&out, 1));
  ASSERT_TRUE(ticket.ok()) << ticket.status().message();
  const auto outputs = ticket->Wait();
  ASSERT_TRUE(outputs.ok());
  EXPECT_EQ((*outputs)[0].data, scores.data());
  EXPECT_EQ((*outputs)[0].shape().size(), 2u);
  EXPECT_EQ(HashOf(*outputs), digits.expected[0]);
}

TEST(ModelQueue, ACopiedInputMayChangeAtOnce) {
  Digits digits;
  Queue queue;
  std::vector<Ticket> tickets;
  for (const auto& in : digits.inputs) {
    auto mine = in;
    mine.view.data = mine.bytes.data();
    auto ticket = queue.Submit(digits.model, {mine.view}, {.copy_inputs = true});
    ASSERT_TRUE(ticket.ok());
    std::fill(mine.bytes.begin(), mine.bytes.end(), uint8_t{0x7f});
    tickets.push_back(std::move(*ticket));
  }
  for (size_t k = 0; k < tickets.size(); ++k)
    EXPECT_EQ(HashOf(tickets[k].Wait().value()), digits.expected[k]);
}

TEST(ModelQueue, AWrongTensorIsRefusedAtOnce) {
  Digits digits;
  Queue queue;
  std::vector<float> few(3);
  const auto ticket = queue.Submit(digits.model, {TensorView("image", few)});
  EXPECT_EQ(ticket.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(
      queue.Submit(digits.model, {digits.inputs[0].view}, {.signature = "none"}).status().code(),
      Code::kNotFound);
}

// y = state = state / 2 + x: any other order, or two at a time, gives other numbers.
TEST(ModelQueue, RequestsOfASessionRunInOrderWhateverTheirPriority) {
  const Engine engine;
  const Model model = engine.LoadBytes(testing::Remembering()).value();
  Session expected = model.NewSession().value(), session = model.NewSession().value();
  Queue queue;
  std::vector<std::vector<float>> inputs;
  for (int i = 0; i < 100; ++i) inputs.push_back(std::vector<float>(4, static_cast<float>(i)));
  std::vector<Ticket> tickets;
  for (size_t i = 0; i < inputs.size(); ++i) {
    SubmitOptions options;
    options.session = &session;
    options.priority = static_cast<Priority>(i % 3);
    auto ticket = queue.Submit(model, {{"x", inputs[i]}}, options);
    ASSERT_TRUE(ticket.ok()) << ticket.status().message();
    tickets.push_back(std::move(*ticket));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const uint64_t right = HashOf(expected.Run({{"x", inputs[i]}}).value());
    const auto out = tickets[i].Wait();
    ASSERT_TRUE(out.ok()) << out.status().message();
    EXPECT_EQ(HashOf(*out), right) << i;
  }
  EXPECT_EQ(queue.Submit(model, {{"x", inputs[0]}}).value().Wait().status().code(),
            Code::kFailedPrecondition)
      << "it remembers, and has no session";
}

TEST(ModelQueue, CallbacksChain) {
  Digits digits;
  Queue queue;
  std::atomic<uint64_t> second{0};
  queue.Submit(digits.model, {digits.inputs[0].view}).value().Then([&](Result<Outputs> first) {
    EXPECT_EQ(HashOf(first.value()), digits.expected[0]);
    queue.Submit(digits.model, {digits.inputs[1].view}).value().Then([&](Result<Outputs> out) {
      second = HashOf(out.value());
    });
  });
  while (second == 0) std::this_thread::yield();
  EXPECT_EQ(second, digits.expected[1]);
  EXPECT_TRUE(queue.Drain().ok());
  EXPECT_EQ(queue.Submit(digits.model, {digits.inputs[0].view}).status().code(),
            Code::kFailedPrecondition);
}

// It would wait for the callback.
TEST(ModelQueue, ACallbackCannotFreeTheQueue) {
  Digits digits;
  heddle_queue* queue = nullptr;
  ASSERT_EQ(heddle_queue_create(nullptr, &queue), nullptr);
  heddle_ticket* ticket = nullptr;
  ASSERT_EQ(heddle_queue_submit(queue, digits.model.get(), &digits.inputs[0].view, 1, nullptr, 0,
                                nullptr, &ticket),
            nullptr);
  const auto free_queue = [](void* arg, heddle_ticket*) {
    heddle_queue_free(static_cast<heddle_queue*>(arg));
  };
  ASSERT_EQ(heddle_ticket_then(ticket, free_queue, queue), nullptr);
  EXPECT_EQ(heddle_ticket_wait(ticket, -1), 1);
  heddle_ticket_free(ticket);
  EXPECT_EQ(heddle_queue_join(queue), nullptr) << "it is still there";
  heddle_queue_free(queue);
}

TEST(ModelQueue, AnEventLoopWaitsForAFile) {
  Digits digits;
  Completions completions;
  ASSERT_TRUE(completions.status().ok());
  Queue queue;
  std::vector<Ticket> tickets;
  for (size_t k = 0; k < digits.inputs.size(); ++k) {
    SubmitOptions options;
    options.completions = &completions;
    options.tag = k;
    tickets.push_back(queue.Submit(digits.model, {digits.inputs[k].view}, options).value());
  }
  std::vector<uint64_t> tags(3);
  size_t seen = 0;
  while (seen < tickets.size()) {
    pollfd file = {completions.fd(), POLLIN, 0};
    ASSERT_EQ(poll(&file, 1, 20'000), 1);
    for (const uint64_t tag : completions.Take(tags)) {
      EXPECT_EQ(HashOf(tickets[tag].Get().value()), digits.expected[tag]);
      ++seen;
    }
  }
  pollfd file = {completions.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&file, 1, 0), 0) << "no more tags";
}

// From several threads; what is told agrees with what is counted.
TEST(ModelQueue, ATracerIsToldOfEveryRequest) {
  struct Counting final : Tracer {
    void On(const heddle_event& event) override {
      const auto kind = static_cast<size_t>(event.kind);
      told[kind]++;
      tags[kind] += event.tag;
      wrong += event.model != model || event.accepted_ns == 0;
      if (event.kind == HEDDLE_ENDED && event.begun_ns != 0) {
        queue_ns += static_cast<uint64_t>(event.begun_ns - event.accepted_ns);
        run_ns += static_cast<uint64_t>(event.ended_ns - event.begun_ns) / event.batch;
      }
    }
    uint64_t model = 0;
    std::atomic<uint64_t> told[4] = {}, tags[4] = {}, wrong{0}, queue_ns{0}, run_ns{0};
  };
  Digits digits;
  const Model same = digits.model;
  EXPECT_EQ(same.id(), digits.model.id());
  EXPECT_NE(digits.engine.Load(DigitsFile(false)).value().id(), same.id());
  Counting tracer;
  tracer.model = same.id();
  Queue queue({.tracer = &tracer});
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 50; ++i) {
        const auto& in = digits.inputs[(i + t) % digits.inputs.size()];
        EXPECT_TRUE(queue.Submit(digits.model, {in.view}, {.tag = 50 * t + i})->Wait().ok());
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(queue.Drain().ok());
  const auto counters = queue.ReadCounters(&digits.model);
  ASSERT_TRUE(counters.ok());
  for (const auto kind : {HEDDLE_ACCEPTED, HEDDLE_BEGUN, HEDDLE_ENDED}) {
    EXPECT_EQ(tracer.told[kind], 200u) << kind;
    EXPECT_EQ(tracer.tags[kind], 199u * 100) << kind;
  }
  EXPECT_EQ(tracer.wrong, 0u);
  EXPECT_EQ(tracer.queue_ns, counters->queue_ns);
  EXPECT_LT(counters->run_ns - tracer.run_ns, 200u)
      << "a batch runs once; less than 1 ns of each is cut off";
  EXPECT_GT(counters->asked_ns, 0u);
  EXPECT_GE(counters->budget, 1u);
}

TEST(ModelQueue, UnloadForgetsTheModel) {
  Digits digits;
  Queue queue;
  EXPECT_EQ(queue.Unload(digits.model).code(), Code::kNotFound);
  auto ticket = queue.Submit(digits.model, {digits.inputs[0].view});
  ASSERT_TRUE(ticket.ok());
  EXPECT_TRUE(queue.Unload(digits.model).ok());
  EXPECT_TRUE(ticket->done());
  EXPECT_EQ(HashOf(ticket->Get().value()), digits.expected[0]);
  EXPECT_TRUE(queue.Submit(digits.model, {digits.inputs[0].view}).ok()) << "as a new one";
}

// Turns that the parent's threads were to take never come in the child.
TEST(ModelQueue, WorksInAChild) {
#ifdef HEDDLE_EMULATED
  GTEST_SKIP() << "the emulator ends a forked child that starts threads";
#endif
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "ThreadSanitizer lets no forked child start threads";
#endif
  Digits digits;
  Queue queue;
  EXPECT_EQ(HashOf(queue.Submit(digits.model, {digits.inputs[0].view}).value().Wait().value()),
            digits.expected[0]);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    for (size_t k = 0; k < digits.inputs.size(); ++k) {
      auto ticket = queue.Submit(digits.model, {digits.inputs[k].view});
      if (!ticket.ok()) _exit(1);
      if (HashOf(ticket->Wait().value()) != digits.expected[k]) _exit(2);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace heddle
