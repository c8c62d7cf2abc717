// SPDX-License-Identifier: Apache-2.0
// SignalOverlapAdd.
#include "kernels/movement/operands.h"
#include "kernels/signal/stream.h"

namespace heddle::core {
namespace {

// --- SignalOverlapAdd: overlapping frames -> samples ---

struct OverlapAdd {
  int64_t frame, step;
  KeptRows kept;
  bool is_float = false;
  int64_t frames = 0;  // of a row, in this call

  static Result<OverlapAdd> Read(const Operator& op, const Shape& input, Type type) {
    if (input.rank() < 2)
      return InvalidModel("an input of shape {}, expected frames by samples", input.ToString());
    HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(op.custom_options));
    OverlapAdd o{};
    o.frame = input[input.rank() - 1];
    if (o.frame > kMostSamples)
      return Unsupported("frames of {} samples, expected at most {}", o.frame, kMostSamples);
    HEDDLE_ASSIGN(o.step, flex.Int("frame_step", 1, o.frame));
    const auto bytes = static_cast<int64_t>(TypeBytes(type, o.frame - o.step));
    HEDDLE_ASSIGN(o.kept, KeptRows::Of(input, 2, bytes));
    o.is_float = type == Type::kFloat32;
    return o;
  }
  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const {
    HEDDLE_TRY(kept.CheckShape(in[0], 2));
    const Shape& shape = in[0].shape;
    const int last = shape.rank() - 1;
    if (shape[last] != frame)
      return BadShape(in[0], fmt::format("frames of {} samples as in the file", frame));
    const int64_t samples = shape[last - 1] * step;
    if (samples > std::numeric_limits<int32_t>::max())
      return Unsupported("{} samples in a row of the output", samples);
    out[0] = Shape(shape.dims().first(static_cast<size_t>(last)));
    out[0][last - 1] = static_cast<int32_t>(samples);
    return Status();
  }
  void Lower(std::span<const Operand> in, Step& lowered) const;
};

int16_t SumOf(int16_t a, int16_t b) {
  return static_cast<int16_t>(std::clamp(int32_t{a} + b, -32768, 32767));
}
float SumOf(float a, float b) { return a + b; }

// One tile for each row: its frames follow one another.
template <class T>
TileCode OverlapAddRows(const OverlapAdd& o, const TileArgs& args, TileRange tiles) {
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const T* in = static_cast<const T*>(args.inputs[0]) + row * o.frames * o.frame;
    T* out = static_cast<T*>(args.outputs[0]) + row * o.frames * o.step;
    T* kept = o.kept.Row<T>(args, row);
    for (int64_t f = 0; f < o.frames; ++f, in += o.frame, out += o.step) {
      for (int64_t i = 0; i < o.frame; ++i) {
        const T sum = SumOf(i < o.frame - o.step ? kept[i] : T{0}, in[i]);
        (i < o.step ? out[i] : kept[i - o.step]) = sum;
      }
    }
  }
  return TileCode::kOk;
}

void OverlapAdd::Lower(std::span<const Operand> in, Step& lowered) const {
  OverlapAdd p = *this;
  p.frames = in[0].shape[in[0].shape.rank() - 2];
  const float ns = 20 + static_cast<float>(p.frames * frame);
  if (is_float) {
    SetTiled<&OverlapAddRows<float>>(lowered, p, kept.rows, ns);
  } else {
    SetTiled<&OverlapAddRows<int16_t>>(lowered, p, kept.rows, ns);
  }
}

}  // namespace

size_t OverlapAddMemory(const Operator& op, const Tensor& input) {
  return BytesOf(OverlapAdd::Read(op, input.shape, input.type));
}
MadeOperation MakeSignalOverlapAdd(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Type type = args.inputs[0].type;
  HEDDLE_TRY(CheckStreamTypes(args, type == Type::kFloat32 ? type : Type::kInt16));
  return MakeStream(OverlapAdd::Read(args.op, args.inputs[0].shape, type), "signal_overlap_add");
}

}  // namespace heddle::core
