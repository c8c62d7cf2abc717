// SPDX-License-Identifier: Apache-2.0
#include "engine/registered_operators.h"

#include <vector>

#include "base/errors.h"

namespace heddle::core {

class RegisteredOperator {
 public:
  explicit RegisteredOperator(const heddle_operator& op) : name_(op.name), op_(op) {
    op_.name = name_.c_str();
  }
  // Nothing is freed of one that was refused.
  void Keep() { kept_ = true; }
  ~RegisteredOperator() {
    if (kept_ && op_.free_user != nullptr) op_.free_user(op_.user);
  }
  RegisteredOperator(const RegisteredOperator&) = delete;
  RegisteredOperator& operator=(const RegisteredOperator&) = delete;
  const heddle_operator& operator*() const { return op_; }
  const heddle_operator* operator->() const { return &op_; }

 private:
  const std::string name_;
  heddle_operator op_;
  bool kept_ = false;
};

namespace {

using RegisteredPtr = std::shared_ptr<const RegisteredOperator>;

// What a function of the operator returned.
Status Taken(heddle_status* status) {
  if (status == nullptr) return Status();
  Status taken(static_cast<Code>(heddle_status_code(status)), heddle_status_message(status));
  heddle_status_free(status);
  return taken;
}

// A node as its operator sees it: views of what the Model holds, with shapes of their own.
class NodeView {
 public:
  NodeView(const Operator& op, std::span<const Operand> inputs, std::span<const Operand> outputs) {
    operands_.reserve(inputs.size() + outputs.size());  // pointed into: never moved
    names_.reserve(inputs.size() + outputs.size());
    for (const Operand& o : inputs) inputs_.push_back(AddOperand(o));
    for (const Operand& o : outputs) outputs_.push_back(AddOperand(o));
    node_.struct_size = sizeof(node_);
    node_.name = op.custom_name.c_str();
    node_.version = op.version;
    node_.options = op.custom_options.data();
    node_.options_bytes = op.custom_options.size();
    node_.inputs = inputs_.data();
    node_.input_count = inputs_.size();
    node_.outputs = outputs_.data();
    node_.output_count = outputs_.size();
  }
  NodeView(const NodeView&) = delete;
  NodeView& operator=(const NodeView&) = delete;
  const heddle_node* get() const { return &node_; }

 private:
  const heddle_operand* AddOperand(const Operand& from) {
    if (!from.present()) return nullptr;
    names_.emplace_back(from.name);
    heddle_operand& to = operands_.emplace_back();
    to = {};
    to.struct_size = sizeof(to);
    to.name = names_.back().c_str();
    to.type = static_cast<heddle_type>(from.type);
    to.rank = from.shape.rank();
    for (int d = 0; d < to.rank; ++d) to.dims[d] = from.shape[d];
    to.data = from.data;
    to.bytes = from.data == nullptr ? 0 : from.bytes;
    if (!from.quant->quantised()) return &to;
    to.scales = from.quant->scale.data();
    to.zero_points = from.quant->zero_point.data();
    to.scale_count = from.quant->scale.size();
    to.axis = from.quant->axis;
    return &to;
  }

  heddle_node node_{};
  std::vector<heddle_operand> operands_;
  std::vector<std::string> names_;
  std::vector<const heddle_operand*> inputs_, outputs_;
};

// What a step needs: the node at the step's shapes, and what make made.
struct RegisteredStep {
  RegisteredPtr op;
  std::shared_ptr<const void> self;
  std::shared_ptr<const NodeView> node;
};

heddle_call CallOf(const TileArgs& args) {
  return {sizeof(heddle_call), args.inputs, args.outputs, args.scratch};
}

TileCode RegisteredTile(const RegisteredStep& p, const TileArgs& args, TileRange tiles) {
  static_assert(static_cast<int>(TileCode::kCustomFailed) == HEDDLE_TILE_FAILED);
  static_assert(static_cast<int>(TileCode::kBadValue) == HEDDLE_TILE_BAD_VALUE);
  const heddle_call call = CallOf(args);
  const int32_t code = (*p.op)->tile(p.self.get(), p.node->get(), &call, tiles.begin, tiles.end);
  const bool known = code >= HEDDLE_TILE_OK && code <= HEDDLE_TILE_FAILED;
  return known ? static_cast<TileCode>(code) : TileCode::kCustomFailed;
}

Status RunRegistered(const void* params, SerialCall& serial) {
  const auto& p = *static_cast<const RegisteredStep*>(params);
  const heddle_call call = CallOf(serial.args());
  return Taken((*p.op)->run(p.self.get(), p.node->get(), &call));
}

class RegisteredOperation final : public Operation {
 public:
  RegisteredOperation(RegisteredPtr op, std::shared_ptr<const void> self, const MakeArgs& args)
      : op_(std::move(op)),
        self_(std::move(self)),
        source_(args.op),
        outputs_(args.outputs.begin(), args.outputs.end()) {}

