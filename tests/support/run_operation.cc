// SPDX-License-Identifier: Apache-2.0
#include "support/run_operation.h"

#include <algorithm>
#include <cstdlib>

#include "base/errors.h"
#include "kernels/spent_inputs.h"
#include "kernels/state.h"

namespace heddle::core {
namespace {

constexpr size_t kGuard = 64;  // poisoned bytes behind every output
constexpr std::byte kPoison{0xA5};

struct AlignedBytes {
  explicit AlignedBytes(size_t bytes) : size(bytes) {
    data = static_cast<std::byte*>(std::aligned_alloc(64, (bytes + kGuard + 63) / 64 * 64));
    std::fill_n(data, bytes + kGuard, kPoison);
  }
  ~AlignedBytes() { std::free(data); }
  AlignedBytes(const AlignedBytes&) = delete;
  bool GuardIntact() const {
    for (size_t i = 0; i < kGuard; ++i)
      if (data[size + i] != kPoison) return false;
    return true;
  }
  std::byte* data;
  size_t size;
};

Operand MakeOperand(const TestTensor& t) {
  Operand o;
  if (t.type == Type::kNone) return o;
  o.type = t.type;
  o.name = "t";
  o.quant = &t.quant;
  o.shape = t.shape;
  o.bytes = t.data.size();
  o.data = t.data.data();
  o.constant = t.constant;
  return o;
}

Tensor TensorLike(const TestTensor& t) {
  Tensor tensor;
  tensor.type = t.type;
  tensor.shape = t.shape;
  return tensor;
}

class TestSerialCall final : public SerialCall {
 public:
  TestSerialCall(const TileArgs& args, const std::vector<TestTensor>& inputs,
                 std::vector<TestTensor>& outputs)
      : args_(args), inputs_(inputs), outputs_(outputs) {}
  const TileArgs& args() const override { return args_; }
  const Shape& input_shape(int input) const override { return inputs_[input].shape; }
  std::string_view input_name(int) const override { return "t"; }
  std::byte* AllocateOutput(int output, const Shape& shape, size_t bytes) override {
    outputs_[output].shape = shape;
    outputs_[output].data.reserve(std::max<size_t>(bytes, 1));  // never nullptr
    outputs_[output].data.assign(bytes, kPoison);
    return outputs_[output].data.data();
  }
  size_t input_bytes(int input) const override { return inputs_[input].data.size(); }
  CallState& state() override { return state_; }

