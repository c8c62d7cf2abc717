// SPDX-License-Identifier: Apache-2.0
// Models of one operator, with made-up weights.
#ifndef HEDDLE_BENCH_KERNELS_ONE_OPERATOR_H_
#define HEDDLE_BENCH_KERNELS_ONE_OPERATOR_H_

#include <cstddef>
#include <vector>

#include "support/model_builder.h"

namespace heddle::bench {

// The types of an operator's operands.
struct Form {
  const char* name;
  core::Type input, weights, bias, output;
};
inline constexpr Form kFloat = {"f32", core::Type::kFloat32, core::Type::kFloat32,
                                core::Type::kFloat32, core::Type::kFloat32};
inline constexpr Form kInt8 = {"int8", core::Type::kInt8, core::Type::kInt8, core::Type::kInt32,
                               core::Type::kInt8};
inline constexpr Form kUInt8 = {"uint8", core::Type::kUInt8, core::Type::kUInt8, core::Type::kInt32,
                                core::Type::kUInt8};
inline constexpr Form kInt16 = {"int16x8", core::Type::kInt16, core::Type::kInt8,
                                core::Type::kInt64, core::Type::kInt16};
inline constexpr Form kHybrid = {"hybrid", core::Type::kFloat32, core::Type::kInt8,
                                 core::Type::kFloat32, core::Type::kFloat32};

// What activations of a type stand for.
core::Quantization QuantOf(core::Type type);

// Operands in their order, then the operator.
class OneOperator {
 public:
  explicit OneOperator(const Form& form) : form_(form) {}

  OneOperator& Input(const core::Shape& shape);
  // With a scale for each index of `axis`, where the type has them; -1: one for all.
  OneOperator& Weights(const core::Shape& shape, int axis);
  OneOperator& Bias(int32_t count);  // of the weights before
  OneOperator& Ints(const std::vector<int32_t>& values, const core::Shape& shape);
  OneOperator& State(const core::Shape& shape);  // float32
  OneOperator& Absent(int count);

  // `quant`: of the output.
  std::vector<std::byte> Build(core::OpCode code, const core::Shape& output,
                               const core::Options& options, const core::Quantization& quant);
  std::vector<std::byte> Build(core::OpCode code, const core::Shape& output,
                               const core::Options& options = {}) {
    return Build(code, output, options, QuantOf(form_.output));
  }

 private:
  const Form form_;
  core::ModelBuilder builder_;
  std::vector<int32_t> operands_;
  int32_t channels_ = 1;  // scales of the weights
};

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_KERNELS_ONE_OPERATOR_H_
