// SPDX-License-Identifier: Apache-2.0
// Quantisation of a tensor: one scale, one per index of an axis, or one per block (another tensor).
#include <cmath>
#include <limits>

#include "model/reader.h"
#include "model/source.h"

namespace heddle::core {
namespace {

struct Limits {
  int64_t least, most;
};

// Zero points are values of the tensor's type.
Limits ZeroPointLimits(Type type) {
  switch (type) {
    case Type::kInt2:
      return {-2, 1};
    case Type::kInt4:
      return {-8, 7};
    case Type::kUInt4:
      return {0, 15};
    case Type::kInt8:
      return {-128, 127};
    case Type::kUInt8:
      return {0, 255};
    case Type::kInt16:
      return {-32768, 32767};
    case Type::kUInt16:
      return {0, 65535};
    default:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  }
}

Status CheckAffine(const Tensor& tensor) {
  const Quantization& q = tensor.quant;
  if (q.zero_point.size() != q.scale.size())
    return InvalidModel("{} zero points, expected {} (as many as scales)", q.zero_point.size(),
                        q.scale.size());
  if (q.scale.size() > 1) {
    const int64_t size = tensor.shape.rank() > 0 ? tensor.shape[q.axis] : 1;
    if (static_cast<int64_t>(q.scale.size()) != size)
      return InvalidModel("{} scales, expected 1 or {} (the size of axis {})", q.scale.size(), size,
                          q.axis);
  }
  for (float scale : q.scale)
    if (!std::isfinite(scale)) return InvalidModel("scale {}, expected a finite one", scale);
  const Limits limits = ZeroPointLimits(tensor.type);
  for (int64_t zero : q.zero_point)
    if (zero < limits.least || zero > limits.most)
      return InvalidModel("zero point {}, expected {} to {} ({})", zero, limits.least, limits.most,
                          TypeName(tensor.type));
  return Status();
}

Status CheckIndex(const char* what, int32_t index, int32_t least, size_t tensors) {
  if (index < least || (index >= 0 && static_cast<size_t>(index) >= tensors))
    return InvalidModel("{}: tensor index {}, expected {} to {}", what, index, least,
                        int64_t(tensors) - 1);
  return Status();
}

Status CheckPerBlock(const char* what, const Tensor& values, int64_t blocks) {
  if (!values.constant || !values.sparsity.empty())
    return InvalidModel("{}: '{}' is not a dense constant", what, Short(values.name));
  if (values.shape.elements() != blocks)
    return InvalidModel("{}: {} values, expected {}", what, values.shape.elements(), blocks);
  return Status();
}

Status ReadBlocks(const fb::BlockwiseQuantization& from, size_t tensors, Quantization& q) {
  if (from.block_size() <= 0)
    return InvalidModel("block size {}, expected 1 or more", from.block_size());
  HEDDLE_TRY(CheckIndex("block scales", from.scales(), 0, tensors));
  HEDDLE_TRY(CheckIndex("block zero points", from.zero_points(), -1, tensors));
  q.block = from.block_size();
  q.block_scales = from.scales();
  // Files that name no zero points leave the field at 0.
  if (from.zero_points() > 0) q.block_zero_points = from.zero_points();
  return Status();
}

}  // namespace

Status ReadQuantization(Source& source, const fb::QuantizationParameters& from, size_t tensors,
                        Tensor& tensor) {
  Quantization& q = tensor.quant;
  HEDDLE_TRY(source.Copy(from.min(), q.min));
  HEDDLE_TRY(source.Copy(from.max(), q.max));
  if (from.details_as_MultiAxisQuantization() != nullptr)
    return Unsupported("along several axes is not supported");
  const auto* blocks = from.details_as_BlockwiseQuantization();
  if (blocks == nullptr && FbSize(from.scale()) == 0) return Status();
  q.axis = from.quantized_dimension();
  if (q.axis < 0 || (q.axis > 0 && q.axis >= tensor.shape.rank()))
    return InvalidModel("axis {}, expected 0 to {}", q.axis, tensor.shape.rank() - 1);
  if (blocks != nullptr) return ReadBlocks(*blocks, tensors, q);
  HEDDLE_TRY(source.Copy(from.scale(), q.scale));
  HEDDLE_TRY(source.Copy(from.zero_point(), q.zero_point));
  return CheckAffine(tensor);
}

Status LinkBlocks(const std::vector<Tensor>& tensors, Tensor& tensor) {
  Quantization& q = tensor.quant;
  if (q.block == 0) return Status();
  const int rank = tensor.shape.rank();
  const int32_t depth = rank > 0 ? tensor.shape[rank - 1] : 0;
  if (depth % q.block != 0)
    return InvalidModel("block size {}, expected a divisor of {} (the last axis)", q.block, depth);
  const int64_t blocks = tensor.shape.elements() / q.block;
  HEDDLE_TRY(CheckPerBlock("block scales", tensors[q.block_scales], blocks));
  if (tensors[q.block_scales].type != Type::kFloat16)
    return Unsupported("block scales: {}, expected float16",
                       TypeName(tensors[q.block_scales].type));
  q.block_scale_data = tensors[q.block_scales].data;
  if (q.block_zero_points >= 0)
    return CheckPerBlock("block zero points", tensors[q.block_zero_points], blocks);
  return Status();
}

}  // namespace heddle::core
