// SPDX-License-Identifier: Apache-2.0
// Sparse constants: levels of nested loops, dense or compressed, that say where each value belongs.
// A split axis counts twice: as itself, divided by the block, and as the axis inside the block.
#include <limits>

#include "model/reader.h"
#include "model/source.h"

namespace heddle::core {
namespace {

using Level = Sparsity::Level;

Status CopyNumbers(Source& source, uint8_t kind, const void* from, std::vector<int32_t>& to) {
  if (from == nullptr) return InvalidModel("numbers are missing");
  switch (kind) {
    case fb::SparseIndexVector_Int32Vector:
      return source.Copy(static_cast<const fb::Int32Vector*>(from)->values(), to);
    case fb::SparseIndexVector_Uint16Vector:
      return source.Copy(static_cast<const fb::Uint16Vector*>(from)->values(), to);
    case fb::SparseIndexVector_Uint8Vector:
      return source.Copy(static_cast<const fb::Uint8Vector*>(from)->values(), to);
    default:
      return InvalidModel("numbers of kind {}, expected 1 to 3", kind);
  }
}

Status ReadLevel(Source& source, const fb::DimensionMetadata& from, Level& to) {
  if (from.format() != 0 && from.format() != 1)
    return InvalidModel("format: number {}, expected 0 or 1", from.format());
  to.dense = from.format() == 0;
  to.size = from.dense_size();
  if (to.dense) return Status();
  HEDDLE_TRY(
      Within(CopyNumbers(source, from.array_segments_type(), from.array_segments(), to.segments),
             "segments"));
  return Within(CopyNumbers(source, from.array_indices_type(), from.array_indices(), to.indices),
                "indices");
}

// traversal_order is a permutation of the axes and the axes inside blocks; every block is of an
// axis.
Status CheckAxes(const Sparsity& s, int rank) {
  const size_t axes = static_cast<size_t>(rank) + s.block_map.size();
  if (s.traversal_order.size() != axes || s.levels.size() != axes)
    return InvalidModel("sparsity: {} axes in {} levels, expected {}", s.traversal_order.size(),
                        s.levels.size(), axes);
  std::vector<bool> seen(axes);
  for (int32_t axis : s.traversal_order) {
    if (axis < 0 || static_cast<size_t>(axis) >= axes || seen[axis])
      return InvalidModel("sparsity: axis {}, expected each of 0 to {} once", axis,
                          int64_t(axes) - 1);
    seen[axis] = true;
  }
  for (int32_t axis : s.block_map)
    if (axis < 0 || axis >= rank)
      return InvalidModel("sparsity: block of axis {}, expected 0 to {}", axis, rank - 1);
  return Status();
}

// The size that each axis has as a level: those inside blocks are said by their level, which is
// dense; the others are what the blocks leave of the shape.
Status LevelSizes(const Sparsity& s, const Shape& shape, std::vector<int32_t>& sizes) {
  sizes.assign(shape.dims().begin(), shape.dims().end());
  sizes.resize(s.levels.size());
  for (size_t i = 0; i < s.levels.size(); ++i) {
    const int32_t axis = s.traversal_order[i];
    if (axis < shape.rank()) continue;
    const Level& level = s.levels[i];
    int32_t& outer = sizes[s.block_map[axis - shape.rank()]];
    if (!level.dense || level.size <= 0 || outer % level.size != 0)
      return InvalidModel("sparsity: level {}: block of {}, expected a dense divisor of {}", i,
                          level.size, outer);
    outer /= level.size;
    sizes[axis] = level.size;
  }
  return Status();
}

Status CheckCompressed(const Level& level, int32_t size, int64_t parents) {
  const std::vector<int32_t>& segments = level.segments;
  if (static_cast<int64_t>(segments.size()) != parents + 1)
    return InvalidModel("{} segments, expected {}", segments.size(), parents + 1);
  int32_t last = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i] < last || (i == 0 && segments[i] != 0))
      return InvalidModel("segment {} at {}, expected {}", i, segments[i],
                          i == 0 ? "0" : fmt::format("{} or more", last));
    last = segments[i];
  }
  if (static_cast<size_t>(last) != level.indices.size())
    return InvalidModel("{} indices, expected {}", level.indices.size(), last);
  for (int32_t index : level.indices)
    if (index < 0 || index >= size)
      return InvalidModel("index {}, expected 0 to {}", index, size - 1);
  return Status();
}

Status CheckLevels(const Sparsity& s, const std::vector<int32_t>& sizes, int64_t* stored) {
  int64_t count = 1;
  for (size_t i = 0; i < s.levels.size(); ++i) {
    const Level& level = s.levels[i];
    const int32_t size = sizes[s.traversal_order[i]];
    if (!level.dense) {
      HEDDLE_TRY(Within(CheckCompressed(level, size, count), "sparsity, level {}", i));
      count = static_cast<int64_t>(level.indices.size());
      continue;
    }
    if (level.size != size)
      return InvalidModel("sparsity, level {}: size {}, expected {}", i, level.size, size);
    if (size != 0 && count > std::numeric_limits<int32_t>::max() / size)
      return InvalidModel("sparsity, level {}: more than 2^31 values", i);
    count *= size;
  }
  *stored = count;
  return Status();
}

}  // namespace

Status ReadSparsity(Source& source, const fb::SparsityParameters& from, Tensor& tensor,
                    int64_t* stored) {
  Sparsity& s = tensor.sparsity.emplace_back();
  HEDDLE_TRY(source.Copy(from.traversal_order(), s.traversal_order));
  HEDDLE_TRY(source.Copy(from.block_map(), s.block_map));
  const size_t levels = FbSize(from.dim_metadata());
  HEDDLE_TRY(source.Take(levels, sizeof(Level)));
  s.levels.resize(levels);
  for (size_t i = 0; i < levels; ++i) {
    const fb::DimensionMetadata& level = *from.dim_metadata()->Get(static_cast<uint32_t>(i));
    HEDDLE_TRY(Within(ReadLevel(source, level, s.levels[i]), "sparsity, level {}", i));
  }
  HEDDLE_TRY(CheckAxes(s, tensor.shape.rank()));
  std::vector<int32_t> sizes;
  HEDDLE_TRY(LevelSizes(s, tensor.shape, sizes));
  return CheckLevels(s, sizes, stored);
}

}  // namespace heddle::core
