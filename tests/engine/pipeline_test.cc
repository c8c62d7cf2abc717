// SPDX-License-Identifier: Apache-2.0
// Pipelines: what they promise about order, depth and full queues, on models that run.
#include "heddle/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <random>
#include <stdexcept>
#include <thread>

#include "digits.h"
#include "gate.h"

namespace heddle {
namespace {

using testing::DigitsFile;
using testing::HashOf;

constexpr size_t kPixels = 64;

struct Item {
  size_t number = 0;
  std::vector<float> image = std::vector<float>(kPixels), second = {};
};
using Inputs = std::vector<TensorView>;

Item ItemOf(size_t number) {
  Item item;
  item.number = number;
  for (size_t i = 0; i < kPixels; ++i)
    item.image[i] = static_cast<float>((number * 7 + i * (number % 5 + 1)) % 17);
  return item;
}

// The image that the second model looks at: the scores that the first one gave, ten over and over.
void DrawScores(const Outputs& scores, std::vector<float>* image) {
  const auto from = scores[0].As<float>();
  image->resize(kPixels);
  for (size_t i = 0; i < kPixels; ++i) (*image)[i] = 16 * from[i % from.size()];
}

Status Whole(Item& item, const Outputs& before, Inputs& inputs) {
  EXPECT_EQ(before.size(), 0u);
  inputs = {{"image", item.image}};
  return Status();
}
Status Scores(Item& item, const Outputs& before, Inputs& inputs) {
  DrawScores(before, &item.second);
  inputs = {{"image", item.second}};
  return Status();
}
Status Nothing(Item&, const Outputs&, Inputs&) { return Status(); }

class PipelineTest : public ::testing::Test {
 protected:
  uint64_t Expected(const Item& given) {
    std::vector<float> second;
    DrawScores(model.Run({{"image", given.image}}).value(), &second);
    return HashOf(model.Run({{"image", second}}).value());
  }
  std::vector<Pipeline<Item>::Stage> TwoStages() { return {{model, Whole}, {model, Scores}}; }
  void ExpectRight(const Pipeline<Item>::Done& done) {
    ASSERT_TRUE(done.outputs.ok()) << done.outputs.status().message();
    EXPECT_EQ(HashOf(*done.outputs), Expected(done.item)) << done.item.number;
  }

