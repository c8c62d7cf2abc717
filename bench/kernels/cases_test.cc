// SPDX-License-Identifier: Apache-2.0
// Every line of bench_kernels is one step, and is held against the work that it is named for.
#include "cases.h"

#include <gtest/gtest.h>

#include <set>

#include "one_operator.h"
#include "plan/work.h"

namespace heddle::bench {
namespace {

using core::Work;

Result<Work> WorkOfCase(const Case& c) {
  HEDDLE_ASSIGN(auto model, core::Model::ReadBytes(c.build()));
  core::ProgramOptions options;
  options.isa = core::SupportedIsas().back();
  auto weights = core::MakeWeightStore(*model, core::Limits());
  HEDDLE_ASSIGN(const auto program,
                core::Program::Compile(std::move(model), 0, options, std::move(weights)));
  std::vector<core::Shape> shapes;
  for (const int v : program->inputs())
    shapes.push_back(program->values()[static_cast<size_t>(v)].shape);
  HEDDLE_ASSIGN(const auto plan, core::MakePlan(program, shapes));
  EXPECT_EQ(plan->steps.size(), 1u);
  EXPECT_FALSE(plan->steps.at(0).step.phases.empty());
  return core::WorkOf(*plan, plan->steps.at(0));
}

TEST(Cases, AreOneStepEachWithItsWork) {
  const size_t products = Products().size();
  const std::vector<Case> cases = AllCases();
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].family + ": " + cases[i].name);
    const Result<Work> work = WorkOfCase(cases[i]);
    ASSERT_TRUE(work.ok()) << work.status().message();
    EXPECT_GT(work->bytes, 0u);
    EXPECT_EQ(work->macs > 0, i < products);
    EXPECT_EQ(work->arithmetic != core::Arithmetic::kNone, i < products);
  }
}

TEST(Cases, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Case& c : AllCases())
    EXPECT_TRUE(names.insert(c.family + ": " + c.name).second) << c.family << ": " << c.name;
}

}  // namespace
}  // namespace heddle::bench
