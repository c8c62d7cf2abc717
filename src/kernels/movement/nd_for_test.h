// SPDX-License-Identifier: Apache-2.0
// What tests of operators that move elements stand on: tensors of numbered elements of any type,
// and naive indexing.
#ifndef HEDDLE_KERNELS_MOVEMENT_ND_FOR_TEST_H_
#define HEDDLE_KERNELS_MOVEMENT_ND_FOR_TEST_H_

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/isa.h"
#include "support/run_operation.h"

namespace heddle::core {

using Index = std::array<int32_t, Shape::kMaxRank>;

// Calls f(index) for every element, the last axis fastest.
template <class F>
void ForEachIndex(const Shape& shape, const F& f) {
  Index index{};
  for (int64_t i = 0; i < shape.elements(); ++i) {
    int64_t rest = i;
    for (int a = shape.rank() - 1; a >= 0; --a) {
      index[a] = static_cast<int32_t>(rest % shape[a]);
      rest /= shape[a];
    }
    f(index);
  }
}

inline int64_t FlatIndex(const Shape& shape, const Index& index) {
  int64_t flat = 0;
  for (int a = 0; a < shape.rank(); ++a) flat = flat * shape[a] + index[a];
  return flat;
}

// Elements as numbers, whatever their type.
struct Nd {
  Shape shape;
  std::vector<uint64_t> values;

  static Nd Numbered(const Shape& shape, uint64_t first = 1) {
    Nd nd{shape, {}};
    for (int64_t i = 0; i < shape.elements(); ++i) {
      nd.values.push_back((first + static_cast<uint64_t>(i)) * 0x9E3779B97F4A7C15u);
    }
    return nd;
  }
  static Nd Filled(const Shape& shape, uint64_t value) {
    return {shape, std::vector<uint64_t>(static_cast<size_t>(shape.elements()), value)};
  }
  uint64_t& operator[](const Index& index) { return values[FlatIndex(shape, index)]; }
  uint64_t operator[](const Index& index) const { return values[FlatIndex(shape, index)]; }

  TestTensor As(Type type) const {
    TestTensor t;
    t.type = type;
    t.shape = shape;
    t.data.resize(TypeBytes(type, shape.elements()));
    const size_t bits = TypeBits(type);
    for (size_t i = 0; i < values.size(); ++i) {
      if (bits == 4) {
        t.data[i / 2] |= static_cast<std::byte>((values[i] & 15) << i % 2 * 4);
      } else {
        const uint64_t wide[2] = {values[i], ~values[i]};
        std::memcpy(t.data.data() + i * bits / 8, wide, bits / 8);
      }
    }
    return t;
  }
};

inline TestTensor Ints(std::vector<int32_t> values) {
  const int32_t n = static_cast<int32_t>(values.size());
  return TestTensor::Of<int32_t>(Type::kInt32, {n}, std::move(values)).Constant();
}
inline TestTensor Scalar(int32_t value) {
  return TestTensor::Of<int32_t>(Type::kInt32, {}, {value}).Constant();
}
// The same operand as the caller's value.
inline TestTensor AtRunTime(TestTensor t) {
  t.constant = false;
  return t;
}

inline Operator MakeOp(OpCode code, Options options = NoOptions()) {
  Operator op;
  op.code = code;
  op.options = std::move(options);
  return op;
}

// Every way to run a step: the first is plain code and no cut.
inline std::vector<std::pair<Isa, int64_t>> IsasAndCuts() {
  std::vector<std::pair<Isa, int64_t>> ways;
  for (const Isa isa : SupportedIsas()) {
    for (const int64_t cut : {0, 1, 3}) ways.push_back({isa, cut});
  }
  return ways;
}

// Runs the operator with its tiles together and cut in several ways: always these outputs.
inline void ExpectOutputs(const Operator& op, const std::vector<TestTensor>& inputs,
                          const std::vector<TestTensor>& expected, const char* what = "") {
  for (const auto& [isa, cut] : IsasAndCuts()) {
    std::vector<TestTensor> outputs;
    for (const TestTensor& e : expected) {
      outputs.push_back(TestTensor::Output(e.type));
      outputs.back().quant = e.quant;
    }
    const Status status = RunOperation(op, inputs, outputs, {.isa = isa, .tiles_per_call = cut});
    ASSERT_TRUE(status.ok()) << status.c_str() << ' ' << what;
    for (size_t k = 0; k < expected.size(); ++k) {
      ASSERT_EQ(outputs[k].shape, expected[k].shape) << outputs[k].shape.ToString() << ' ' << what;
      ASSERT_TRUE(outputs[k].data == expected[k].data)
          << "output " << k << " of shape " << expected[k].shape.ToString() << ", type "
          << TypeName(expected[k].type) << ", cut " << cut << ' ' << what;
    }
  }
}

// Runs the operator, which must fail with this code and say this.
inline void ExpectError(const Operator& op, const std::vector<TestTensor>& inputs, Type type,
                        Code code, const char* text, size_t output_count = 1) {
  std::vector<TestTensor> outputs(output_count, TestTensor::Output(type));
  const Status status = RunOperation(op, inputs, outputs);
  EXPECT_EQ(status.code(), code) << status.c_str();
  EXPECT_NE(status.message().find(text), std::string_view::npos) << status.c_str();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MOVEMENT_ND_FOR_TEST_H_
