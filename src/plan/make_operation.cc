// SPDX-License-Identifier: Apache-2.0
#include "plan/make_operation.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/errors.h"
#include "kernels/registry.h"

namespace heddle::core {
namespace {

// What vendors' compilers put in the place of a graph.
bool IsCompiled(std::string_view name) {
  static constexpr std::string_view kNames[] = {"edgetpu-custom-op", "ethos-u", "NeutronGraph",
                                                "DISPATCH_OP", "NPU_OP"};
  return std::ranges::find(kNames, name) != std::end(kNames) || name.starts_with("XC_");
}

// What helps where an operator has no kernel.
std::string_view HowToSupply(const Operator& op) {
  if (op.code != OpCode::kCUSTOM) return "LiteRT has none either: convert the model without it";
  const std::string_view name = op.custom_name;
  if (name.starts_with("Flex"))
    return "it is TensorFlow's: convert the model without SELECT_TF_OPS, or register a kernel "
           "(heddle/custom.h)";
  if (IsCompiled(name))
    return "it is code for one accelerator: take the file that it was compiled from";
  return "it is the model's own: register a kernel of this name (heddle/custom.h)";
}

}  // namespace

Result<NodeOperation> MakeOperation(const MakeArgs& args, const OperatorSource* registered) {
  const Operator& op = args.op;
  if (op.code == OpCode::kCUSTOM && registered != nullptr && registered->Has(op.custom_name))
    return registered->Make(args);
  const MakeFn make = FindOperator(op);
  if (make == nullptr) return Unsupported("no kernel for this operator; {}", HowToSupply(op));
  const int known = KnownVersion(op);
  if (op.version > known)
    return Unsupported(
        "version {}, known up to {}; convert the model for an older runtime, or update Heddle",
        op.version, known);
  NodeOperation made;
  HEDDLE_ASSIGN(made.operation, make(args));
  return made;
}

}  // namespace heddle::core