  uint32_t ValueInputs() const override { return (*op_)->value_inputs; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const NodeView node(source_, inputs, outputs_);
    std::vector<heddle_shape> shapes(outputs.size());
    HEDDLE_TRY(Taken((*op_)->shapes(self_.get(), node.get(), shapes.data())));
    for (size_t k = 0; k < outputs.size(); ++k) {
      const heddle_shape& shape = shapes[k];
      if (shape.rank < 0 || shape.rank > Shape::kMaxRank)
        return InvalidArgument(
            "the registered operator gives output '{}' rank {}, expected 0 to {}", outputs_[k].name,
            shape.rank, Shape::kMaxRank);
      outputs[k] = Shape(std::span(shape.dims, static_cast<size_t>(shape.rank)));
    }
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    RegisteredStep params{op_, self_, std::make_shared<NodeView>(source_, inputs, outputs)};
    heddle_work work{};
    work.struct_size = sizeof(work);
    if ((*op_)->work != nullptr)
      HEDDLE_TRY(Taken((*op_)->work(self_.get(), params.node->get(), &work)));
    constexpr int64_t kMost = int64_t{1} << 48;  // sums of it fit 64 bits
    const auto sound = [](auto count) { return count >= 0 && count <= kMost; };
    if (!sound(work.tiles) || !sound(work.macs) || !sound(work.tile_ns) ||
        work.scratch_bytes > static_cast<size_t>(kMost))
      return InvalidArgument(
          "the registered operator asks for {} tiles of {} ns, {} bytes of scratch and {} "
          "multiply-adds, expected 0 to 2^48 of each",
          work.tiles, work.tile_ns, work.scratch_bytes, work.macs);
    step.scratch_bytes = work.scratch_bytes;
    step.macs = work.macs;
    step.kernel = "registered";
    if ((*op_)->tile != nullptr) {
      SetTiled<&RegisteredTile>(step, std::move(params), work.tiles == 0 ? 1 : work.tiles,
                                static_cast<float>(work.tile_ns));
      return Status();
    }
    step.kind = StepKind::kSerial;
    step.serial = &RunRegistered;
    step.params = std::make_shared<const RegisteredStep>(std::move(params));
    return Status();
  }

 private:
  const RegisteredPtr op_;
  const std::shared_ptr<const void> self_;
  const Operator& source_;
  const std::vector<Operand> outputs_;  // as the file says them: their shapes are not known yet
};

Status CheckComplete(const heddle_operator& op) {
  if (op.name == nullptr || *op.name == '\0')
    return InvalidArgument("the operator has no name, expected that of the model file");
  if (op.shapes == nullptr) return InvalidArgument("operator '{}' has no shapes function", op.name);
  if ((op.tile == nullptr) == (op.run == nullptr))
    return InvalidArgument("operator '{}' has {}, expected one of tile and run", op.name,
                           op.tile == nullptr ? "neither tile nor run" : "both tile and run");
  if ((op.flags & ~uint32_t{HEDDLE_OPERATOR_DETERMINISTIC}) != 0)
    return InvalidArgument("operator '{}' has flags {:#x}, expected those that are known", op.name,
                           op.flags);
  return Status();
}

Result<NodeOperation> MakeRegistered(const RegisteredPtr& op, const MakeArgs& args) {
  for (const Operand& o : args.outputs)
    if (TypeBits(o.type) == 0)
      return Unsupported("output '{}' is {}: a registered operator makes types of fixed size",
                         o.name, TypeName(o.type));
  // Without a make function self is the user's; what either points to outlives the node.
  std::shared_ptr<const void> self(op, (*op)->user);
  if ((*op)->make != nullptr) {
    const NodeView node(args.op, args.inputs, args.outputs);
    void* made = nullptr;
    HEDDLE_TRY(Taken((*op)->make((*op)->user, node.get(), &made)));
    self = std::shared_ptr<const void>(made, [op, made](const void*) {
      if (made != nullptr && (*op)->free_self != nullptr) (*op)->free_self(made);
    });
  }
  NodeOperation node;
  node.operation = std::make_unique<RegisteredOperation>(op, std::move(self), args);
  node.deterministic = ((*op)->flags & HEDDLE_OPERATOR_DETERMINISTIC) != 0;
  return node;
}

}  // namespace

class OperatorRegistry::Source final : public OperatorSource {
 public:
  explicit Source(Table table) : table_(std::move(table)) {}
  bool Has(std::string_view name) const override { return table_.contains(name); }
  Result<NodeOperation> Make(const MakeArgs& args) const override {
    return MakeRegistered(table_.find(args.op.custom_name)->second, args);
  }

 private:
  const Table table_;
};

Status OperatorRegistry::Add(const heddle_operator& op) {
  HEDDLE_TRY(CheckComplete(op));
  const auto added = std::make_shared<RegisteredOperator>(op);
  std::lock_guard<std::mutex> lock(mutex_);
  if (!table_.try_emplace(op.name, added).second)
    return InvalidArgument("operator '{}' is registered already", op.name);
  added->Keep();
  return Status();
}

std::shared_ptr<const OperatorSource> OperatorRegistry::Current() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (table_.empty()) return nullptr;
  return std::make_shared<Source>(table_);
}

}  // namespace heddle::core
