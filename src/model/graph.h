// SPDX-License-Identifier: Apache-2.0
// What a .tflite file says, verified, in plain arrays. Immutable after Model::Read.
#ifndef HEDDLE_MODEL_GRAPH_H_
#define HEDDLE_MODEL_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/type.h"
#include "model/options.h"

namespace heddle::core {

// BuiltinOperator of the format: the names and numbers are op_list.inc's, kCustom for operators
// known by name only.
enum class OpCode : int16_t {
#define HEDDLE_OP(name, number, max_version) k##name = number,
#include "model/op_list.inc"
#undef HEDDLE_OP
};
const char* OpName(OpCode code);  // "CONV_2D"; nullptr when the format has no such number
int OpKnownVersion(OpCode code);  // the newest version whose meaning is known

struct Quantization {
  std::vector<float> scale;         // empty: not quantised; one, or one per index of `axis`
  std::vector<int64_t> zero_point;  // as long as scale
  int32_t axis = 0;
  int32_t block = 0;  // > 0: block-wise; the scales are the tensor `block_scales` (float16)
  int32_t block_scales = -1;
  std::span<const std::byte> block_scale_data;  // the values of block_scales
  int32_t block_zero_points = -1;
  std::vector<float> min, max;

  bool quantised() const { return !scale.empty(); }
  bool per_channel() const { return scale.size() > 1; }
  float Scale(size_t c = 0) const { return scale.empty() ? 0.0f : scale[per_channel() ? c : 0]; }
  int32_t ZeroPoint(size_t c = 0) const {
    return zero_point.empty() ? 0 : static_cast<int32_t>(zero_point[zero_point.size() > 1 ? c : 0]);
  }
};

struct Sparsity {
  struct Level {
    bool dense = true;
    int32_t size = 0;                        // dense
    std::vector<int32_t> segments, indices;  // CSR
  };
  std::vector<int32_t> traversal_order, block_map;
  std::vector<Level> levels;
};

struct Tensor {
  std::string name;
  Type type = Type::kFloat32;
  Shape shape;  // as the file says; a size of -1 only when no shape_signature fixes it
  bool has_rank = true;
  std::vector<int32_t> signature;  // shape_signature: -1 where the caller may choose; empty: none
  bool variable = false;
  bool constant = false;
  std::span<const std::byte>
      data;  // of a constant; points into the Model's bytes; length verified against the shape
  Quantization quant;
  std::vector<Sparsity> sparsity;  // empty or one; data then holds only the stored values
};

struct Operator {
  OpCode code = OpCode::kADD;
  int32_t version = 1;
  std::string custom_name;      // of kCUSTOM
  std::vector<int32_t> inputs;  // tensor indices; -1: an optional operand is absent
  std::vector<int32_t> outputs;
  std::vector<int32_t> intermediates;
  Options options;
  std::span<const std::byte> custom_options;

  std::string Name() const;  // "CONV_2D", or the custom name
  // The options of an operator, or their defaults when the file gives none of that kind.
  template <class T>
  T OptionsOr() const {
    const T* p = std::get_if<T>(&options);
    return p ? *p : T();
  }
};

struct Subgraph {
  std::string name;
  std::vector<Tensor> tensors;
  std::vector<int32_t> inputs, outputs;
  std::vector<Operator> operators;  // every operand of one is an input, a constant, a variable or
                                    // made by an earlier one
};

// A variable or hash table: one for all subgraphs.
struct ResourceInfo {
  std::string
      name;  // "shared_name" or "container/shared_name" of a variable, the number of a table
  bool table = false;
};

// The subgraphs that an operator calls, as the file says.
std::vector<int32_t> CalledSubgraphs(const Operator& op);

struct SignatureTensor {
  std::string name;
  int32_t tensor = 0;
};
struct Signature {
  std::string key;
  int32_t subgraph = 0;
  std::vector<SignatureTensor> inputs, outputs;
};

}  // namespace heddle::core

#endif  // HEDDLE_MODEL_GRAPH_H_
