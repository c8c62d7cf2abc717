// SPDX-License-Identifier: Apache-2.0
// SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND, SPACE_TO_DEPTH, DEPTH_TO_SPACE: blocks of an image spread
// over its batch or its channels, and back.
#include <algorithm>
#include <cstring>

#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int kMostSpatial = 3;  // a box has two axes for each, and batch and channels

// --- SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND ---

// One spatial axis: position `before` + p of blocks * small positions is position p of the image.
struct BlockAxis {
  int64_t blocks = 1;  // positions of a block, each a batch of its own
  int64_t small = 0;   // what is left of the axis once it is cut into blocks
  int64_t image = 0, before = 0;
};

// Positions [first, first + count) of a block, whose image elements are [begin, end) of the small
// axis.
struct BlockSegment {
  int64_t first, count, begin, end;
};

// The image begins and ends inside of a block, so the positions of a block fall into three runs at
// most, each with the same begin and end.
std::vector<BlockSegment> Segments(const BlockAxis& a) {
  int64_t cuts[4] = {0, a.before % a.blocks, (a.before + a.image) % a.blocks, a.blocks};
  std::sort(cuts, cuts + 4);
  std::vector<BlockSegment> segments;
  for (int i = 0; i < 3; ++i) {
    if (cuts[i] == cuts[i + 1]) continue;
    const auto reach = [&](int64_t position) {
      return std::clamp<int64_t>((position - cuts[i] + a.blocks - 1) / a.blocks, 0, a.small);
    };
    segments.push_back(
        {cuts[i], cuts[i + 1] - cuts[i], reach(a.before), reach(a.before + a.image)});
  }
  return segments;
}

// The spatial axes of an image [batch, spatial..., channels...] and its blocks.
struct BlockSpec {
  int64_t batch = 0, channels = 1;
  int spatial = 0;
  std::array<BlockAxis, kMostSpatial> axes{};

  Shape Spatial(int64_t first, int64_t BlockAxis::* size, const Shape& like) const {
    Shape shape = like;
    shape[0] = static_cast<int32_t>(first);
    for (int i = 0; i < spatial; ++i) shape[i + 1] = static_cast<int32_t>(axes[i].*size);
    return shape;
  }
};

// A box that copies from the image to the blocks: axes block positions, batch, small axes,
// channels.
struct BlockBox {
  int64_t image = 0, blocks = 0;  // offsets
  Shape dims;
  Strides image_stride{}, block_stride{};

  void Add(int64_t size, int64_t of_image, int64_t of_blocks) {
    image_stride[dims.rank()] = of_image;
    block_stride[dims.rank()] = of_blocks;
    dims.Append(static_cast<int32_t>(size));
  }
};

// Calls f(box, padding) for boxes that cover the blocks; padding: of positions outside of the
// image.
template <class F>
void ForEachBlockBox(const BlockSpec& s, const Shape& image, const Shape& blocks, const F& f) {
  const Strides si = RowMajor(image), sb = RowMajor(blocks);
  std::array<std::vector<BlockSegment>, kMostSpatial> segments;
  int64_t choices = 1;
  for (int i = 0; i < s.spatial; ++i) {
    segments[i] = Segments(s.axes[i]);
    choices *= static_cast<int64_t>(segments[i].size());
  }
  for (int64_t choice = 0; choice < choices; ++choice) {
    BlockBox box;
    std::array<BlockSegment, kMostSpatial> at;
    int64_t rest = choice, weight = s.batch * sb[0];
    for (int i = s.spatial - 1; i >= 0; --i) {
      const int64_t n = static_cast<int64_t>(segments[i].size());
      at[i] = segments[i][rest % n];
      rest /= n;
      box.Add(at[i].count, si[i + 1], weight);
      box.blocks += at[i].first * weight;
      box.image += (at[i].first - s.axes[i].before) * si[i + 1];
      weight *= s.axes[i].blocks;
    }
    box.Add(s.batch, si[0], sb[0]);
    const int first = box.dims.rank();
    for (int i = 0; i < s.spatial; ++i) {
      box.Add(s.axes[i].small, s.axes[i].blocks * si[i + 1], sb[i + 1]);
    }
    box.Add(s.channels, 1, 1);
    for (int i = 0; i < s.spatial; ++i) {
      const auto cut = [&](int64_t begin, int64_t end) {
        BlockBox part = box;
        part.dims[first + i] = static_cast<int32_t>(end - begin);
        part.blocks += begin * part.block_stride[first + i];
        part.image += begin * part.image_stride[first + i];
        return part;
      };
      f(cut(0, at[i].begin), true);
      f(cut(at[i].end, s.axes[i].small), true);
      box = cut(at[i].begin, at[i].end);
    }
    f(box, false);
  }
}

class BlocksOfBatch : public Operation {
 public:
  uint32_t ValueInputs() const final { return 2 | 4; }

