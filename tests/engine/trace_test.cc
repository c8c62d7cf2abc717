// SPDX-License-Identifier: Apache-2.0
// What a trace of calls says is what was run.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "crew/crew.h"
#include "digits.h"
#include "engine/c_objects.h"
#include "engine/call_trace.h"

namespace heddle {
namespace {

using testing::DigitsFile;
using testing::Fill;
using testing::FilledInput;

class TraceTest : public ::testing::Test {
 protected:
  TraceTest() : model_(Engine().Load(DigitsFile(false))), input_(Fill(*model_, 61, 3)) {
    request_.inputs = &input_.view;
    request_.input_count = 1;
  }
  Status RunWith(core::CallTrace& trace) {
    core::RunRequest request = request_;
    request.control = request.control.Traced(trace);
    return model_->get()->loaded->Run(request).status();
  }
  std::shared_ptr<const core::Plan> PlanOfCall() {
    const auto call = model_->get()->loaded->Run(request_);
    EXPECT_TRUE(call.ok()) << call.status().message();
    const core::Shape shape{61, 8, 8, 1};
    return *model_->get()->loaded->PlanOf(0, {&shape, 1});
  }

  Result<Model> model_;
  FilledInput input_;
  core::RunRequest request_;
};

TEST_F(TraceTest, EveryStepOnceInOrderOnTheCallersThread) {
  core::CallTrace trace(1 << 14);
  const auto plan = PlanOfCall();
  ASSERT_TRUE(RunWith(trace).ok());
  std::vector<const core::PlanStep*> steps;
  int64_t before_ns = 0;
  for (const core::TraceSpan& span : trace.spans()) {
    EXPECT_LE(span.begin_ns, span.end_ns);
    if (span.phase >= 0) continue;
    EXPECT_EQ(span.plan, plan);
    EXPECT_EQ(span.thread, core::ThreadNumber());
    EXPECT_GE(span.begin_ns, before_ns);
    before_ns = span.end_ns;
    steps.push_back(span.step);
  }
  ASSERT_EQ(steps.size(), plan->steps.size());
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i], &plan->steps[i]);
  EXPECT_EQ(trace.lost(), 0u);
}

// Whoever computed them: on a machine of four cores, as far as it knows.
TEST_F(TraceTest, EveryTileOnce) {
  core::Crew::Options options;
  options.most_threads = 3;
  options.read_budget = [] { return core::CoreBudget(4); };
  options.thread_cpu = &core::SystemClock();
  core::Crew crew(std::move(options));
  core::Crew* const own = core::Crew::ReplaceForTest(&crew);
  core::CallTrace trace(1 << 14);
  const auto plan = PlanOfCall();
  EXPECT_TRUE(RunWith(trace).ok());
  core::Crew::ReplaceForTest(own);
  std::map<std::pair<const core::PlanStep*, int>, std::set<std::pair<int64_t, int64_t>>> found;
  for (const core::TraceSpan& span : trace.spans())
    if (span.phase >= 0) found[{span.step, span.phase}].insert({span.tiles.begin, span.tiles.end});
  for (const core::PlanStep& ps : plan->steps) {
    for (size_t p = 0; p < ps.step.phases.size(); ++p) {
      int64_t next = 0;
      for (const auto& [begin, end] : found[{&ps, static_cast<int>(p)}]) {
        EXPECT_EQ(begin, next);
        next = end;
      }
      EXPECT_EQ(next, ps.step.phases[p].tiles);
    }
  }
}

TEST_F(TraceTest, WhatFindsNoRoomIsCounted) {
  core::CallTrace all(1 << 14), few(2);
  ASSERT_TRUE(RunWith(all).ok());
  ASSERT_TRUE(RunWith(few).ok());
  EXPECT_EQ(few.spans().size(), 2u);
  EXPECT_GE(few.lost() + 2, PlanOfCall()->steps.size() * 2);
}

TEST_F(TraceTest, ACallWithoutOneWritesIntoNone) {
  core::CallTrace trace(1 << 14);
  ASSERT_TRUE(RunWith(trace).ok());
  const size_t spans = trace.spans().size();
  PlanOfCall();
  EXPECT_EQ(trace.spans().size(), spans);
}

}  // namespace
}  // namespace heddle