  const Engine engine;
  const Model model = engine.Load(DigitsFile(false)).value();
};

TEST_F(PipelineTest, OneThreadPutsAndTakes) {
  constexpr size_t kItems = 100;
  Queue queue;
  Pipeline<Item> pipeline(queue, TwoStages(), {.depth = 5});
  size_t taken = 0;
  for (size_t i = 0; i < kItems; ++i) {
    if (pipeline.full()) {
      const auto done = pipeline.Take();
      EXPECT_EQ(done->item.number, taken++);
      ExpectRight(*done);
    }
    ASSERT_TRUE(pipeline.Put(ItemOf(i)).ok());
  }
  pipeline.Close();
  while (const auto done = pipeline.Take()) {
    EXPECT_EQ(done->item.number, taken++);
    ExpectRight(*done);
  }
  EXPECT_EQ(taken, kItems);
  EXPECT_EQ(queue.ReadCounters()->succeeded, 2 * kItems);
}

// Many seeds of depths, threads and bounds of the queue: nothing is lost or taken twice, nor are
// more items inside than there is room for.
TEST_F(PipelineTest, EveryItemIsTakenOnceAndTheDepthHolds) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const size_t depth = 1 + random() % 6, putters = 1 + random() % 3, takers = 1 + random() % 2;
    const size_t items = 60;
    Queue queue({.most_requests = 1 + random() % 4,
                 .policy = random() % 2 == 0 ? Policy::kRefuse : Policy::kBlock});
    std::atomic<size_t> inside{0}, most{0};
    const auto enter = [&](Item& item, const Outputs& before, Inputs& inputs) {
      const size_t now = ++inside;
      for (size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      return Whole(item, before, inputs);
    };
    std::vector<std::atomic<int>> taken(items);
    Pipeline<Item> pipeline(queue, {{model, enter}, {model, Scores}},
                            {.depth = depth, .in_order = random() % 2 == 0});
    const auto put = [&](size_t from) {
      for (size_t i = from; i < items; i += putters) EXPECT_TRUE(pipeline.Put(ItemOf(i)).ok());
    };
    const auto take = [&] {
      while (auto done = pipeline.Take()) {
        --inside;
        ++taken[done->item.number];
        ExpectRight(*done);
      }
    };
    std::vector<std::thread> putting, taking;
    for (size_t t = 0; t < takers; ++t) taking.emplace_back(take);
    for (size_t t = 0; t < putters; ++t) putting.emplace_back(put, t);
    for (std::thread& t : putting) t.join();
    pipeline.Close();
    for (std::thread& t : taking) t.join();
    EXPECT_TRUE(std::all_of(taken.begin(), taken.end(), [](const auto& n) { return n == 1; }));
    // Who takes has lowered `inside` a little after there was room again.
    EXPECT_LE(most, depth + takers);
    EXPECT_LE(queue.ReadCounters()->most_waiting, depth);
  }
}

// Item 0 stays in its function until item 1 is done.
TEST_F(PipelineTest, ItemsComeInOrderOrAsTheyEnd) {
  for (const bool in_order : {true, false}) {
    SCOPED_TRACE(::testing::Message() << "in_order " << in_order);
    std::latch entered(1), may_go_on(1);
    const auto hold = [&](Item& item, const Outputs&, Inputs&) {
      if (item.number == 0) {
        entered.count_down();
        may_go_on.wait();
      }
      return Status();
    };
    Queue queue;
    Pipeline<Item> pipeline(queue, {{model, hold}}, {.in_order = in_order});
    std::thread first([&] { EXPECT_TRUE(pipeline.Put(ItemOf(0)).ok()); });
    entered.wait();
    ASSERT_TRUE(pipeline.Put(ItemOf(1)).ok());
    if (!in_order) EXPECT_EQ(pipeline.Take()->item.number, 1u);
    may_go_on.count_down();
    EXPECT_EQ(pipeline.Take()->item.number, 0u);
    if (in_order) EXPECT_EQ(pipeline.Take()->item.number, 1u);
    first.join();
  }
}

TEST_F(PipelineTest, WithoutInputsAnItemEndsWithTheOutputsBefore) {
  Queue queue;
  Pipeline<Item> pipeline(queue, {{model, Whole}, {model, Nothing}});
  ASSERT_TRUE(pipeline.Put(ItemOf(3)).ok());
  const auto done = pipeline.Take();
  ASSERT_TRUE(done->outputs.ok());
  EXPECT_EQ(HashOf(*done->outputs), HashOf(model.Run({{"image", done->item.image}}).value()));
  EXPECT_EQ(queue.ReadCounters()->succeeded, 1u);
}

TEST_F(PipelineTest, WhatGoesWrongEndsItsItemAlone) {
  Queue queue;
  const auto sometimes = [](Item& item, const Outputs& before, Inputs& inputs) {
    if (item.number == 1) return Status(Code::kNotFound, "no face");
    if (item.number == 2) throw std::runtime_error("torn");
    HEDDLE_TRY(Scores(item, before, inputs));
    if (item.number == 3) inputs[0].name = "nobody";
    return Status();
  };
  Pipeline<Item> pipeline(queue, {{model, Whole}, {model, sometimes}});
  for (size_t i = 0; i < 5; ++i) ASSERT_TRUE(pipeline.Put(ItemOf(i)).ok());
  ExpectRight(*pipeline.Take());
  EXPECT_EQ(pipeline.Take()->outputs.status().message(), "no face");
  const Status torn = pipeline.Take()->outputs.status();
  EXPECT_EQ(torn.code(), Code::kInternal);
  EXPECT_EQ(torn.message(), "torn");
  EXPECT_NE(pipeline.Take()->outputs.status().message().find("nobody"), std::string_view::npos);
  ExpectRight(*pipeline.Take());
}

TEST_F(PipelineTest, OneDeadlineHoldsForAllStages) {
  Queue queue;
  const auto past = std::chrono::steady_clock::now();
  const auto expire = [&](Item& item, const Outputs& before, Inputs& inputs) {
    while (std::chrono::steady_clock::now() <= past + std::chrono::milliseconds(1)) {
    }
    return Whole(item, before, inputs);
  };
  Pipeline<Item> pipeline(queue, {{model, expire}}, {.depth = 1});
  ASSERT_TRUE(pipeline.Put(ItemOf(0), past + std::chrono::milliseconds(1)).ok());
  Item second = ItemOf(1);
  EXPECT_EQ(pipeline.Put(std::move(second), past).code(), Code::kDeadlineExceeded) << "no room";
  // NOLINTNEXTLINE(bugprone-use-after-move): it was not taken in, and stays the caller's
  EXPECT_EQ(second.image, ItemOf(1).image);
  EXPECT_EQ(pipeline.Take()->outputs.status().code(), Code::kDeadlineExceeded);
}

TEST_F(PipelineTest, AClosedPipelineTakesInNoMore) {
  Queue queue;
  Pipeline<Item> pipeline(queue, TwoStages());
  ASSERT_TRUE(pipeline.Put(ItemOf(0)).ok());
  pipeline.Close();
  EXPECT_EQ(pipeline.Put(ItemOf(1)).code(), Code::kFailedPrecondition);
  ExpectRight(*pipeline.Take());
  EXPECT_FALSE(pipeline.Take());
}

// The only place of the queue is taken: by a request that waits for the gate.
TEST_F(PipelineTest, AFullQueueEndsNoItem) {
  testing::Gate gate;
  Queue queue({.most_requests = 1});
  Ticket holder = gate.Submit(queue);
  Pipeline<Item> pipeline(queue, TwoStages());
  ASSERT_TRUE(pipeline.Put(ItemOf(4)).ok());
  EXPECT_EQ(queue.ReadCounters()->refused_full, 1u);
  gate.Open();
  ExpectRight(*pipeline.Take());
  EXPECT_TRUE(holder.Wait().ok());
}

// The same between the stages.
TEST_F(PipelineTest, AnItemThatHasBegunWaitsForRoom) {
  testing::Gate gate;
  Queue queue({.most_requests = 1});
  std::optional<Ticket> holder;
  const auto fill = [&](Item& item, const Outputs& before, Inputs& inputs) {
    holder.emplace(gate.Submit(queue));
    return Scores(item, before, inputs);
  };
  Pipeline<Item> pipeline(queue, {{model, Whole}, {model, fill}});
  ASSERT_TRUE(pipeline.Put(ItemOf(5)).ok());
  while (queue.ReadCounters()->refused_full == 0) std::this_thread::yield();
  gate.Open();
  ExpectRight(*pipeline.Take());
  EXPECT_TRUE(holder->Wait().ok());
}

TEST_F(PipelineTest, ItsEndDropsWhatWaits) {
  testing::Gate gate;
  Queue queue({.most_requests = 1});
  Ticket holder = gate.Submit(queue);
  {
    Pipeline<Item> pipeline(queue, TwoStages());
    for (size_t i = 0; i < 4; ++i) ASSERT_TRUE(pipeline.Put(ItemOf(i)).ok());
  }
  gate.Open();
  EXPECT_TRUE(queue.Join().ok());
  EXPECT_EQ(queue.ReadCounters()->done, 1u);
}

TEST_F(PipelineTest, ItsEndWaitsForWhatRuns) {
  testing::Gate gate;
  Queue queue;
  std::thread opener;
  {
    const auto one = [](Item& item, const Outputs&, Inputs& inputs) {
      inputs = {{"x", std::span<const float>(item.image).first(1)}};
      return Status();
    };
    Pipeline<Item> pipeline(queue, {{gate.model(), one}, {model, Scores}});
    ASSERT_TRUE(pipeline.Put(ItemOf(0)).ok());
    opener = std::thread([&] { gate.Open(); });
  }
  EXPECT_GE(queue.ReadCounters()->succeeded, 1u);
  opener.join();
}

}  // namespace
}  // namespace heddle
