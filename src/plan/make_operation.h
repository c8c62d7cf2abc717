// SPDX-License-Identifier: Apache-2.0
// From an operator of a file to its Operation.
#ifndef HEDDLE_PLAN_MAKE_OPERATION_H_
#define HEDDLE_PLAN_MAKE_OPERATION_H_

#include <memory>
#include <string_view>

#include "kernels/operation.h"

namespace heddle::core {

struct NodeOperation {
  std::unique_ptr<Operation> operation;
  bool deterministic = true;  // else nothing of it is computed ahead of a call
};

// Kernels that the embedding program brings, by the name of a custom operator. Immutable and
// thread-safe.
class OperatorSource {
 public:
  virtual ~OperatorSource() = default;
  virtual bool Has(std::string_view name) const = 0;
  // REQUIRES: Has(args.op.custom_name).
  virtual Result<NodeOperation> Make(const MakeArgs& args) const = 0;
};

// A custom operator is looked for in `registered` (may be nullptr) before Heddle's own.
// kUnsupported where no kernel takes the operator: the text says which, and how to supply it.
Result<NodeOperation> MakeOperation(const MakeArgs& args, const OperatorSource* registered);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_MAKE_OPERATION_H_
