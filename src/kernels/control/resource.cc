// SPDX-License-Identifier: Apache-2.0
#include "kernels/control/resource.h"

#include <cstring>

namespace heddle::core {
namespace {

struct HandleParams {
  int32_t id;
};

TileCode WriteHandle(const HandleParams& params, const TileArgs& args, TileRange) {
  std::memcpy(args.outputs[0], &params.id, sizeof(params.id));
  return TileCode::kOk;
}

class Handle final : public Operation {
 public:
  explicit Handle(int32_t id) : id_(id) {}
  Status Shapes(std::span<const Operand>, std::span<Shape> outputs) const override {
    outputs[0] = Shape({1});
    return Status();
  }
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    SetTiled<&WriteHandle>(step, HandleParams{id_}, 1, 10);
    step.kernel = "handle";
    return Status();
  }

 private:
  const int32_t id_;
};

}  // namespace

MadeOperation MakeHandle(const MakeArgs& args, int32_t id) {
  if (args.outputs.size() != 1 || args.outputs[0].type != Type::kResource)
    return InvalidModel("{} outputs, expected one resource", args.outputs.size());
  return std::unique_ptr<Operation>(std::make_unique<Handle>(id));
}

Status CheckHandle(const MakeArgs& args, size_t inputs, size_t outputs) {
  if (args.inputs.size() != inputs || args.outputs.size() != outputs)
    return InvalidModel("{} inputs and {} outputs, expected {} and {}", args.inputs.size(),
                        args.outputs.size(), inputs, outputs);
  for (size_t i = 0; i < inputs; ++i)
    if (!args.inputs[i].present()) return InvalidModel("input {} is missing", i);
  const Operand& handle = args.inputs[0];
  if (handle.type != Type::kResource && handle.type != Type::kInt32)
    return InvalidModel("handle '{}' is {}, expected resource", handle.name, TypeName(handle.type));
  if (handle.shape.elements() < 1)
    return InvalidModel("handle '{}' has shape {}, expected one element", handle.name,
                        handle.shape.ToString());
  return Status();
}

Result<const Resource*> NamedResource(SerialCall& call, int32_t* id) {
  std::memcpy(id, call.args().inputs[0], sizeof(*id));
  const Resource* resource = call.state().Find(*id);
  if (resource == nullptr) return InvalidArgument("resource {}: the model has none such", *id);
  return resource;
}

ResourceValue InputValue(SerialCall& call, int input, Type type) {
  const auto* data = static_cast<const std::byte*>(call.args().inputs[input]);
  return {type, call.input_shape(input), {data, call.input_bytes(input)}};
}

void SetSerial(Step& step, SerialFn run, std::shared_ptr<const void> params, const char* name) {
  step.kind = StepKind::kSerial;
  step.serial = run;
  step.params = std::move(params);
  step.kernel = name;
}

}  // namespace heddle::core
