// SPDX-License-Identifier: Apache-2.0
// The contract between kernels and whatever runs them: steps, phases, tiles and the code that a
// tile returns.
#ifndef HEDDLE_KERNELS_STEP_H_
#define HEDDLE_KERNELS_STEP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/type.h"
#include "heddle/status.h"

namespace heddle::core {

// What a tile found. Anything but kOk stops the step; of several failing tiles the lowest decides.
enum class TileCode : uint32_t {
  kOk = 0,
  kIndexOutOfRange,  // a value used as an index points outside its tensor
  kDivisionByZero,
  kBadValue,      // a run-time value breaks the operator's rules
  kCustomFailed,  // a registered operator's own failure
};
struct TileRange {
  int64_t begin, end;
};

// Everything a tile touches. A kernel never allocates, schedules, locks or keeps anything; it
// writes only its own part of the outputs, `scratch` (its thread's own, undefined at entry) and, in
// a phased step, its own part of `shared`.
struct TileArgs {
  const void* const* inputs;  // nullptr for an absent operand
  void* const* outputs;
  const std::byte* packed;  // Step::packed
  std::byte* shared;   // Step::shared_bytes, one per call, kept from the first phase to the last
  std::byte* scratch;  // Step::scratch_bytes, 64-byte aligned
  // Of an operator that keeps something from call to call, its bytes of the session (MemoryOf in
  // kernels/state.h); nullptr for any other.
  std::byte* memory = nullptr;
};

// Computes tiles [begin, end) of one phase. Any split of the range, in any order, gives the same
// bits.
using TileFn = TileCode (*)(const void* params, const TileArgs& args, TileRange tiles);

// The value that made a tile fail: what an error names.
struct Fault {
  int input = -1;  // whose value it is; -1: none was found
  int64_t element = 0;
  std::string value, expected;  // "12", "0 to 9"
};

// Looks for the first value that the tiles of a step refuse. Runs when one has, on the same
// operands (but not in their scratch): here nothing is hot, so it may allocate.
using FaultFn = Fault (*)(const void* params, const TileArgs& args);

class CallState;  // kernels/state.h

// What a serial step may ask of the running call: memory for outputs whose size only the data
// tells, and the resources of its session.
class SerialCall {
 public:
  virtual const TileArgs& args() const = 0;
  virtual const Shape& input_shape(int input) const = 0;
  virtual std::string_view input_name(int input) const = 0;
  // Memory of output k, which now has this shape (strings: `bytes`). nullptr: past the call's
  // memory limit.
  virtual std::byte* AllocateOutput(int output, const Shape& shape, size_t bytes) = 0;
  // Bytes of input k; of a string tensor too.
  virtual size_t input_bytes(int input) const = 0;
  virtual CallState& state() = 0;

 protected:
  ~SerialCall() = default;
};
using SerialFn = Status (*)(const void* params, SerialCall& call);

// What a sub-plan step (IF, WHILE, CALL) drives, on the caller's thread. `which` counts the
// subgraphs of the operation's SubPlans. Deadline and cancel are looked at in each of these.
class SubPlanCall {
 public:
  virtual const TileArgs& args() const = 0;
  // Runs a subgraph on the step's operands; its outputs become the step's.
  virtual Status Run(int which) = 0;
  // Runs a subgraph on the loop's values, at first the step's operands: the one bool that it makes.
  virtual Result<bool> Test(int which) = 0;
  // Runs a subgraph on the loop's values; its outputs are the next ones.
  virtual Status Turn(int which) = 0;
  // The loop's values become the step's outputs.
  virtual Status Finish() = 0;
  // Runs a subgraph without operands unless this state has run it before.
  virtual Status Once(int which) = 0;

 protected:
  ~SubPlanCall() = default;
};
using SubPlanFn = Status (*)(const void* params, SubPlanCall& call);

enum class StepKind : uint8_t {
  kTiled,    // one phase of independent tiles
  kPhased,   // several phases, each a barrier
  kSerial,   // one call of `serial`, which may size its outputs
  kSubPlan,  // one call of `sub_plan`
  kAlias,    // output 0 is input 0's bytes under another shape: nothing runs unless memory forces a
             // copy
};

struct Phase {
  TileFn tile = nullptr;
  int64_t tiles = 0;
  float tile_ns = 0;  // estimated cost of one tile on this ISA
};

// One unit of a Plan as an operator lowers to it. Immutable once the Plan is made.
struct Step {
  StepKind kind = StepKind::kTiled;
  std::vector<Phase> phases;
  FaultFn fault = nullptr;  // where a tile can fail
  SerialFn serial = nullptr;
  SubPlanFn sub_plan = nullptr;
  bool sizes_outputs = false;  // a serial or sub-plan step whose output shapes only its run tells
  std::shared_ptr<const void> params;
  const std::byte* packed = nullptr;  // weights of the Program, read-only
  size_t scratch_bytes = 0;           // for each thread that helps
  size_t shared_bytes = 0;            // for the step
  int64_t macs = 0;                   // multiply-adds, for limits and reports
  const char* kernel = "";            // what runs: "conv_f32_avx512", "plain"
};

namespace step_internal {
template <class F>
struct ParamsOf;
template <class P>
struct ParamsOf<TileCode (*)(const P&, const TileArgs&, TileRange)> {
  using type = P;
};
template <class P>
struct ParamsOf<Fault (*)(const P&, const TileArgs&)> {
  using type = P;
};
}  // namespace step_internal

// A typed tile function as a TileFn: Erase<&ConvTile>.
template <auto F>
constexpr TileFn Erase() {
  using P = typename step_internal::ParamsOf<decltype(F)>::type;
  return [](const void* params, const TileArgs& args, TileRange tiles) {
    return F(*static_cast<const P*>(params), args, tiles);
  };
}

// A typed fault function as a FaultFn.
template <auto F>
constexpr FaultFn EraseFault() {
  using P = typename step_internal::ParamsOf<decltype(F)>::type;
  return [](const void* params, const TileArgs& args) {
    return F(*static_cast<const P*>(params), args);
  };
}

// The error of a value that an operator refuses: "an index points outside its tensor: element 3 of
// 'ids' is 12, expected 0 to 9". `operand`: the name of fault.input.
Status FaultError(TileCode code, const Fault& fault, std::string_view operand);
// The error of a step whose tiles have returned `code`. `inputs`: the names of its operands, or
// nothing.
Status StepError(const Step& step, const TileArgs& args, TileCode code,
                 std::span<const std::string_view> inputs);

// Makes `step` a tiled step of `tiles` tiles of F over `params`.
template <auto F, class P>
void SetTiled(Step& step, P params, int64_t tiles, float tile_ns) {
  static_assert(std::is_same_v<P, typename step_internal::ParamsOf<decltype(F)>::type>);
  step.kind = StepKind::kTiled;
  step.params = std::make_shared<const P>(std::move(params));
  step.phases = {Phase{Erase<F>(), tiles, tile_ns}};
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_STEP_H_
