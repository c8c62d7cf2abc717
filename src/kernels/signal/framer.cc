// SPDX-License-Identifier: Apache-2.0
// SignalFramer and SignalDelay.
#include "kernels/movement/operands.h"
#include "kernels/signal/stream.h"

namespace heddle::core {
namespace {

// --- SignalFramer: samples -> overlapping frames, and whether all of them are frames ---

struct Framer {
  int64_t frame, step;
  bool prefill;
  KeptRows kept;
  int64_t length = 0;     // of a row, in this call
  int64_t past() const {  // samples kept of each row
    return prefill ? frame - step : (frame - 1) / step * step;
  }

  static Result<Framer> Read(const Operator& op, const Shape& input) {
    HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(op.custom_options));
    Framer f{};
    HEDDLE_ASSIGN(f.frame, flex.Int("frame_size", 1, kMostSamples));
    HEDDLE_ASSIGN(f.step, flex.Int("frame_step", 1, f.frame));
    HEDDLE_ASSIGN(f.prefill, flex.Bool("prefill", false));
    HEDDLE_ASSIGN(f.kept, KeptRows::Of(input, 1, f.past() * static_cast<int64_t>(sizeof(int16_t))));
    return f;
  }
  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const {
    HEDDLE_TRY(kept.CheckShape(in[0], 1));
    const int last = in[0].shape.rank() - 1;
    const int32_t samples = in[0].shape[last];
    if (samples < step || samples % step != 0)
      return BadShape(in[0], fmt::format("a multiple of {} samples (frame_step)", step));
    out[0] = in[0].shape;
    out[0][last] = static_cast<int32_t>(samples / step);
    HEDDLE_TRY(AppendDim(out[0], static_cast<int32_t>(frame)));
    out[1] = Shape();
    return Status();
  }
  void Lower(std::span<const Operand> in, Step& lowered) const;
  // Samples of each row that are known: came, or are the zeros that a prefilled one begins with.
  int64_t Filled(const TileArgs& args) const {
    int64_t filled;
    std::memcpy(&filled, args.memory, sizeof(filled));
    return prefill ? past() : std::clamp<int64_t>(filled, 0, past());
  }
};

// One tile for each row. A frame that would begin before the first sample is all zeros.
TileCode FramerRows(const Framer& f, const TileArgs& args, TileRange tiles) {
  const int64_t frames = f.length / f.step, past = f.past();
  const int64_t missing = past - f.Filled(args);
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const auto* in = static_cast<const int16_t*>(args.inputs[0]) + row * f.length;
    auto* out = static_cast<int16_t*>(args.outputs[0]) + row * frames * f.frame;
    auto* kept = f.kept.Row<int16_t>(args, row);
    for (int64_t i = 0; i < frames; ++i, out += f.frame) {
      if (i * f.step >= missing) {
        CopyJoined(kept, past, in, i * f.step, f.frame, out);
      } else {
        std::fill_n(out, f.frame, int16_t{0});
      }
    }
    Slide(kept, past, in, f.length);
  }
  return TileCode::kOk;
}

TileCode FramerCount(const Framer& f, const TileArgs& args, TileRange) {
  const int64_t filled = f.Filled(args);
  *static_cast<bool*>(args.outputs[1]) = filled >= f.past();
  const int64_t now = std::min(filled + f.length, f.past());
  std::memcpy(args.memory, &now, sizeof(now));
  return TileCode::kOk;
}

void Framer::Lower(std::span<const Operand> in, Step& lowered) const {
  Framer p = *this;
  p.length = in[0].shape[in[0].shape.rank() - 1];
  const auto copied = static_cast<float>(p.length / step * frame);
  SetTiled<&FramerRows>(lowered, p, kept.rows, 20 + 0.2f * copied);
  lowered.kind = StepKind::kPhased;
  lowered.phases.push_back({Erase<&FramerCount>(), 1, 5});
}

// --- SignalDelay: samples -> those of `delay` earlier ---

struct Delay {
  int64_t delay;
  KeptRows kept;
  int64_t length = 0;

  static Result<Delay> Read(const Operator& op, const Shape& input) {
    HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(op.custom_options));
    Delay d{};
    HEDDLE_ASSIGN(d.delay, flex.Int("delay_length", 0, kMostSamples));
    HEDDLE_ASSIGN(d.kept, KeptRows::Of(input, 1, d.delay * static_cast<int64_t>(sizeof(int16_t))));
    return d;
  }
  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const {
    out[0] = in[0].shape;
    return kept.CheckShape(in[0], 1);
  }
  void Lower(std::span<const Operand> in, Step& lowered) const;
};

TileCode DelayRows(const Delay& d, const TileArgs& args, TileRange tiles) {
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const auto* in = static_cast<const int16_t*>(args.inputs[0]) + row * d.length;
    auto* kept = d.kept.Row<int16_t>(args, row);
    CopyJoined(kept, d.delay, in, 0, d.length,
               static_cast<int16_t*>(args.outputs[0]) + row * d.length);
    Slide(kept, d.delay, in, d.length);
  }
  return TileCode::kOk;
}

void Delay::Lower(std::span<const Operand> in, Step& lowered) const {
  Delay p = *this;
  p.length = in[0].shape[in[0].shape.rank() - 1];
  SetTiled<&DelayRows>(lowered, p, kept.rows, 20 + 0.2f * static_cast<float>(delay + p.length));
}

}  // namespace

size_t FramerMemory(const Operator& op, const Tensor& input) {
  return BytesOf(Framer::Read(op, input.shape));
}
MadeOperation MakeSignalFramer(const MakeArgs& args) {
  HEDDLE_TRY(CheckStreamTypes(args, Type::kInt16, Type::kBool));
  return MakeStream(Framer::Read(args.op, args.inputs[0].shape), "signal_framer");
}

size_t DelayMemory(const Operator& op, const Tensor& input) {
  return BytesOf(Delay::Read(op, input.shape));
}
MadeOperation MakeSignalDelay(const MakeArgs& args) {
  HEDDLE_TRY(CheckStreamTypes(args, Type::kInt16));
  return MakeStream(Delay::Read(args.op, args.inputs[0].shape), "signal_delay");
}

}  // namespace heddle::core