 protected:
  // Block sizes, and two values for each of them: paddings or crops.
  struct Values {
    IntList blocks, edges;
  };
  static Result<Values> ReadValues(std::span<const Operand> inputs, const char* role) {
    const Operand &block = inputs[1], &edge = inputs[2];
    const int rank = inputs[0].shape.rank();
    Values v;
    HEDDLE_ASSIGN(v.blocks, ReadInts(block, "block shape"));
    HEDDLE_ASSIGN(v.edges, ReadInts(edge, role));
    if (block.shape.rank() != 1 || v.blocks.size < 1 || v.blocks.size > kMostSpatial ||
        v.blocks.size >= rank) {
      return BadValue(block, "block shape '{}' has shape {}, expected 1 to {} (input shape {})",
                      block.name, block.shape.ToString(), std::min(kMostSpatial, rank - 1),
                      inputs[0].shape.ToString());
    }
    if (!(edge.shape == Shape{v.blocks.size, 2})) {
      return BadValue(edge, "{} '{}' have shape {}, expected {}x2", role, edge.name,
                      edge.shape.ToString(), v.blocks.size);
    }
    for (int i = 0; i < v.blocks.size; ++i) {
      if (v.blocks[i] >= 1 && v.blocks[i] <= INT32_MAX) continue;
      return BadValue(block, "block size {} is {}, expected 1 to 2^31 - 1", i, v.blocks[i]);
    }
    for (int i = 0; i < v.edges.size; ++i) {
      if (v.edges[i] >= 0 && v.edges[i] <= INT32_MAX) continue;
      return BadValue(edge, "value {} of {} '{}' is {}, expected 0 to 2^31 - 1", i, role, edge.name,
                      v.edges[i]);
    }
    return v;
  }
};

class SpaceToBatch final : public BlocksOfBatch {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const BlockSpec s, Resolve(inputs));
    int64_t batch = s.batch;
    for (int i = 0; i < s.spatial; ++i) {
      if (__builtin_mul_overflow(batch, s.axes[i].blocks, &batch) || batch > INT32_MAX) {
        return BadValue(inputs[1], "blocks '{}' give the output a batch of 2^31 or more",
                        inputs[1].name);
      }
    }
    outputs[0] = s.Spatial(batch, &BlockAxis::small, inputs[0].shape);
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const BlockSpec s, Resolve(inputs));
    const Operand& output = outputs[0];
    CopySpec spec;
    spec.type = output.type;
    const int32_t zero = output.quant->ZeroPoint();
    std::memcpy(spec.fill.data(), &zero, sizeof(zero));  // little-endian: the low bytes count
    if (output.shape.elements() > 0) {
      ForEachBlockBox(s, inputs[0].shape, output.shape, [&](const BlockBox& b, bool padding) {
        if (b.dims.elements() == 0) return;
        CopyBox box;
        box.dims = b.dims;
        box.out_offset = b.blocks;
        box.out_stride = b.block_stride;
        box.input = padding ? CopyBox::kFill : 0;
        if (!padding) box.in_offset = b.image, box.in_stride = b.image_stride;
        spec.boxes.push_back(box);
      });
    }
    LowerCopy(spec, step);
    return Status();
  }

 private:
  static Result<BlockSpec> Resolve(std::span<const Operand> inputs) {
    HEDDLE_ASSIGN(const Values v, ReadValues(inputs, "paddings"));
    const Shape& shape = inputs[0].shape;
    BlockSpec s;
    s.batch = shape[0];
    s.spatial = v.blocks.size;
    s.channels = shape.Product(s.spatial + 1, shape.rank());
    for (int i = 0; i < s.spatial; ++i) {
      const int64_t padded = shape[i + 1] + v.edges[2 * i] + v.edges[2 * i + 1];
      if (padded % v.blocks[i] != 0 || padded > INT32_MAX) {
        return BadValue(inputs[1],
                        "padded axis {} has size {}, expected a multiple of {} (block) below 2^31",
                        i + 1, padded, v.blocks[i]);
      }
      s.axes[i] = {v.blocks[i], padded / v.blocks[i], shape[i + 1], v.edges[2 * i]};
    }
    return s;
  }
};

