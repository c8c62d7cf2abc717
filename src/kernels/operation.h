// SPDX-License-Identifier: Apache-2.0
// Operation: one operator of a Program. What is decided before any shape is known is decided when
// it is made (types, numerics, ISA, packed weights); what needs shapes is decided by Shapes and
// Lower.
#ifndef HEDDLE_KERNELS_OPERATION_H_
#define HEDDLE_KERNELS_OPERATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/isa.h"
#include "base/type.h"
#include "heddle/status.h"
#include "kernels/step.h"
#include "model/graph.h"

namespace heddle::core {

enum class Numerics : uint8_t { kFast = HEDDLE_FAST, kReference = HEDDLE_REFERENCE };

// One operand as an operator sees it while it is compiled.
struct Operand {
  Type type = Type::kNone;              // kNone: an optional operand that is absent
  std::string_view name;                // for error texts
  const Quantization* quant = nullptr;  // never null for a present operand; owned by the Model
  Shape shape;  // in Shapes and Lower: the real one. In Make: the file's, exact only for constants
  const std::byte* data = nullptr;  // the value, where it is known now; naturally aligned
  size_t bytes = 0;
  bool constant =
      false;  // known when the Program is made: `data` then lives as long as the Program

  bool present() const { return type != Type::kNone; }
  template <class T>
  const T* As() const {
    return reinterpret_cast<const T*>(data);
  }
};

// Where an Operation puts what it makes of constants: one copy per (source, layout), read-only
// pages once the Program is made, shared by every Program of the Model.
class PackStore {
 public:
  // `source`: the constant's data; `layout`: names form, ISA and anything else that shapes the
  // bytes. Returns 64-byte aligned memory that `fill` has written, or what an earlier call with the
  // same key wrote.
  virtual Result<const std::byte*> Pack(const void* source, std::string_view layout, size_t bytes,
                                        const std::function<void(std::byte*)>& fill) = 0;

 protected:
  ~PackStore() = default;
};

struct MakeArgs {
  const Operator& op;
  std::span<const Operand> inputs;
  std::span<const Operand> outputs;
  Numerics numerics;
  Isa isa;
  PackStore& packs;
  std::span<const Subgraph> subgraphs = {};  // of the Model: what an option's number names
  // The inputs' shapes when the graph's inputs have the file's, for files that leave out those of
  // their intermediate tensors. A hint: where nothing is known, the file's. Empty: the operands'.
  std::span<const Shape> usual_shapes = {};

  const Shape& UsualShape(size_t input) const {
    return usual_shapes.empty() ? inputs[input].shape : usual_shapes[input];
  }
};

// The subgraphs that an operator of control flow runs. They take the node's operands from
// `first_input` on, and the outputs of each from `first_result` on become the node's.
struct SubPlans {
  std::vector<int> subgraphs;
  int first_input = 0;
  int first_result = 0;
  bool loop = false;  // outputs become inputs again: shapes that change are known to the run only
};

// Immutable and thread-safe. The Model and the PackStore outlive it.
class Operation {
 public:
  virtual ~Operation() = default;

  // Bit k set: Shapes and Lower read the value of input k, so the rest of the Plan waits for it
  // when it is not constant.
  virtual uint32_t ValueInputs() const { return 0; }
  // True when the run reads only the inputs' shapes (SHAPE): a Plan then knows the outputs.
  virtual bool ReadsOnlyShapes() const { return false; }
  // Bit k set: input k is state that the step updates in place. Such an input is the call's or the
  // session's own writable memory; when the session (or a call without one) starts every element
  // is 0, of an int8 tensor its zero point.
  virtual uint64_t WrittenInputs() const { return 0; }
  // nullptr: not control flow. Else the plan of the subgraphs decides the shapes of the outputs,
  // not Shapes, and Lower makes a kSubPlan step.
  virtual const SubPlans* sub_plans() const { return nullptr; }
  // The shapes of the outputs. The same code runs while a Plan is made and while a call runs.
  virtual Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const = 0;
  // The step for these shapes; the outputs carry those that Shapes gave. A zero-size output still
  // gets a step, with 0 tiles.
  virtual Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
                       Step& step) const = 0;
};

// Makes the Operation, or says what is wrong: kInvalidModel for a graph that breaks the operator's
// rules, kUnsupported for a type or option that is valid but not built. Texts begin with what is
// wrong; the caller adds operator and index: "filter 'w' has 3 channels, expected 4 (input
// channels)".
using MakeFn = Result<std::unique_ptr<Operation>> (*)(const MakeArgs& args);

// The kernel of a builtin operator or, by its name, of a custom one; nullptr: there is none.
MakeFn FindOperator(const Operator& op);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_OPERATION_H_
