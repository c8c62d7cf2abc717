// SPDX-License-Identifier: Apache-2.0
// Runs the operators of TensorFlow Lite Micro's audio front-end. The values that tests expect of
// them are those of the package tflite-micro 0.dev20261023, whose interpreter ran the same one-node
// models on the same inputs.
#ifndef HEDDLE_KERNELS_SIGNAL_SIGNAL_FOR_TEST_H_
#define HEDDLE_KERNELS_SIGNAL_SIGNAL_FOR_TEST_H_

#include <flatbuffers/flexbuffers.h>

#include <string>
#include <utility>
#include <vector>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {

// An operator, its options and, from call to call, what it keeps.
class SignalCase {
 public:
  SignalCase(const char* name, std::vector<std::pair<const char*, int>> options) {
    flexbuffers::Builder b;
    b.Map([&] {
      for (const auto& [key, value] : options) b.Int(key, value);
    });
    b.Finish();
    bytes_ = b.GetBuffer();
    op_.code = OpCode::kCUSTOM;
    op_.custom_name = name;
    op_.custom_options = std::as_bytes(std::span(bytes_));
  }
  SignalCase(const SignalCase&) = delete;

  const Operator& op() const { return op_; }
  // Tiles one at a time and the last first, which must not matter.
  std::vector<TestTensor> Run(const std::vector<TestTensor>& inputs, std::vector<Type> types) {
    std::vector<TestTensor> outputs;
    for (const Type type : types) outputs.push_back(TestTensor::Output(type));
    const Status status =
        RunOperation(op_, inputs, outputs, {.tiles_per_call = 1, .memory = &memory_});
    EXPECT_TRUE(status.ok()) << op_.custom_name << ": " << status.c_str();
    return outputs;
  }
  void Forget() { std::fill(memory_.begin(), memory_.end(), std::byte{0}); }

 private:
  std::vector<uint8_t> bytes_;
  Operator op_;
  std::vector<std::byte> memory_;
};

inline TestTensor Shorts(const Shape& shape, std::vector<int16_t> values) {
  return TestTensor::Of<int16_t>(Type::kInt16, shape, std::move(values));
}
inline TestTensor Words(std::vector<uint32_t> values) {
  const auto n = static_cast<int32_t>(values.size());
  return TestTensor::Of<uint32_t>(Type::kUInt32, {n}, std::move(values));
}

// The same numbers wherever they are needed.
inline uint32_t Noise(int i) { return static_cast<uint32_t>(i + 1) * 0x9E3779B9u; }
template <class T>
TestTensor NoiseOf(Type type, int count) {
  std::vector<T> values;
  for (int i = 0; i < count; ++i) {
    const auto top = static_cast<int16_t>(Noise(i) >> 16);
    if constexpr (std::is_same_v<T, float>) {
      values.push_back(static_cast<float>(top) / 32768);
    } else {
      values.push_back(sizeof(T) == 2 ? static_cast<T>(top) : static_cast<T>(Noise(i)));
    }
  }
  return TestTensor::Of<T>(type, {count}, std::move(values));
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SIGNAL_SIGNAL_FOR_TEST_H_