 private:
  // No operator under test here has a resource.
  class NoState final : public CallState {
   public:
    const Resource* Find(int32_t) override { return nullptr; }
    Status Assign(int32_t, const ResourceValue&) override { return Internal("no resources"); }
    Status Import(int32_t, const ResourceValue&, const ResourceValue&) override {
      return Internal("no resources");
    }
  };
  NoState state_;
  const TileArgs& args_;
  const std::vector<TestTensor>& inputs_;
  std::vector<TestTensor>& outputs_;
};

Status RunPhases(const Step& step, const TileArgs& args, size_t inputs, int64_t per_call) {
  for (const Phase& phase : step.phases) {
    const int64_t cut = per_call > 0 ? per_call : std::max<int64_t>(phase.tiles, 1);
    for (int64_t end = phase.tiles; end > 0; end -= cut) {
      const TileCode code =
          phase.tile(step.params.get(), args, {std::max<int64_t>(0, end - cut), end});
      if (code == TileCode::kOk) continue;
      return StepError(step, args, code, std::vector<std::string_view>(inputs, "t"));
    }
  }
  return Status();
}

// Where a step finds its inputs. In place of those that the operation has spent there is poison.
std::vector<const void*> PointersTo(const std::vector<TestTensor>& inputs, uint64_t spent,
                                    std::vector<std::vector<std::byte>>& poison) {
  std::vector<const void*> pointers;
  poison.resize(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool is_spent = i < 64 && (spent >> i & 1) != 0;
    if (is_spent) poison[i].assign(inputs[i].data.size(), kPoison);
    const std::vector<std::byte>& bytes = is_spent ? poison[i] : inputs[i].data;
    pointers.push_back(inputs[i].type == Type::kNone ? nullptr : bytes.data());
  }
  return pointers;
}

}  // namespace

TestPackStore::~TestPackStore() {
  for (auto& [key, data] : blobs_) std::free(data);
}

Result<const std::byte*> TestPackStore::Pack(const void* source, std::string_view layout,
                                             size_t bytes,
                                             const std::function<void(std::byte*)>& fill) {
  std::byte*& blob = blobs_[{source, std::string(layout)}];
  if (blob == nullptr) {
    blob = static_cast<std::byte*>(
        std::aligned_alloc(64, std::max<size_t>(64, (bytes + 63) / 64 * 64)));
    fill(blob);
  }
  return static_cast<const std::byte*>(blob);
}

Status RunOperation(const Operator& op, const std::vector<TestTensor>& inputs,
                    std::vector<TestTensor>& outputs, const RunConfig& config) {
  const MakeFn make = FindOperator(op);
  if (make == nullptr) return Unsupported("no kernel");
  std::vector<Operand> ins, outs;
  for (const TestTensor& t : inputs) {
    ins.push_back(MakeOperand(t));
    if (!t.constant) ins.back().data = nullptr;
  }
  for (const TestTensor& t : outputs) outs.push_back(MakeOperand(t)), outs.back().data = nullptr;
  TestPackStore packs;
  HEDDLE_ASSIGN(auto operation, make(MakeArgs{op, ins, outs, config.numerics, config.isa, packs,
                                              config.subgraphs}));
  std::vector<std::vector<std::byte>> poison;
  const std::vector<const void*> in_ptrs = PointersTo(inputs, SpentInputsOf(*operation), poison);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (ins[i].data != nullptr || (operation->ValueInputs() >> i & 1))
      ins[i].data = static_cast<const std::byte*>(in_ptrs[i]);
  std::vector<Shape> shapes(outputs.size());
  HEDDLE_TRY(operation->Shapes(ins, shapes));
  for (size_t i = 0; i < outputs.size(); ++i) {
    outs[i].shape = outputs[i].shape = shapes[i];
    outs[i].bytes = TypeBytes(outs[i].type, shapes[i].elements());
  }
  Step step;
  HEDDLE_TRY(operation->Lower(ins, outs, step));

  std::vector<std::unique_ptr<AlignedBytes>> buffers;
  std::vector<void*> out_ptrs;
  for (const Operand& o : outs) {
    buffers.push_back(std::make_unique<AlignedBytes>(o.bytes));
    out_ptrs.push_back(buffers.back()->data);
  }
  AlignedBytes scratch(step.scratch_bytes), shared(step.shared_bytes);
  std::vector<std::byte> own;
  std::vector<std::byte>& memory = config.memory == nullptr ? own : *config.memory;
  const Tensor first = inputs.empty() ? Tensor() : TensorLike(inputs[0]);
  if (memory.empty()) memory.resize(MemoryOf(op, inputs.empty() ? nullptr : &first).bytes);
  const TileArgs args{in_ptrs.data(), out_ptrs.data(), step.packed,
                      shared.data,    scratch.data,    memory.data()};
  if (step.kind == StepKind::kAlias) {
    if (outs[0].bytes > 0) std::memcpy(out_ptrs[0], in_ptrs[0], outs[0].bytes);
  } else if (step.kind == StepKind::kSerial) {
    TestSerialCall call(args, inputs, outputs);
    HEDDLE_TRY(step.serial(step.params.get(), call));
    if (step.sizes_outputs) return Status();
  } else {
    HEDDLE_TRY(RunPhases(step, args, inputs.size(), config.tiles_per_call));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!buffers[i]->GuardIntact()) return Internal("output {} was written past its end", i);
    outputs[i].data.assign(buffers[i]->data, buffers[i]->data + outs[i].bytes);
  }
  if (!scratch.GuardIntact() || !shared.GuardIntact())
    return Internal("scratch was written past its end");
  return Status();
}

}  // namespace heddle::core
