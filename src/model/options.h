// SPDX-License-Identifier: Apache-2.0
// What operators say of themselves: one struct for each kind of options table.
#ifndef HEDDLE_MODEL_OPTIONS_H_
#define HEDDLE_MODEL_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/type.h"

namespace heddle::core {

enum class Activation : int8_t {
  kNone = 0,
  kRelu = 1,
  kReluN1To1 = 2,
  kRelu6 = 3,
  kTanh = 4,
  kSignBit = 5
};
enum class Padding : int8_t { kSame = 0, kValid = 1 };

// Rows and columns of zeros (of integers: of zero points) around an image.
struct Border {
  int32_t top = 0, bottom = 0, left = 0, right = 0;
  bool empty() const { return (top | bottom | left | right) == 0; }
};

struct NoOptions {};
struct ConvOptions {  // CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV
  Padding padding = Padding::kSame;
  int32_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int32_t depth_multiplier = 0;
  Activation activation = Activation::kNone;
  Type quantized_bias_type = Type::kFloat32;  // float32: not said
  // Around the input, before `padding`. No file has one: a Program gives it to CONV_2D and
  // DEPTHWISE_CONV_2D for the PAD that they replace.
  Border border = {};
};
struct PoolOptions {
  Padding padding = Padding::kSame;
  int32_t stride_h = 1, stride_w = 1, filter_h = 1, filter_w = 1;
  Activation activation = Activation::kNone;
};
struct FullyConnectedOptions {
  Activation activation = Activation::kNone;
  bool shuffled_weights = false, keep_num_dims = false, asymmetric_inputs = false;
  Type quantized_bias_type = Type::kFloat32;
};
struct BinaryOptions {  // ADD, SUB, MUL, DIV
  Activation activation = Activation::kNone;
  bool pot_scale_int16 = false;
};
struct SoftmaxOptions {
  float beta = 1;
};
struct ConcatOptions {
  int32_t axis = 0;
  Activation activation = Activation::kNone;
};
struct ReshapeOptions {
  bool has_shape = false;
  std::vector<int32_t> shape;
};
struct StridedSliceOptions {
  int32_t begin_mask = 0, end_mask = 0, ellipsis_mask = 0, new_axis_mask = 0, shrink_axis_mask = 0;
  bool offset = false;
};
struct ReduceOptions {
  bool keep_dims = false;
};
struct PackOptions {
  int32_t values_count = 0, axis = 0;
};  // PACK, UNPACK
struct ShapeOptions {
  Type out_type = Type::kInt32;
};
struct ResizeOptions {
  bool align_corners = false, half_pixel_centers = false;
};
struct LeakyReluOptions {
  float alpha = 0;
};
struct SqueezeOptions {
  std::vector<int32_t> dims;
};
struct SplitOptions {
  int32_t num_splits = 0;
};
struct GatherOptions {
  int32_t axis = 0, batch_dims = 0;
};
struct SubgraphOptions {  // what IF, WHILE, CALL, CALL_ONCE, STABLEHLO_CASE and others call
  int32_t first = -1, second = -1;
  std::vector<int32_t> branches;  // of STABLEHLO_CASE and STABLEHLO_CUSTOM_CALL
};

struct Conv3dOptions {  // CONV_3D, CONV_3D_TRANSPOSE
  Padding padding = Padding::kSame;
  int32_t stride_d = 1, stride_h = 1, stride_w = 1, dilation_d = 1, dilation_h = 1, dilation_w = 1;
  Activation activation = Activation::kNone;
};
struct SvdfOptions {
  int32_t rank = 0;
  Activation activation = Activation::kNone;
  bool asymmetric_inputs = false;
};
struct RecurrentOptions {  // RNN, LSTM and their sequences, in one direction or both
  Activation activation = Activation::kNone;
  bool asymmetric_inputs = false, time_major = false, merge_outputs = false;
  bool basic_cell = false;  // LSTM: the kernel with one concatenated weight matrix
  bool diagonal = false;    // the recurrent weights are diagonal
  float cell_clip = 0, proj_clip = 0;
};
struct L2NormOptions {
  Activation activation = Activation::kNone;
};
struct LocalResponseOptions {
  int32_t radius = 0;
  float bias = 0, alpha = 0, beta = 0;
};
struct SkipGramOptions {
  int32_t ngram_size = 0, max_skip_size = 0;
  bool include_all = false;
};
struct BlockOptions {  // SPACE_TO_DEPTH, DEPTH_TO_SPACE
  int32_t size = 0;
};
enum class Combiner : int8_t { kSum = 0, kMean = 1, kSqrtN = 2 };
struct EmbeddingSparseOptions {
  Combiner combiner = Combiner::kSum;
};
enum class LshKind : int8_t { kUnknown = 0, kSparse = 1, kDense = 2 };
struct LshOptions {
  LshKind kind = LshKind::kUnknown;
};
struct IndexTypeOptions {  // ARG_MAX, ARG_MIN, UNIQUE: the type of the indices
  Type type = Type::kInt32;
};
struct FakeQuantOptions {
  float min = 0, max = 0;
  int32_t bits = 0;
  bool narrow_range = false;
};
struct OneHotOptions {
  int32_t axis = 0;
};
struct MirrorPadOptions {
  bool symmetric = false;  // else reflect
};
struct ReverseSequenceOptions {
  int32_t seq_dim = 0, batch_dim = 0;
};
struct BatchMatMulOptions {
  bool adj_x = false, adj_y = false, asymmetric_inputs = false;
};
struct CumsumOptions {
  bool exclusive = false, reverse = false;
};
struct HashTableOptions {
  int32_t table_id = 0;
  Type key = Type::kFloat32, value = Type::kFloat32;
  int32_t resource = -1;  // in Model::resources(); the reader's
};
struct VarHandleOptions {
  std::string container, shared_name;
  int32_t resource = -1;  // in Model::resources(); the reader's
};
struct RandomOptions {
  int64_t seed = 0, seed2 = 0;
};
struct BucketizeOptions {
  std::vector<float> boundaries;
};
struct GeluOptions {
  bool approximate = false;
};
enum class RngAlgorithm : int8_t { kDefault = 0, kPhilox = 1, kThreefry = 2 };
struct RngOptions {
  RngAlgorithm algorithm = RngAlgorithm::kDefault;
};
enum class ReduceFunction : int8_t {
  kUnsupported = 0,
  kAdd = 1,
  kMul = 2,
  kMin = 3,
  kMax = 4,
  kAll = 5,
  kAny = 6
};
struct ReduceWindowOptions {
  ReduceFunction function = ReduceFunction::kUnsupported;
};
struct StablehloPadOptions {
  std::vector<int64_t> low, high, interior;
};
struct StablehloGatherOptions {
  std::vector<int64_t> offset_dims, collapsed_slice_dims, start_index_map, slice_sizes;
  int64_t index_vector_dim = 0;
};
struct StablehloScatterOptions {
  std::vector<int64_t> update_window_dims, inserted_window_dims, scatter_dims_to_operand_dims;
  int64_t index_vector_dim = 0;
  int32_t body = -1;  // subgraph
};
struct StablehloReduceWindowOptions {
  std::vector<int64_t> dims, strides, base_dilations, dilations, padding;
  int32_t body = -1;  // subgraph
};
struct CompositeOptions {
  std::string name;
  int32_t body = -1;                      // the subgraph that it is made of
  std::span<const std::byte> attributes;  // a flexbuffer
};

using Options = std::variant<
    NoOptions, ConvOptions, PoolOptions, FullyConnectedOptions, BinaryOptions, SoftmaxOptions,
    ConcatOptions, ReshapeOptions, StridedSliceOptions, ReduceOptions, PackOptions, ShapeOptions,
    ResizeOptions, LeakyReluOptions, SqueezeOptions, SplitOptions, GatherOptions, SubgraphOptions,
    Conv3dOptions, SvdfOptions, RecurrentOptions, L2NormOptions, LocalResponseOptions,
    SkipGramOptions, BlockOptions, EmbeddingSparseOptions, LshOptions, IndexTypeOptions,
    FakeQuantOptions, OneHotOptions, MirrorPadOptions, ReverseSequenceOptions, BatchMatMulOptions,
    CumsumOptions, HashTableOptions, VarHandleOptions, RandomOptions, BucketizeOptions, GeluOptions,
    RngOptions, ReduceWindowOptions, StablehloPadOptions, StablehloGatherOptions,
    StablehloScatterOptions, StablehloReduceWindowOptions, CompositeOptions>;

}  // namespace heddle::core

#endif  // HEDDLE_MODEL_OPTIONS_H_
