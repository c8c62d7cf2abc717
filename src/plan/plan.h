// SPDX-License-Identifier: Apache-2.0
// Plan: what a Program becomes for given input shapes: steps, places of every operand, a memory
// map.
//
// Where the shapes of a part of the graph follow from values that only a run knows, a Plan ends
// there with `rest`; the run then asks for the Plan that continues it, made for those values, and
// goes on on the same Context.
#ifndef HEDDLE_PLAN_PLAN_H_
#define HEDDLE_PLAN_PLAN_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plan/program.h"

namespace heddle::core {

// Where an operand's bytes are in a running call.
enum class Place : uint8_t {
  kAbsent,
  kConstant,  // `constant`
  kInput,     // the caller's input `index`
  kOutput,    // the caller's output `index`, or the Context's memory for it
  kArena,     // `index` bytes into this Plan's arena
  kState,     // memory `index` of the call's state
  kEarlier,   // value `index`, placed by a Plan that this one continues, or by a serial step
};
struct Location {
  Place place = Place::kAbsent;
  int64_t index = 0;
  const std::byte* constant = nullptr;
  int64_t offset = 0;  // bytes into an input, an output, state or an earlier value
};

struct PlanStep {
  Step step;
  int node = 0;                          // of the Program
  std::vector<int> nodes_before;         // whose work it does, too, in their order
  uint32_t first_input = 0, inputs = 0;  // ranges in Plan::operands
  uint32_t first_output = 0, outputs = 0;
  int64_t shared_offset = 0;  // of Step::shared_bytes in the arena
  size_t output_bytes = 0;    // of output 0, for a kAlias that must copy
};

struct OutputCopy {  // an output that no step writes: an input, a constant, or the same value twice
  int value = 0;
  int output = 0;
};

struct PlanValue {
  bool known_shape = false;
  Shape shape;
  size_t bytes = 0;                 // 0 for types of no fixed size
  const std::byte* data = nullptr;  // the value, where the Plan knows it
  Location location;
};

// What the run must know to go on: the values of `values`, the shapes of `shapes`.
struct Rest {
  int node = -1;            // first node that is not planned; -1: the Plan is whole
  std::vector<int> values;  // whose bytes decide
  std::vector<int> shapes;  // made by a serial step: whose shapes only the run tells
};

// Immutable and thread-safe.
struct Plan {
  static constexpr size_t kNoOffset = ~size_t{0};

  std::shared_ptr<const Program> program;
  std::shared_ptr<const Plan> before;  // the Plan that this one continues
  std::vector<PlanStep> steps;
  std::vector<Location> operands;
  std::vector<int> operand_values;  // of `operands`; -1: absent
  std::vector<PlanValue> values;    // by value index
  std::vector<OutputCopy> copies;   // after the last step of a whole Plan
  std::vector<bool> output_ready;   // the output's size is known, here or before
  // In the arena, where this Plan is the first to know the output's size; else kNoOffset. For
  // callers that give no memory of their own.
  std::vector<size_t> output_offsets;
  size_t arena_bytes = 0;
  size_t scratch_bytes = 0;  // the largest of its steps, per thread
  int64_t macs = 0;          // with those of `before`
  size_t total_bytes = 0;    // arena and scratch, with those of `before`
  Rest rest;
  std::vector<std::vector<std::byte>> constants;  // values known while the Plan was made

  size_t bytes() const;  // of the Plan itself, for the cache
};

// The values that a step reads, and those that it writes; -1: absent.
std::span<const int> InputsOf(const Plan& plan, const PlanStep& step);
std::span<const int> OutputsOf(const Plan& plan, const PlanStep& step);
// "ADD", or of several operators "MEAN to ADD (9)".
std::string NameOf(const Plan& plan, const PlanStep& step);

class PlanSource;  // plan/sub_plans.h

// The Plan for these input shapes (by input index). An error names the operator, what was expected
// and what was found. Without `others` only a run tells what control flow makes.
Result<std::shared_ptr<const Plan>> MakePlan(std::shared_ptr<const Program> program,
                                             std::span<const Shape> inputs,
                                             PlanSource* others = nullptr);

// What a run found out for plan.rest, in its order.
struct Found {
  std::vector<std::span<const std::byte>> values;
  std::vector<Shape> shapes;
};
Result<std::shared_ptr<const Plan>> ContinuePlan(std::shared_ptr<const Plan> before,
                                                 const Found& found, PlanSource* others = nullptr);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_PLAN_H_
