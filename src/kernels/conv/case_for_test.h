// SPDX-License-Identifier: Apache-2.0
// Short ways to say an operator and its operands in the tests of this folder.
#ifndef HEDDLE_KERNELS_CONV_CASE_FOR_TEST_H_
#define HEDDLE_KERNELS_CONV_CASE_FOR_TEST_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/run_operation.h"

namespace heddle::core {

struct ConvCase {
  Operator op;
  std::vector<TestTensor> inputs;
  TestTensor output;

  // Runs and gives the output, or a failure of the test.
  template <class T>
  std::vector<T> Run(Numerics numerics, int64_t tiles_per_call = 0) {
    std::vector<TestTensor> outputs = {output};
    const Status status =
        RunOperation(op, inputs, outputs, {numerics, Isa::kPlain, tiles_per_call});
    EXPECT_TRUE(status.ok()) << status.message();
    shape = outputs[0].shape;
    return outputs[0].As<T>();
  }
  // Runs and gives the error.
  Status Error(Numerics numerics = Numerics::kFast) {
    std::vector<TestTensor> outputs = {output};
    return RunOperation(op, inputs, outputs, {numerics, Isa::kPlain, 0});
  }

  Shape shape;  // of the output that the last Run gave
};

inline Operator WindowOperator(OpCode code, ConvOptions options) {
  Operator op;
  op.code = code;
  op.options = options;
  return op;
}

inline Operator DenseOperator(FullyConnectedOptions options = {}) {
  Operator op;
  op.code = OpCode::kFULLY_CONNECTED;
  op.options = options;
  return op;
}

inline TestTensor Floats(Shape shape, std::vector<float> values) {
  return TestTensor::Of(Type::kFloat32, shape, std::move(values));
}
inline TestTensor Int8s(Shape shape, std::vector<int8_t> values, float scale, int32_t zero = 0) {
  return TestTensor::Of(Type::kInt8, shape, std::move(values), scale, zero);
}
inline TestTensor Int32s(std::vector<int32_t> values) {
  const auto n = static_cast<int32_t>(values.size());
  return TestTensor::Of(Type::kInt32, {n}, std::move(values), 1.0f);
}
// One value per byte, packed as the format packs them.
inline TestTensor PackedInts(Type type, int bits, Shape shape, std::vector<int> values,
                             float scale) {
  std::vector<uint8_t> bytes((values.size() * bits + 7) / 8);
  for (size_t i = 0; i < values.size(); ++i) {
    const int value = values[i] & ((1 << bits) - 1);
    bytes[i * bits / 8] |= static_cast<uint8_t>(value << (i * bits % 8));
  }
  return TestTensor::Of(type, shape, std::move(bytes), scale).Constant();
}

inline void SetScales(TestTensor& tensor, std::vector<float> scales, int32_t axis) {
  tensor.quant.zero_point.assign(scales.size(), 0);
  tensor.quant.scale = std::move(scales);
  tensor.quant.axis = axis;
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_CASE_FOR_TEST_H_
