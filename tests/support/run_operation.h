// SPDX-License-Identifier: Apache-2.0
// Runs one operator outside a graph: what kernel tests stand on.
#ifndef HEDDLE_TESTS_SUPPORT_RUN_OPERATION_H_
#define HEDDLE_TESTS_SUPPORT_RUN_OPERATION_H_

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "kernels/operation.h"

namespace heddle::core {

struct TestTensor {
  Type type = Type::kNone;  // kNone: an absent optional operand
  Shape shape;
  std::vector<std::byte> data;
  Quantization quant;
  bool constant = false;

  template <class T>
  static TestTensor Of(Type type, Shape shape, std::vector<T> values, float scale = 0,
                       int32_t zero = 0) {
    TestTensor t{type, shape, std::vector<std::byte>(values.size() * sizeof(T)), {}, false};
    if (!values.empty()) std::memcpy(t.data.data(), values.data(), t.data.size());
    if (scale != 0) t.quant.scale = {scale}, t.quant.zero_point = {zero};
    return t;
  }
  // An output to be: its shape comes from the operator.
  static TestTensor Output(Type type, float scale = 0, int32_t zero = 0) {
    TestTensor t;
    t.type = type;
    if (scale != 0) t.quant.scale = {scale}, t.quant.zero_point = {zero};
    return t;
  }
  TestTensor Constant() && {
    constant = true;
    return std::move(*this);
  }
  template <class T>
  std::vector<T> As() const {
    std::vector<T> v(data.size() / sizeof(T));
    if (!v.empty()) std::memcpy(v.data(), data.data(), v.size() * sizeof(T));
    return v;
  }
};

class TestPackStore : public PackStore {
 public:
  Result<const std::byte*> Pack(const void* source, std::string_view layout, size_t bytes,
                                const std::function<void(std::byte*)>& fill) override;
  ~TestPackStore();

 private:
  std::map<std::pair<const void*, std::string>, std::byte*> blobs_;
};

struct RunConfig {
  Numerics numerics = Numerics::kFast;
  Isa isa = Isa::kPlain;
  int64_t tiles_per_call = 0;  // 0: all at once; else the range is cut, last tiles first
  std::span<const Subgraph> subgraphs = {};  // that the operator's options name
  // What the operator keeps from call to call; nullptr: this is its first and last. Sized by the
  // first run that finds it empty.
  std::vector<std::byte>* memory = nullptr;
};

// Make, Shapes, Lower, run: fills shape and data of the outputs. Tile codes become
// kInvalidArgument. Scratch and outputs are poisoned first, and writes past an output's end are
// reported as kInternal.
Status RunOperation(const Operator& op, const std::vector<TestTensor>& inputs,
                    std::vector<TestTensor>& outputs, const RunConfig& config = {});

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_RUN_OPERATION_H_
