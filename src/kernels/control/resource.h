// SPDX-License-Identifier: Apache-2.0
// What operators on resources share. A handle is the number of the resource (model/resources.h), so
// it passes through IF and WHILE like any tensor.
#ifndef HEDDLE_KERNELS_CONTROL_RESOURCE_H_
#define HEDDLE_KERNELS_CONTROL_RESOURCE_H_

#include "base/errors.h"
#include "kernels/operators.h"
#include "kernels/state.h"

namespace heddle::core {

// Makes the operation whose output is the handle of resource `id`.
MadeOperation MakeHandle(const MakeArgs& args, int32_t id);
// So many operands, all present, the first of them a handle.
Status CheckHandle(const MakeArgs& args, size_t inputs, size_t outputs);
// The resource that input 0 names.
Result<const Resource*> NamedResource(SerialCall& call, int32_t* id);
// Input k as a value.
ResourceValue InputValue(SerialCall& call, int input, Type type);
// Makes `step` one call of `run`.
void SetSerial(Step& step, SerialFn run, std::shared_ptr<const void> params, const char* name);

// Writes a resource and has no output.
class Writer final : public Operation {
 public:
  Writer(SerialFn run, std::shared_ptr<const void> params, const char* name)
      : run_(run), params_(std::move(params)), name_(name) {}
  Status Shapes(std::span<const Operand>, std::span<Shape>) const override { return Status(); }
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    SetSerial(step, run_, params_, name_);
    return Status();
  }

 private:
  const SerialFn run_;
  const std::shared_ptr<const void> params_;
  const char* const name_;
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONTROL_RESOURCE_H_
