// SPDX-License-Identifier: Apache-2.0
#include "support/model_options.h"

namespace heddle::core {
namespace {

using Fbb = flatbuffers::FlatBufferBuilder;

template <class T>
OptionsTable Named(int kind, flatbuffers::Offset<T> table) {
  return {kind, table.Union()};
}
int8_t Number(auto value) { return static_cast<int8_t>(value); }

// One for each struct of graph.h.
// Of a kind that no test has needed yet: the file then says nothing, and the defaults hold.
template <class T>
OptionsTable Table(Fbb&, OpCode, const T&) {
  return {};
}

OptionsTable Table(Fbb& b, OpCode code, const ConvOptions& o) {
  const int8_t pad = Number(o.padding), act = Number(o.activation);
  const int8_t bias = Number(o.quantized_bias_type);
  if (code == OpCode::kDEPTHWISE_CONV_2D)
    return Named(
        fb::BuiltinOptions_DepthwiseConv2DOptions,
        fb::CreateDepthwiseConv2DOptions(b, pad, o.stride_w, o.stride_h, o.depth_multiplier, act,
                                         o.dilation_w, o.dilation_h));
  if (code == OpCode::kTRANSPOSE_CONV)
    return Named(fb::BuiltinOptions_TransposeConvOptions,
                 fb::CreateTransposeConvOptions(b, pad, o.stride_w, o.stride_h, act, bias));
  return Named(fb::BuiltinOptions_Conv2DOptions,
               fb::CreateConv2DOptions(b, pad, o.stride_w, o.stride_h, act, o.dilation_w,
                                       o.dilation_h, bias));
}

OptionsTable Table(Fbb& b, OpCode, const PoolOptions& o) {
  return Named(fb::BuiltinOptions_Pool2DOptions,
               fb::CreatePool2DOptions(b, Number(o.padding), o.stride_w, o.stride_h, o.filter_w,
                                       o.filter_h, Number(o.activation)));
}

OptionsTable Table(Fbb& b, OpCode, const FullyConnectedOptions& o) {
  return Named(
      fb::BuiltinOptions_FullyConnectedOptions,
      fb::CreateFullyConnectedOptions(b, Number(o.activation), o.shuffled_weights, o.keep_num_dims,
                                      o.asymmetric_inputs, Number(o.quantized_bias_type)));
}

OptionsTable Table(Fbb& b, OpCode code, const BinaryOptions& o) {
  const int8_t act = Number(o.activation);
  switch (code) {
    case OpCode::kSUB:
      return Named(fb::BuiltinOptions_SubOptions, fb::CreateSubOptions(b, act, o.pot_scale_int16));
    case OpCode::kMUL:
      return Named(fb::BuiltinOptions_MulOptions, fb::CreateMulOptions(b, act));
    case OpCode::kDIV:
      return Named(fb::BuiltinOptions_DivOptions, fb::CreateDivOptions(b, act));
    default:
      return Named(fb::BuiltinOptions_AddOptions, fb::CreateAddOptions(b, act, o.pot_scale_int16));
  }
}

OptionsTable Table(Fbb& b, OpCode, const SoftmaxOptions& o) {
  return Named(fb::BuiltinOptions_SoftmaxOptions, fb::CreateSoftmaxOptions(b, o.beta));
}

OptionsTable Table(Fbb& b, OpCode, const ConcatOptions& o) {
  return Named(fb::BuiltinOptions_ConcatenationOptions,
               fb::CreateConcatenationOptions(b, o.axis, Number(o.activation)));
}

OptionsTable Table(Fbb& b, OpCode, const ReshapeOptions& o) {
  return Named(fb::BuiltinOptions_ReshapeOptions,
               fb::CreateReshapeOptions(b, o.has_shape ? b.CreateVector(o.shape) : 0));
}

OptionsTable Table(Fbb& b, OpCode, const StridedSliceOptions& o) {
  return Named(fb::BuiltinOptions_StridedSliceOptions,
               fb::CreateStridedSliceOptions(b, o.begin_mask, o.end_mask, o.ellipsis_mask,
                                             o.new_axis_mask, o.shrink_axis_mask, o.offset));
}

OptionsTable Table(Fbb& b, OpCode, const ReduceOptions& o) {
  return Named(fb::BuiltinOptions_ReducerOptions, fb::CreateReducerOptions(b, o.keep_dims));
}

OptionsTable Table(Fbb& b, OpCode code, const PackOptions& o) {
  if (code == OpCode::kUNPACK)
    return Named(fb::BuiltinOptions_UnpackOptions,
                 fb::CreateUnpackOptions(b, o.values_count, o.axis));
  return Named(fb::BuiltinOptions_PackOptions, fb::CreatePackOptions(b, o.values_count, o.axis));
}

OptionsTable Table(Fbb& b, OpCode, const ShapeOptions& o) {
  return Named(fb::BuiltinOptions_ShapeOptions, fb::CreateShapeOptions(b, Number(o.out_type)));
}

OptionsTable Table(Fbb& b, OpCode code, const ResizeOptions& o) {
  if (code == OpCode::kRESIZE_BILINEAR)
    return Named(fb::BuiltinOptions_ResizeBilinearOptions,
                 fb::CreateResizeBilinearOptions(b, o.align_corners, o.half_pixel_centers));
  return Named(fb::BuiltinOptions_ResizeNearestNeighborOptions,
               fb::CreateResizeNearestNeighborOptions(b, o.align_corners, o.half_pixel_centers));
}

OptionsTable Table(Fbb& b, OpCode, const LeakyReluOptions& o) {
  return Named(fb::BuiltinOptions_LeakyReluOptions, fb::CreateLeakyReluOptions(b, o.alpha));
}

OptionsTable Table(Fbb& b, OpCode, const SqueezeOptions& o) {
  return Named(fb::BuiltinOptions_SqueezeOptions,
               fb::CreateSqueezeOptions(b, b.CreateVector(o.dims)));
}

OptionsTable Table(Fbb& b, OpCode, const SplitOptions& o) {
  return Named(fb::BuiltinOptions_SplitOptions, fb::CreateSplitOptions(b, o.num_splits));
}

OptionsTable Table(Fbb& b, OpCode, const GatherOptions& o) {
  return Named(fb::BuiltinOptions_GatherOptions, fb::CreateGatherOptions(b, o.axis, o.batch_dims));
}

OptionsTable Table(Fbb& b, OpCode, const VarHandleOptions& o) {
  return Named(
      fb::BuiltinOptions_VarHandleOptions,
      fb::CreateVarHandleOptions(b, b.CreateString(o.container), b.CreateString(o.shared_name)));
}

OptionsTable Table(Fbb& b, OpCode, const HashTableOptions& o) {
  return Named(fb::BuiltinOptions_HashtableOptions,
               fb::CreateHashtableOptions(b, o.table_id, Number(o.key), Number(o.value)));
}

OptionsTable Table(Fbb& b, OpCode code, const SubgraphOptions& o) {
  switch (code) {
    case OpCode::kIF:
      return Named(fb::BuiltinOptions_IfOptions, fb::CreateIfOptions(b, o.first, o.second));
    case OpCode::kWHILE:
      return Named(fb::BuiltinOptions_WhileOptions, fb::CreateWhileOptions(b, o.first, o.second));
    case OpCode::kCALL:
      return Named(fb::BuiltinOptions_CallOptions,
                   fb::CreateCallOptions(b, static_cast<uint32_t>(o.first)));
    default:
      return Named(fb::BuiltinOptions_CallOnceOptions, fb::CreateCallOnceOptions(b, o.first));
  }
}

}  // namespace

OptionsTable WriteOptions(Fbb& to, const Operator& op) {
  return std::visit([&](const auto& options) { return Table(to, op.code, options); }, op.options);
}

}  // namespace heddle::core
