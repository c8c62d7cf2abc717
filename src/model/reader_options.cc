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

Status Read(Source& source, const fb::StablehloCaseOptions& from, SubgraphOptions& to) {
  return source.Copy(from.branch_subgraph_indices(), to.branches);
}

Status Read(Source& source, const fb::StablehloCustomCallOptions& from, SubgraphOptions& to) {
  return source.Copy(from.called_computations(), to.branches);
}

Status Read(Source&, const fb::Conv3DOptions& from, Conv3dOptions& to) {
  to.stride_d = from.stride_d();
  to.stride_h = from.stride_h();
  to.stride_w = from.stride_w();
  to.dilation_d = from.dilation_d_factor();
  to.dilation_h = from.dilation_h_factor();
  to.dilation_w = from.dilation_w_factor();
  HEDDLE_TRY(ReadPadding(from.padding(), to.padding));
  return ReadActivation(from.fused_activation_function(), to.activation);
}

Status Read(Source&, const fb::SVDFOptions& from, SvdfOptions& to) {
  to.rank = from.rank();
  to.asymmetric_inputs = from.asymmetric_quantize_inputs();
  return ReadActivation(from.fused_activation_function(), to.activation);
}

// The recurrent tables say the same things, each those that its operator has.
template <class From>
Status ReadRecurrent(const From& from, RecurrentOptions& to) {
  to.asymmetric_inputs = from.asymmetric_quantize_inputs();
  if constexpr (requires { from.time_major(); }) to.time_major = from.time_major();
  if constexpr (requires { from.merge_outputs(); }) to.merge_outputs = from.merge_outputs();
  if constexpr (requires { from.kernel_type(); }) to.basic_cell = from.kernel_type() == 1;
  if constexpr (requires { from.diagonal_recurrent_tensors(); })
    to.diagonal = from.diagonal_recurrent_tensors();
  if constexpr (requires { from.cell_clip(); }) {
    to.cell_clip = from.cell_clip();
    to.proj_clip = from.proj_clip();
  }
  return ReadActivation(from.fused_activation_function(), to.activation);
}
Status Read(Source&, const fb::RNNOptions& from, RecurrentOptions& to) {
  return ReadRecurrent(from, to);
}
Status Read(Source&, const fb::SequenceRNNOptions& from, RecurrentOptions& to) {
  return ReadRecurrent(from, to);
}
Status Read(Source&, const fb::BidirectionalSequenceRNNOptions& from, RecurrentOptions& to) {
  return ReadRecurrent(from, to);
}
Status Read(Source&, const fb::LSTMOptions& from, RecurrentOptions& to) {
  HEDDLE_TRY(CheckNumber("kernel_type", from.kernel_type(), 1));
  return ReadRecurrent(from, to);
}
Status Read(Source&, const fb::UnidirectionalSequenceLSTMOptions& from, RecurrentOptions& to) {
  return ReadRecurrent(from, to);
}
Status Read(Source&, const fb::BidirectionalSequenceLSTMOptions& from, RecurrentOptions& to) {
  return ReadRecurrent(from, to);
}

Status Read(Source&, const fb::L2NormOptions& from, L2NormOptions& to) {
  return ReadActivation(from.fused_activation_function(), to.activation);
}

Status Read(Source&, const fb::LocalResponseNormalizationOptions& from, LocalResponseOptions& to) {
  to = {from.radius(), from.bias(), from.alpha(), from.beta()};
  return Status();
}

Status Read(Source&, const fb::SkipGramOptions& from, SkipGramOptions& to) {
  to = {from.ngram_size(), from.max_skip_size(), from.include_all_ngrams()};
  return Status();
}

Status Read(Source&, const fb::SpaceToDepthOptions& from, BlockOptions& to) {
  to.size = from.block_size();
  return Status();
}

Status Read(Source&, const fb::DepthToSpaceOptions& from, BlockOptions& to) {
  to.size = from.block_size();
  return Status();
}

Status Read(Source&, const fb::EmbeddingLookupSparseOptions& from, EmbeddingSparseOptions& to) {
  HEDDLE_TRY(CheckNumber("combiner", from.combiner(), static_cast<int>(Combiner::kSqrtN)));
  to.combiner = static_cast<Combiner>(from.combiner());
  return Status();
}

Status Read(Source&, const fb::LSHProjectionOptions& from, LshOptions& to) {
  HEDDLE_TRY(CheckNumber("type", from.type(), static_cast<int>(LshKind::kDense)));
  to.kind = static_cast<LshKind>(from.type());
  return Status();
}

Status Read(Source&, const fb::ArgMaxOptions& from, IndexTypeOptions& to) {
  return ReadElementType("output_type", from.output_type(), to.type);
}

Status Read(Source&, const fb::ArgMinOptions& from, IndexTypeOptions& to) {
  return ReadElementType("output_type", from.output_type(), to.type);
}

Status Read(Source&, const fb::UniqueOptions& from, IndexTypeOptions& to) {
  return ReadElementType("idx_out_type", from.idx_out_type(), to.type);
}

Status Read(Source&, const fb::FakeQuantOptions& from, FakeQuantOptions& to) {
  to = {from.min(), from.max(), from.num_bits(), from.narrow_range()};
  return Status();
}

