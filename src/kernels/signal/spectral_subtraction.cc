// SPDX-License-Identifier: Apache-2.0
// SignalFilterBankSpectralSubtraction: noise is estimated as it goes.
#include "kernels/movement/operands.h"
#include "kernels/signal/stream.h"

namespace heddle::core {
namespace {

// --- SignalFilterBankSpectralSubtraction: channels -> channels without noise, and the noise ---

struct Subtraction {
  uint32_t smoothing[2], rest[2];  // of even channels and odd ones
  uint32_t least;                  // of the signal that remains
  int smoothing_bits, bits;
  bool clamping;
  KeptRows kept;  // the noise, as in the output
  int64_t channels;

  static Result<Subtraction> Read(const Operator& op, const Shape& input) {
    HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(op.custom_options));
    Subtraction s{};
    const auto read = [&flex](const char* name, int64_t most, auto* to) {
      HEDDLE_ASSIGN(const int64_t value, flex.Int(name, 0, most));
      *to = static_cast<std::remove_pointer_t<decltype(to)>>(value);
      return Status();
    };
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    HEDDLE_TRY(read("num_channels", kMostSamples, &s.channels));
    HEDDLE_TRY(read("smoothing", kMost, &s.smoothing[0]));
    HEDDLE_TRY(read("one_minus_smoothing", kMost, &s.rest[0]));
    HEDDLE_TRY(read("alternate_smoothing", kMost, &s.smoothing[1]));
    HEDDLE_TRY(read("alternate_one_minus_smoothing", kMost, &s.rest[1]));
    HEDDLE_TRY(read("min_signal_remaining", kMost, &s.least));
    HEDDLE_TRY(read("smoothing_bits", 31, &s.smoothing_bits));
    HEDDLE_TRY(read("spectral_subtraction_bits", 63, &s.bits));
    HEDDLE_ASSIGN(s.clamping, flex.Bool("clamping", false));
    HEDDLE_ASSIGN(s.kept,
                  KeptRows::Of(input, 1, s.channels * static_cast<int64_t>(sizeof(uint32_t))));
    return s;
  }
  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const {
    HEDDLE_TRY(CheckLength(in[0], channels));
    out[0] = out[1] = in[0].shape;
    return Status();
  }
  void Lower(std::span<const Operand> in, Step& lowered) const;
};

TileCode SubtractionTile(const Subtraction& s, const TileArgs& args, TileRange) {
  const auto* in = static_cast<const uint32_t*>(args.inputs[0]);
  auto* out = static_cast<uint32_t*>(args.outputs[0]);
  auto* noise = s.kept.Row<uint32_t>(args, 0);
  for (int64_t i = 0; i < s.channels; ++i) {
    const uint32_t signal = in[i] << s.smoothing_bits;
    const uint64_t smoothed =
        uint64_t{signal} * s.smoothing[i & 1] + uint64_t{noise[i]} * s.rest[i & 1];
    const auto estimate = static_cast<uint32_t>(smoothed >> s.bits);
    const uint32_t subtracted = std::min(estimate, signal);
    noise[i] = s.clamping ? subtracted : estimate;
    const auto floor = static_cast<uint32_t>((uint64_t{in[i]} * s.least) >> s.bits);
    out[i] = std::max((signal - subtracted) >> s.smoothing_bits, floor);
  }
  std::copy_n(noise, s.channels, static_cast<uint32_t*>(args.outputs[1]));
  return TileCode::kOk;
}

void Subtraction::Lower(std::span<const Operand>, Step& lowered) const {
  SetTiled<&SubtractionTile>(lowered, *this, 1, 20 + 4 * static_cast<float>(channels));
}

}  // namespace

size_t SpectralSubtractionMemory(const Operator& op, const Tensor& input) {
  return BytesOf(Subtraction::Read(op, input.shape));
}
MadeOperation MakeSignalSpectralSubtraction(const MakeArgs& args) {
  HEDDLE_TRY(CheckStreamTypes(args, Type::kUInt32, Type::kUInt32));
  return MakeStream(Subtraction::Read(args.op, args.inputs[0].shape), "signal_subtraction");
}

}  // namespace heddle::core
