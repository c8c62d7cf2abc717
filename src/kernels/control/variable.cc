// SPDX-License-Identifier: Apache-2.0
// VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE.
#include <cstring>

#include "kernels/control/resource.h"

namespace heddle::core {
namespace {

struct ValueParams {
  Type type = Type::kNone;  // of the tensor that is read or written
  Shape shape;              // READ_VARIABLE: of the output
  // READ_VARIABLE: the output has the file's shape, whatever shape was assigned, as LiteRT has it.
  // LiteRT then copies as many bytes as that shape takes, fewer or more than there are; here a
  // value of another size is refused.
  bool fixed = false;
};

Status Read(const void* params, SerialCall& call) {
  const auto& p = *static_cast<const ValueParams*>(params);
  int32_t id = 0;
  HEDDLE_ASSIGN(const Resource* resource, NamedResource(call, &id));
  if (!resource->set) return FailedPrecondition("the variable is read before it is assigned");
  const ResourceValue& value = resource->value;
  if (value.type != p.type)
    return InvalidArgument("the variable holds {}, expected {}", TypeName(value.type),
                           TypeName(p.type));
  void* to = call.args().outputs[0];
  if (!p.fixed) {
    to = call.AllocateOutput(0, value.shape, value.bytes.size());
    if (to == nullptr) return ResourceExhausted("no memory for {} bytes", value.bytes.size());
  } else if (value.bytes.size() != TypeBytes(p.type, p.shape.elements())) {
    return InvalidArgument("the variable holds shape {}, expected {}", value.shape.ToString(),
                           p.shape.ToString());
  }
  if (!value.bytes.empty()) std::memcpy(to, value.bytes.data(), value.bytes.size());
  return Status();
}

Status Assign(const void* params, SerialCall& call) {
  int32_t id = 0;
  HEDDLE_TRY(NamedResource(call, &id).status());
  return call.state().Assign(id,
                             InputValue(call, 1, static_cast<const ValueParams*>(params)->type));
}

class ReadVariable final : public Operation {
 public:
  explicit ReadVariable(ValueParams params) : params_(params) {}
  Status Shapes(std::span<const Operand>, std::span<Shape> outputs) const override {
    outputs[0] = params_.shape;
    return Status();
  }
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    SetSerial(step, Read, std::make_shared<const ValueParams>(params_), "read_variable");
    step.sizes_outputs = !params_.fixed;
    return Status();
  }

 private:
  const ValueParams params_;
};

}  // namespace

MadeOperation MakeVarHandle(const MakeArgs& args) {
  return MakeHandle(args, args.op.OptionsOr<VarHandleOptions>().resource);
}

MadeOperation MakeReadVariable(const MakeArgs& args) {
  HEDDLE_TRY(CheckHandle(args, 1, 1));
  const Operand& out = args.outputs[0];
  ValueParams params{out.type, out.shape, false};
  int64_t elements = 0;
  // A file writes rank 0 also for "not known".
  params.fixed =
      TypeBits(out.type) != 0 && out.shape.rank() > 0 && out.shape.CheckedElements(&elements);
  return std::unique_ptr<Operation>(std::make_unique<ReadVariable>(params));
}

MadeOperation MakeAssignVariable(const MakeArgs& args) {
  HEDDLE_TRY(CheckHandle(args, 2, 0));
  return std::unique_ptr<Operation>(std::make_unique<Writer>(
      Assign, std::make_shared<const ValueParams>(ValueParams{args.inputs[1].type, {}, false}),
      "assign_variable"));
}

}  // namespace heddle::core