Status Read(Source&, const fb::OneHotOptions& from, OneHotOptions& to) {
  to.axis = from.axis();
  return Status();
}

Status Read(Source&, const fb::MirrorPadOptions& from, MirrorPadOptions& to) {
  HEDDLE_TRY(CheckNumber("mode", from.mode(), 1));
  to.symmetric = from.mode() == 1;
  return Status();
}

Status Read(Source&, const fb::SplitVOptions& from, SplitOptions& to) {
  to.num_splits = from.num_splits();
  return Status();
}

Status Read(Source&, const fb::ReverseSequenceOptions& from, ReverseSequenceOptions& to) {
  to = {from.seq_dim(), from.batch_dim()};
  return Status();
}

Status Read(Source&, const fb::BatchMatMulOptions& from, BatchMatMulOptions& to) {
  to = {from.adj_x(), from.adj_y(), from.asymmetric_quantize_inputs()};
  return Status();
}

Status Read(Source&, const fb::CumsumOptions& from, CumsumOptions& to) {
  to = {from.exclusive(), from.reverse()};
  return Status();
}

Status Read(Source&, const fb::HashtableOptions& from, HashTableOptions& to) {
  to.table_id = from.table_id();
  HEDDLE_TRY(ReadElementType("key_dtype", from.key_dtype(), to.key));
  return ReadElementType("value_dtype", from.value_dtype(), to.value);
}

Status Read(Source&, const fb::VarHandleOptions& from, VarHandleOptions& to) {
  if (from.container() != nullptr) to.container = from.container()->str();
  if (from.shared_name() != nullptr) to.shared_name = from.shared_name()->str();
  return Status();
}

Status Read(Source&, const fb::RandomOptions& from, RandomOptions& to) {
  to = {from.seed(), from.seed2()};
  return Status();
}

Status Read(Source& source, const fb::BucketizeOptions& from, BucketizeOptions& to) {
  return source.Copy(from.boundaries(), to.boundaries);
}

Status Read(Source&, const fb::GeluOptions& from, GeluOptions& to) {
  to.approximate = from.approximate();
  return Status();
}

Status Read(Source&, const fb::StablehloRngBitGeneratorOptions& from, RngOptions& to) {
  HEDDLE_TRY(CheckNumber("algorithm", from.algorithm(), static_cast<int>(RngAlgorithm::kThreefry)));
  to.algorithm = static_cast<RngAlgorithm>(from.algorithm());
  return Status();
}

Status Read(Source&, const fb::ReduceWindowOptions& from, ReduceWindowOptions& to) {
  HEDDLE_TRY(CheckNumber("reduce_function", from.reduce_function(),
                         static_cast<int>(ReduceFunction::kAny)));
  to.function = static_cast<ReduceFunction>(from.reduce_function());
  return Status();
}

Status Read(Source& source, const fb::StablehloPadOptions& from, StablehloPadOptions& to) {
  HEDDLE_TRY(source.Copy(from.edge_padding_low(), to.low));
  HEDDLE_TRY(source.Copy(from.edge_padding_high(), to.high));
  return source.Copy(from.interior_padding(), to.interior);
}

Status Read(Source& source, const fb::StablehloGatherOptions& from, StablehloGatherOptions& to) {
  to.index_vector_dim = from.index_vector_dim();
  HEDDLE_TRY(source.Copy(from.offset_dims(), to.offset_dims));
  HEDDLE_TRY(source.Copy(from.collapsed_slice_dims(), to.collapsed_slice_dims));
  HEDDLE_TRY(source.Copy(from.start_index_map(), to.start_index_map));
  return source.Copy(from.slice_sizes(), to.slice_sizes);
}

Status Read(Source& source, const fb::StablehloScatterOptions& from, StablehloScatterOptions& to) {
  to.index_vector_dim = from.index_vector_dim();
  to.body = from.update_computation_subgraph_index();
  HEDDLE_TRY(source.Copy(from.update_window_dims(), to.update_window_dims));
  HEDDLE_TRY(source.Copy(from.inserted_window_dims(), to.inserted_window_dims));
  return source.Copy(from.scatter_dims_to_operand_dims(), to.scatter_dims_to_operand_dims);
}

Status Read(Source& source, const fb::StablehloReduceWindowOptions& from,
            StablehloReduceWindowOptions& to) {
  to.body = from.body_subgraph_index();
  HEDDLE_TRY(source.Copy(from.window_dimensions(), to.dims));
  HEDDLE_TRY(source.Copy(from.window_strides(), to.strides));
  HEDDLE_TRY(source.Copy(from.base_dilations(), to.base_dilations));
  HEDDLE_TRY(source.Copy(from.window_dilations(), to.dilations));
  return source.Copy(from.padding(), to.padding);
}

Status Read(Source&, const fb::StableHLOCompositeOptions& from, CompositeOptions& to) {
  to.body = from.decomposition_subgraph_index();
  if (from.name() != nullptr) to.name = from.name()->str();
  if (from.composite_attributes() != nullptr)
    to.attributes = std::as_bytes(
        std::span(from.composite_attributes()->data(), from.composite_attributes()->size()));
  return Status();
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
#include "model/option_tables.inc"
    default:
      return Status();
  }
#undef HEDDLE_OPTIONS
#undef HEDDLE_OPTIONS_2
}

}  // namespace heddle::core
