// SPDX-License-Identifier: Apache-2.0
// SignalStacker.
#include "kernels/movement/operands.h"
#include "kernels/signal/stream.h"

namespace heddle::core {
namespace {

// --- SignalStacker: frames -> a few of them together, and whether they are complete ---

struct Stacker {
  int64_t channels, left, right, step;
  KeptRows kept;
  int64_t frames() const { return left + 1 + right; }  // of an output

  static Result<Stacker> Read(const Operator& op, const Shape& input) {
    constexpr int64_t kMostFrames = 1 << 12;
    HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(op.custom_options));
    Stacker s{};
    HEDDLE_ASSIGN(s.channels, flex.Int("num_channels", 1, kMostSamples / (2 * kMostFrames)));
    HEDDLE_ASSIGN(s.left, flex.Int("stacker_left_context", 0, kMostFrames));
    HEDDLE_ASSIGN(s.right, flex.Int("stacker_right_context", 0, kMostFrames));
    HEDDLE_ASSIGN(s.step, flex.Int("stacker_step", 1, s.frames()));
    const int64_t samples = (s.frames() - 1) * s.channels;
    HEDDLE_ASSIGN(s.kept, KeptRows::Of(input, 1, samples * static_cast<int64_t>(sizeof(int16_t))));
    return s;
  }
  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const {
    HEDDLE_TRY(CheckLength(in[0], channels));
    out[0] = {static_cast<int32_t>(frames() * channels)};
    out[1] = Shape();
    return Status();
  }
  void Lower(std::span<const Operand> in, Step& lowered) const;
};

// How far a stacker is.
struct StackerState {
  int32_t started = 0;
  int32_t frames = 0;  // kept, the oldest first
};
static_assert(sizeof(StackerState) == KeptRows::kHeader);

TileCode StackerTile(const Stacker& s, const TileArgs& args, TileRange) {
  StackerState state;
  std::memcpy(&state, args.memory, sizeof(state));
  const auto* in = static_cast<const int16_t*>(args.inputs[0]);
  auto* out = static_cast<int16_t*>(args.outputs[0]);
  auto* kept = s.kept.Row<int16_t>(args, 0);
  const int64_t before = std::clamp<int64_t>(state.frames, 0, s.frames() - 1);
  // The first frame of all stands for those that would be left of it, too.
  const int64_t copies = state.started != 0 ? 1 : std::min(s.left + 1, s.frames() - before);
  const bool complete = before + copies == s.frames();
  int16_t* to = complete ? std::copy_n(kept, before * s.channels, out) : kept + before * s.channels;
  for (int64_t i = 0; i < copies; ++i) to = std::copy_n(in, s.channels, to);
  const int64_t skipped = complete ? s.step : 0;
  if (complete) {
    std::copy(out + s.step * s.channels, out + s.frames() * s.channels, kept);
  } else {
    std::fill_n(out, s.frames() * s.channels, int16_t{0});
  }
  *static_cast<bool*>(args.outputs[1]) = complete;
  state = {1, static_cast<int32_t>(before + copies - skipped)};
  std::memcpy(args.memory, &state, sizeof(state));
  return TileCode::kOk;
}

void Stacker::Lower(std::span<const Operand>, Step& lowered) const {
  SetTiled<&StackerTile>(lowered, *this, 1, 20 + 0.5f * static_cast<float>(frames() * channels));
}

}  // namespace

size_t StackerMemory(const Operator& op, const Tensor& input) {
  return BytesOf(Stacker::Read(op, input.shape));
}
MadeOperation MakeSignalStacker(const MakeArgs& args) {
  HEDDLE_TRY(CheckStreamTypes(args, Type::kInt16, Type::kBool));
  return MakeStream(Stacker::Read(args.op, args.inputs[0].shape), "signal_stacker");
}

}  // namespace heddle::core
