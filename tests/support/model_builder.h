// SPDX-License-Identifier: Apache-2.0
// ModelBuilder: the bytes of a .tflite file from the words of model/graph.h.
//
//   ModelBuilder b;
//   int x = b.Input("x", Type::kFloat32, {1, 4});
//   int w = b.Constant<float>("w", {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
//   int y = b.Make("y", Type::kFloat32, {1, 2});
//   b.Op(OpCode::kFULLY_CONNECTED, {x, w, -1}, {y}, FullyConnectedOptions{});
//   b.Output(y);
//   std::vector<std::byte> file = b.Build();
//
// Nothing is checked: a test may put anything into the structs it hands out, to see it refused.
#ifndef HEDDLE_TESTS_SUPPORT_MODEL_BUILDER_H_
#define HEDDLE_TESTS_SUPPORT_MODEL_BUILDER_H_

#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "model/graph.h"

namespace flatbuffers {
class FlatBufferBuilder;
}

namespace heddle::core {

struct OptionsTable;  // support/model_options.h

template <class T>
constexpr Type kTypeOf = Type::kNone;
template <>
inline constexpr Type kTypeOf<float> = Type::kFloat32;
template <>
inline constexpr Type kTypeOf<double> = Type::kFloat64;
template <>
inline constexpr Type kTypeOf<int8_t> = Type::kInt8;
template <>
inline constexpr Type kTypeOf<uint8_t> = Type::kUInt8;
template <>
inline constexpr Type kTypeOf<int16_t> = Type::kInt16;
template <>
inline constexpr Type kTypeOf<int32_t> = Type::kInt32;
template <>
inline constexpr Type kTypeOf<int64_t> = Type::kInt64;

inline Quantization Quant(float scale, int64_t zero_point = 0) {
  Quantization q;
  q.scale = {scale};
  q.zero_point = {zero_point};
  return q;
}

class ModelBuilder {
 public:
  ModelBuilder() { Begin("main"); }

  // Later calls go into a new subgraph. Returns its index.
  int Begin(const std::string& name);

  // Tensors, by their index in the current subgraph. Make: an activation.
  int Make(const std::string& name, Type type, Shape shape, Quantization quant = {});
  int Input(const std::string& name, Type type, Shape shape, Quantization quant = {});
  int Variable(const std::string& name, Type type, Shape shape, Quantization quant = {});
  int Data(const std::string& name, Type type, Shape shape, std::vector<std::byte> data,
           Quantization quant = {});
  int Strings(const std::string& name, Shape shape, const std::vector<std::string>& values);
  template <class T>
  int Constant(const std::string& name, Shape shape, const std::vector<T>& values,
               Quantization quant = {}) {
    static_assert(kTypeOf<T> != Type::kNone);
    std::vector<std::byte> data(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(data.data(), values.data(), data.size());
    return Data(name, kTypeOf<T>, shape, std::move(data), std::move(quant));
  }
  void Output(int tensor) { graph().outputs.push_back(tensor); }

  Operator& Op(OpCode code, std::vector<int32_t> inputs, std::vector<int32_t> outputs,
               Options options = {}, int32_t version = 1);
  Operator& CustomOp(const std::string& name, std::vector<int32_t> inputs,
                     std::vector<int32_t> outputs, std::vector<std::byte> custom_options = {});

  // What Build writes. References hold until the next call that adds one of their kind.
  Subgraph& graph() { return subgraphs.back(); }
  Tensor& tensor(int index) { return graph().tensors[index]; }
  Operator& op(int index) { return graph().operators[index]; }
  std::vector<Subgraph> subgraphs;
  std::vector<Signature> signatures;
  std::vector<std::pair<std::string, std::string>> metadata;  // name, content
  uint32_t format_version = 3;
  bool share_names = false;  // equal names of a signature's tensors are one string in the file
  // Writes the options of the operators, where that is not WriteOptions.
  std::function<OptionsTable(flatbuffers::FlatBufferBuilder&, const Operator&)> options_writer;
  bool data_behind = false;  // constants lie behind the flatbuffer, as in files over 2 GB

  std::vector<std::byte> Build() const;

 private:
  std::span<const std::byte> Keep(std::vector<std::byte> data);

  std::deque<std::vector<std::byte>> kept_;
};

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_MODEL_BUILDER_H_
