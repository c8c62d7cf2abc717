// SPDX-License-Identifier: Apache-2.0
// Program: what a Model's subgraph compiles to for given numerics and ISA, before any shape is
// known.
#ifndef HEDDLE_PLAN_PROGRAM_H_
#define HEDDLE_PLAN_PROGRAM_H_

#include <memory>
#include <string>
#include <vector>

#include "kernels/operation.h"
#include "model/model.h"
#include "plan/fold_padding.h"
#include "plan/fuse_activation.h"
#include "plan/make_operation.h"
#include "plan/state_layout.h"
#include "plan/uses.h"
#include "plan/weight_store.h"

namespace heddle::core {

struct Limits {
  uint64_t arena_bytes = uint64_t{4} << 30;  // of one call
  uint64_t macs = 10'000'000'000'000;        // multiply-adds of one call
};

struct ProgramOptions {
  Numerics numerics = Numerics::kFast;
  Isa isa = Isa::kPlain;
  bool keep_all = false;  // every value can be read to the end of the call; nothing is fused
  bool fuse_activations = true;
  bool fold_paddings = true;
  bool place_copies = true;
  bool band_rows = true;
  Limits limits;
  std::shared_ptr<const OperatorSource> registered = nullptr;  // kernels of the embedding program
};

// Where the Programs of a Model keep what they make of its constants. What is in proportion to the
// file is no expansion: 8 bytes for each of its own, and beyond that as much as a call may take.
// `budget`: see WeightStore.
std::shared_ptr<WeightStore> MakeWeightStore(const Model& model, const Limits& limits,
                                             std::shared_ptr<MemoryBudget> budget = nullptr);
// What every process that reads the same file calls this constant or operator of the Model, as
// WeightStore::SourceName; "": it has no name.
std::string NameOfSource(const Model& model, const void* source);

// A tensor of the subgraph. Index = the tensor's index in the file.
struct Value {
  Type type = Type::kNone;
  std::string_view name;
  const Quantization* quant = nullptr;
  Shape shape;                          // the file's; of a constant: exact
  const std::byte* constant = nullptr;  // of the file or folded
  size_t bytes = 0;                     // of a constant
  int memory = -1;                      // of a variable: its place in the state
};

struct Node {
  int op = 0;                        // index in the subgraph, for reports
  const Operator* source = nullptr;  // the file's, or one that computes its neighbours, too
  std::unique_ptr<Operation> operation;
  std::vector<int> inputs, outputs;  // values; -1: absent
  int memory = -1;                   // of a random generator: its place in the state
  bool deterministic = true;         // else nothing of it is computed ahead of a call
};

// Immutable and thread-safe. Holds the Model and the weights.
class Program {
 public:
  // `layout`: the Model's, nullptr: made here.
  static Result<std::shared_ptr<const Program>> Compile(
      std::shared_ptr<const Model> model, int subgraph, const ProgramOptions& options,
      std::shared_ptr<WeightStore> weights, std::shared_ptr<const StateLayout> layout = nullptr);

  const Model& model() const { return *model_; }
  const Subgraph& subgraph() const { return model_->subgraphs()[subgraph_index_]; }
  int subgraph_index() const { return subgraph_index_; }
  const StateLayout& state_layout() const { return *layout_; }
  const ProgramOptions& options() const { return options_; }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<int>& inputs() const { return subgraph().inputs; }
  const std::vector<int>& outputs() const { return subgraph().outputs; }

  // The operand of a node while it is compiled, with the value's file shape.
  Operand OperandOf(int value) const;

 private:
  Program() = default;
  Status ReadValues();
  Status Expand(const Tensor& sparse, Value* value);
  Status AddOperators();
  Status AddOperator(int op_index, const Operator& op);
  Node* PadBefore(const Operator& op);
  Result<NodeOperation> Make(const Operator& op) const;
  Status AddNode(int op_index, const Operator& op, NodeOperation made);
  Status CheckVariables(const Node& node) const;
  Status Fold(Node& node, bool* folded);
  void InferShapes(const Node& node);

  std::shared_ptr<const Model> model_;
  std::shared_ptr<WeightStore> weights_;
  std::shared_ptr<const StateLayout> layout_;
  int subgraph_index_ = 0;
  ProgramOptions options_;
  FusedActivations fused_;
  std::vector<std::unique_ptr<const Operator>> padded_;  // convolutions that do a PAD
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  // While nodes are added.
  Uses uses_;
  std::vector<Shape> usual_shapes_;  // of the values
  std::vector<int> made_by_;         // by value, the node; -1: none
};

// `status` with "op 12 CONV_2D: " in front, where it is not OutOfMemory.
Status InOperator(const Status& status, int op_index, const Operator& op);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_PROGRAM_H_
