// SPDX-License-Identifier: Apache-2.0
// What operators say of themselves: a table of the file becomes a struct of graph.h.
#include "model/reader.h"
#include "model/source.h"

namespace heddle::core {
namespace {

Status CheckNumber(const char* what, int number, int most) {
  if (number < 0 || number > most)
    return InvalidModel("{}: number {}, expected 0 to {}", what, number, most);
  return Status();
}

Status ReadActivation(int number, Activation& to) {
  HEDDLE_TRY(CheckNumber("activation", number, static_cast<int>(Activation::kSignBit)));
  to = static_cast<Activation>(number);
  return Status();
}

Status ReadPadding(int number, Padding& to) {
  HEDDLE_TRY(CheckNumber("padding", number, static_cast<int>(Padding::kValid)));
  to = static_cast<Padding>(number);
  return Status();
}

Status ReadElementType(const char* what, int number, Type& to) {
  HEDDLE_TRY(CheckNumber(what, number, static_cast<int>(Type::kUInt4)));
  to = static_cast<Type>(number);
  return Status();
}

// One Read for each table that is understood.

Status Read(Source&, const fb::Conv2DOptions& from, ConvOptions& to) {
  to.stride_h = from.stride_h();
  to.stride_w = from.stride_w();
  to.dilation_h = from.dilation_h_factor();
  to.dilation_w = from.dilation_w_factor();
  HEDDLE_TRY(ReadPadding(from.padding(), to.padding));
  HEDDLE_TRY(
      ReadElementType("quantized_bias_type", from.quantized_bias_type(), to.quantized_bias_type));
  return ReadActivation(from.fused_activation_function(), to.activation);
}

Status Read(Source&, const fb::DepthwiseConv2DOptions& from, ConvOptions& to) {
  to.stride_h = from.stride_h();
  to.stride_w = from.stride_w();
  to.dilation_h = from.dilation_h_factor();
  to.dilation_w = from.dilation_w_factor();
  to.depth_multiplier = from.depth_multiplier();
  HEDDLE_TRY(ReadPadding(from.padding(), to.padding));
  return ReadActivation(from.fused_activation_function(), to.activation);
}

Status Read(Source&, const fb::TransposeConvOptions& from, ConvOptions& to) {
  to.stride_h = from.stride_h();
  to.stride_w = from.stride_w();
  HEDDLE_TRY(ReadPadding(from.padding(), to.padding));
  HEDDLE_TRY(
      ReadElementType("quantized_bias_type", from.quantized_bias_type(), to.quantized_bias_type));
  return ReadActivation(from.fused_activation_function(), to.activation);
}

Status Read(Source&, const fb::Pool2DOptions& from, PoolOptions& to) {
  to.stride_h = from.stride_h();
  to.stride_w = from.stride_w();
  to.filter_h = from.filter_height();
  to.filter_w = from.filter_width();
  HEDDLE_TRY(ReadPadding(from.padding(), to.padding));
  return ReadActivation(from.fused_activation_function(), to.activation);
}

Status Read(Source&, const fb::FullyConnectedOptions& from, FullyConnectedOptions& to) {
  HEDDLE_TRY(CheckNumber("weights_format", from.weights_format(), 1));
  to.shuffled_weights = from.weights_format() == 1;
  to.keep_num_dims = from.keep_num_dims();
  to.asymmetric_inputs = from.asymmetric_quantize_inputs();
  HEDDLE_TRY(
      ReadElementType("quantized_bias_type", from.quantized_bias_type(), to.quantized_bias_type));
  return ReadActivation(from.fused_activation_function(), to.activation);
}

template <class From>
Status ReadBinary(const From& from, BinaryOptions& to) {
  if constexpr (requires { from.pot_scale_int16(); }) to.pot_scale_int16 = from.pot_scale_int16();
  return ReadActivation(from.fused_activation_function(), to.activation);
}
Status Read(Source&, const fb::AddOptions& from, BinaryOptions& to) { return ReadBinary(from, to); }
Status Read(Source&, const fb::SubOptions& from, BinaryOptions& to) { return ReadBinary(from, to); }
Status Read(Source&, const fb::MulOptions& from, BinaryOptions& to) { return ReadBinary(from, to); }
Status Read(Source&, const fb::DivOptions& from, BinaryOptions& to) { return ReadBinary(from, to); }

Status Read(Source&, const fb::SoftmaxOptions& from, SoftmaxOptions& to) {
  to.beta = from.beta();
  return Status();
}

Status Read(Source&, const fb::ConcatenationOptions& from, ConcatOptions& to) {
  to.axis = from.axis();
  return ReadActivation(from.fused_activation_function(), to.activation);
}

Status Read(Source& source, const fb::ReshapeOptions& from, ReshapeOptions& to) {
  to.has_shape = from.new_shape() != nullptr;
  return source.Copy(from.new_shape(), to.shape);
}

Status Read(Source&, const fb::StridedSliceOptions& from, StridedSliceOptions& to) {
  to = {from.begin_mask(),    from.end_mask(),         from.ellipsis_mask(),
        from.new_axis_mask(), from.shrink_axis_mask(), from.offset()};
  return Status();
}

Status Read(Source&, const fb::ReducerOptions& from, ReduceOptions& to) {
  to.keep_dims = from.keep_dims();
  return Status();
}

Status Read(Source&, const fb::PackOptions& from, PackOptions& to) {
  to = {from.values_count(), from.axis()};
  return Status();
}

Status Read(Source&, const fb::UnpackOptions& from, PackOptions& to) {
  to = {from.num(), from.axis()};
  return Status();
}

Status Read(Source&, const fb::ShapeOptions& from, ShapeOptions& to) {
  return ReadElementType("out_type", from.out_type(), to.out_type);
}

Status Read(Source&, const fb::ResizeBilinearOptions& from, ResizeOptions& to) {
  to = {from.align_corners(), from.half_pixel_centers()};
  return Status();
}

Status Read(Source&, const fb::ResizeNearestNeighborOptions& from, ResizeOptions& to) {
  to = {from.align_corners(), from.half_pixel_centers()};
  return Status();
}

Status Read(Source&, const fb::LeakyReluOptions& from, LeakyReluOptions& to) {
  to.alpha = from.alpha();
  return Status();
}

Status Read(Source& source, const fb::SqueezeOptions& from, SqueezeOptions& to) {
  return source.Copy(from.squeeze_dims(), to.dims);
}

Status Read(Source&, const fb::SplitOptions& from, SplitOptions& to) {
  to.num_splits = from.num_splits();
  return Status();
}

Status Read(Source&, const fb::GatherOptions& from, GatherOptions& to) {
  to = {from.axis(), from.batch_dims()};
  return Status();
}

Status Read(Source&, const fb::CallOptions& from, SubgraphOptions& to) {
  to.first = static_cast<int32_t>(from.subgraph());
  return Status();
}

Status Read(Source&, const fb::CallOnceOptions& from, SubgraphOptions& to) {
  to.first = from.init_subgraph_index();
  return Status();
}

Status Read(Source&, const fb::IfOptions& from, SubgraphOptions& to) {
  to.first = from.then_subgraph_index();
  to.second = from.else_subgraph_index();
  return Status();
}

Status Read(Source&, const fb::WhileOptions& from, SubgraphOptions& to) {
  to.first = from.cond_subgraph_index();
  to.second = from.body_subgraph_index();
  return Status();
}

Status Read(Source&, const fb::StablehloWhileOptions& from, SubgraphOptions& to) {
  to.first = from.cond_subgraph_index();
  to.second = from.body_subgraph_index();
  return Status();
}

Status Read(Source&, const fb::StablehloSortOptions& from, SubgraphOptions& to) {
  to.first = from.comparator_subgraph_index();
  return Status();
}

Status Read(Source&, const fb::StablehloReduceOptions& from, SubgraphOptions& to) {
  to.first = from.body_subgraph_index();
  return Status();
}

Status Read(Source&, const fb::StablehloReduceWindowOptions& from, SubgraphOptions& to) {
  to.first = from.body_subgraph_index();
  return Status();
}

Status Read(Source&, const fb::StablehloScatterOptions& from, SubgraphOptions& to) {
  to.first = from.update_computation_subgraph_index();
  return Status();
}

Status Read(Source&, const fb::StableHLOCompositeOptions& from, SubgraphOptions& to) {
  to.first = from.decomposition_subgraph_index();
  return Status();
}

Status Read(Source& source, const fb::StablehloCaseOptions& from, SubgraphOptions& to) {
  return source.Copy(from.branch_subgraph_indices(), to.branches);
}

Status Read(Source& source, const fb::StablehloCustomCallOptions& from, SubgraphOptions& to) {
  return source.Copy(from.called_computations(), to.branches);
}

template <class To, class From>
Status ReadAs(Source& source, const From* from, Options& options) {
  To to;
  if (from != nullptr) HEDDLE_TRY(Read(source, *from, to));
  options = std::move(to);
  return Status();
}

}  // namespace

// A table of another kind than the operator's is as if there were none: its defaults hold.
Status ReadOptions(Source& source, const fb::Operator& op, OpCode code, Options& to) {
#define HEDDLE_OPTIONS(name, table, type) \
  case OpCode::k##name:                   \
    return ReadAs<type>(source, op.builtin_options_as_##table(), to);
#define HEDDLE_OPTIONS_2(name, table, type) \
  case OpCode::k##name:                     \
    return ReadAs<type>(source, op.builtin_options_2_as_##table(), to);
  switch (code) {
    HEDDLE_OPTIONS(CONV_2D, Conv2DOptions, ConvOptions)
    HEDDLE_OPTIONS(DEPTHWISE_CONV_2D, DepthwiseConv2DOptions, ConvOptions)
    HEDDLE_OPTIONS(TRANSPOSE_CONV, TransposeConvOptions, ConvOptions)
    HEDDLE_OPTIONS(MAX_POOL_2D, Pool2DOptions, PoolOptions)
    HEDDLE_OPTIONS(AVERAGE_POOL_2D, Pool2DOptions, PoolOptions)
    HEDDLE_OPTIONS(L2_POOL_2D, Pool2DOptions, PoolOptions)
    HEDDLE_OPTIONS(FULLY_CONNECTED, FullyConnectedOptions, FullyConnectedOptions)
    HEDDLE_OPTIONS(ADD, AddOptions, BinaryOptions)
    HEDDLE_OPTIONS(SUB, SubOptions, BinaryOptions)
    HEDDLE_OPTIONS(MUL, MulOptions, BinaryOptions)
    HEDDLE_OPTIONS(DIV, DivOptions, BinaryOptions)
    HEDDLE_OPTIONS(SOFTMAX, SoftmaxOptions, SoftmaxOptions)
    HEDDLE_OPTIONS(CONCATENATION, ConcatenationOptions, ConcatOptions)
    HEDDLE_OPTIONS(RESHAPE, ReshapeOptions, ReshapeOptions)
    HEDDLE_OPTIONS(STRIDED_SLICE, StridedSliceOptions, StridedSliceOptions)
    HEDDLE_OPTIONS(MEAN, ReducerOptions, ReduceOptions)
    HEDDLE_OPTIONS(SUM, ReducerOptions, ReduceOptions)
    HEDDLE_OPTIONS(REDUCE_PROD, ReducerOptions, ReduceOptions)
    HEDDLE_OPTIONS(REDUCE_MAX, ReducerOptions, ReduceOptions)
    HEDDLE_OPTIONS(REDUCE_MIN, ReducerOptions, ReduceOptions)
    HEDDLE_OPTIONS(REDUCE_ANY, ReducerOptions, ReduceOptions)
    HEDDLE_OPTIONS(REDUCE_ALL, ReducerOptions, ReduceOptions)
    HEDDLE_OPTIONS(PACK, PackOptions, PackOptions)
    HEDDLE_OPTIONS(UNPACK, UnpackOptions, PackOptions)
    HEDDLE_OPTIONS(SHAPE, ShapeOptions, ShapeOptions)
    HEDDLE_OPTIONS(RESIZE_BILINEAR, ResizeBilinearOptions, ResizeOptions)
    HEDDLE_OPTIONS(RESIZE_NEAREST_NEIGHBOR, ResizeNearestNeighborOptions, ResizeOptions)
    HEDDLE_OPTIONS(LEAKY_RELU, LeakyReluOptions, LeakyReluOptions)
    HEDDLE_OPTIONS(SQUEEZE, SqueezeOptions, SqueezeOptions)
    HEDDLE_OPTIONS(SPLIT, SplitOptions, SplitOptions)
    HEDDLE_OPTIONS(GATHER, GatherOptions, GatherOptions)
    HEDDLE_OPTIONS(IF, IfOptions, SubgraphOptions)
    HEDDLE_OPTIONS(WHILE, WhileOptions, SubgraphOptions)
    HEDDLE_OPTIONS(CALL, CallOptions, SubgraphOptions)
    HEDDLE_OPTIONS(CALL_ONCE, CallOnceOptions, SubgraphOptions)
    HEDDLE_OPTIONS_2(STABLEHLO_WHILE, StablehloWhileOptions, SubgraphOptions)
    HEDDLE_OPTIONS_2(STABLEHLO_SORT, StablehloSortOptions, SubgraphOptions)
    HEDDLE_OPTIONS_2(STABLEHLO_REDUCE, StablehloReduceOptions, SubgraphOptions)
    HEDDLE_OPTIONS_2(STABLEHLO_REDUCE_WINDOW, StablehloReduceWindowOptions, SubgraphOptions)
    HEDDLE_OPTIONS_2(STABLEHLO_SCATTER, StablehloScatterOptions, SubgraphOptions)
    HEDDLE_OPTIONS_2(STABLEHLO_COMPOSITE, StableHLOCompositeOptions, SubgraphOptions)
    HEDDLE_OPTIONS_2(STABLEHLO_CASE, StablehloCaseOptions, SubgraphOptions)
    HEDDLE_OPTIONS_2(STABLEHLO_CUSTOM_CALL, StablehloCustomCallOptions, SubgraphOptions)
    default:
      return Status();
  }
#undef HEDDLE_OPTIONS
#undef HEDDLE_OPTIONS_2
}

}  // namespace heddle::core