class BatchToSpace final : public BlocksOfBatch {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const BlockSpec s, Resolve(inputs));
    outputs[0] = s.Spatial(s.batch, &BlockAxis::image, inputs[0].shape);
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const BlockSpec s, Resolve(inputs));
    CopySpec spec;
    spec.type = outputs[0].type;
    if (outputs[0].shape.elements() > 0) {
      ForEachBlockBox(s, outputs[0].shape, inputs[0].shape, [&](const BlockBox& b, bool cropped) {
        if (cropped || b.dims.elements() == 0) return;
        CopyBox box;
        box.dims = b.dims;
        box.in_offset = b.blocks;
        box.in_stride = b.block_stride;
        box.out_offset = b.image;
        box.out_stride = b.image_stride;
        spec.boxes.push_back(box);
      });
    }
    LowerCopy(spec, step);
    return Status();
  }

 private:
  static Result<BlockSpec> Resolve(std::span<const Operand> inputs) {
    HEDDLE_ASSIGN(const Values v, ReadValues(inputs, "crops"));
    const Shape& shape = inputs[0].shape;
    BlockSpec s;
    s.spatial = v.blocks.size;
    s.channels = shape.Product(s.spatial + 1, shape.rank());
    s.batch = shape[0];
    for (int i = 0; i < s.spatial; ++i) {
      if (s.batch % v.blocks[i] != 0) {
        return BadValue(inputs[1], "input '{}' has batch {}, expected a multiple of the block",
                        inputs[0].name, shape[0]);
      }
      s.batch /= v.blocks[i];
      const int64_t whole = shape[i + 1] * v.blocks[i];
      const int64_t image = whole - v.edges[2 * i] - v.edges[2 * i + 1];
      if (image < 0 || image > INT32_MAX) {
        return BadValue(inputs[2], "crops take {} and {} of axis {} of size {}, expected fewer",
                        v.edges[2 * i], v.edges[2 * i + 1], i + 1, whole);
      }
      s.axes[i] = {v.blocks[i], shape[i + 1], image, v.edges[2 * i]};
    }
    return s;
  }
};

// --- SPACE_TO_DEPTH, DEPTH_TO_SPACE ---

class Depth final : public Operation {
 public:
  Depth(int32_t block, bool to_depth) : block_(block), to_depth_(to_depth) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& in = inputs[0].shape;
    const int64_t block = block_;
    if (in.rank() != 4) {
      return InvalidModel("input '{}' has shape {}, expected rank 4", inputs[0].name,
                          in.ToString());
    }
    const bool fits =
        to_depth_ ? in[1] % block == 0 && in[2] % block == 0 : in[3] % (block * block) == 0;
    if (!fits) {
      return InvalidModel("input '{}' has shape {}, expected {} (block size {})", inputs[0].name,
                          in.ToString(),
                          to_depth_ ? "height and width that the block divides"
                                    : "channels that the square of the block divides",
                          block);
    }
    const int64_t sizes[3] = {to_depth_ ? in[1] / block : in[1] * block,
                              to_depth_ ? in[2] / block : in[2] * block,
                              to_depth_ ? in[3] * block * block : in[3] / (block * block)};
    outputs[0] = in;
    for (int i = 0; i < 3; ++i) {
      if (sizes[i] > INT32_MAX) {
        return InvalidModel("axis {} of the output would have size {}, expected less than 2^31",
                            i + 1, sizes[i]);
      }
      outputs[0][i + 1] = static_cast<int32_t>(sizes[i]);
    }
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    CopySpec spec;
    spec.type = inputs[0].type;
    if (outputs[0].shape.elements() > 0) {
      const Shape& wide = to_depth_ ? inputs[0].shape : outputs[0].shape;
      const Shape& deep = to_depth_ ? outputs[0].shape : inputs[0].shape;
      const Strides sw = RowMajor(wide), sd = RowMajor(deep);
      CopyBox box;
      box.dims = {deep[0], deep[1], deep[2], block_, block_, wide[3]};
      const Strides of_wide = {sw[0], block_ * sw[1], block_ * sw[2], sw[1], sw[2], 1};
      const Strides of_deep = {sd[0], sd[1], sd[2], int64_t{block_} * wide[3], wide[3], 1};
      box.in_stride = to_depth_ ? of_wide : of_deep;
      box.out_stride = to_depth_ ? of_deep : of_wide;
      spec.boxes = {box};
    }
    LowerCopy(spec, step);
    return Status();
  }

 private:
  const int32_t block_;
  const bool to_depth_;
};

Status CheckBlocksOfBatch(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  HEDDLE_TRY(CheckIndexType(args.inputs[1]));
  return CheckIndexType(args.inputs[2]);
}

MadeOperation MakeDepth(const MakeArgs& args, bool to_depth) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  const int32_t block = args.op.OptionsOr<BlockOptions>().size;
  if (block < 1) return InvalidModel("block size is {}, expected at least 1", block);
  return MadeOperation(std::make_unique<Depth>(block, to_depth));
}

}  // namespace

MadeOperation MakeSpaceToBatchNd(const MakeArgs& args) {
  HEDDLE_TRY(CheckBlocksOfBatch(args));
  return MadeOperation(std::make_unique<SpaceToBatch>());
}

MadeOperation MakeBatchToSpaceNd(const MakeArgs& args) {
  HEDDLE_TRY(CheckBlocksOfBatch(args));
  return MadeOperation(std::make_unique<BatchToSpace>());
}

MadeOperation MakeSpaceToDepth(const MakeArgs& args) { return MakeDepth(args, true); }

MadeOperation MakeDepthToSpace(const MakeArgs& args) { return MakeDepth(args, false); }

}  // namespace heddle::core
