// SPDX-License-Identifier: Apache-2.0
#include "kernels/step.h"

#include "base/errors.h"

namespace heddle::core {
namespace {

const char* TextOf(TileCode code) {
  switch (code) {
    case TileCode::kOk:
      return "ok";
    case TileCode::kIndexOutOfRange:
      return "an index points outside its tensor";
    case TileCode::kDivisionByZero:
      return "division by zero";
    case TileCode::kBadValue:
      return "a value breaks the operator's rules";
    case TileCode::kCustomFailed:
      return "the registered operator reported a failure";
  }
  return "unknown";
}

}  // namespace

Status FaultError(TileCode code, const Fault& fault, std::string_view operand) {
  return InvalidArgument("{}: element {} of '{}' is {}, expected {}", TextOf(code), fault.element,
                         operand, fault.value, fault.expected);
}

Status StepError(const Step& step, const TileArgs& args, TileCode code,
                 std::span<const std::string_view> inputs) {
  Fault fault;
  if (step.fault != nullptr) fault = step.fault(step.params.get(), args);
  const auto input = static_cast<size_t>(fault.input);
  if (input >= inputs.size()) return InvalidArgument("{}", TextOf(code));
  return FaultError(code, fault, inputs[input]);
}

}  // namespace heddle::core
