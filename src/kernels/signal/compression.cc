// SPDX-License-Identifier: Apache-2.0
// What compresses the range of channels: SignalPCAN and SignalFilterBankLog.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "kernels/math.h"
#include "kernels/signal/frame_operation.h"

namespace heddle::core {
namespace {

// --- SignalPCAN: gain by the noise of each channel, then a compression of small values ---

struct Pcan : FrameParams {
  static constexpr int32_t kTable = 125;  // what the largest noise needs
  int shift = 0;

  static Status Check(std::span<const Operand> in) {
    if (in[1].shape != in[0].shape) return BadShape(in[1], in[0].shape.ToString());
    const Shape& table = in[2].shape;
    if (table.rank() == 1 && table[0] >= kTable) return Status();
    return BadShape(in[2], fmt::format("at least {} values", kTable));
  }
};

// A function of a wide range: a parabola for each power of two, of which the table has three
// coefficients and a gap.
int16_t LookUpWide(uint32_t x, const int16_t* table) {
  if (x <= 2) return table[x];
  const int bits = std::bit_width(x);
  const int16_t* c = table + 4 * bits - 6;
  const uint32_t fraction = (bits < 11 ? x << (11 - bits) : x >> (bits - 11)) & 0x3ff;
  const int32_t bend = (int32_t{c[2]} * static_cast<int32_t>(fraction)) >> 5;
  const uint32_t slope = static_cast<uint32_t>(bend) + (static_cast<uint32_t>(int32_t{c[1]}) << 5);
  const auto rise = static_cast<int32_t>(slope * fraction + (1 << 14)) >> 15;
  return static_cast<int16_t>(rise + c[0]);
}

TileCode PcanTile(const Pcan& p, const TileArgs& args, TileRange) {
  constexpr int kSnrBits = 12, kOutputBits = 6;
  const auto* in = static_cast<const uint32_t*>(args.inputs[0]);
  const auto* noise = static_cast<const uint32_t*>(args.inputs[1]);
  const auto* table = static_cast<const int16_t*>(args.inputs[2]);
  auto* out = static_cast<uint32_t*>(args.outputs[0]);
  for (int64_t i = 0; i < p.size; ++i) {
    const auto gain = static_cast<uint32_t>(int32_t{LookUpWide(noise[i], table)});
    const auto snr = static_cast<uint32_t>((uint64_t{in[i]} * gain) >> p.shift);
    // x^2 / 4 below 2, x - 1 from there.
    out[i] = snr < 2u << kSnrBits ? (snr * snr) >> (2 + 2 * kSnrBits - kOutputBits)
                                  : (snr >> (kSnrBits - kOutputBits)) - (1u << kOutputBits);
  }
  return TileCode::kOk;
}

// --- SignalFilterBankLog: natural logarithms, times a scale, of values moved left ---

struct LogScale : FrameParams {
  uint32_t scale = 1;
  int shift = 0;
  std::array<int32_t, 130> table;  // 2^16 (log2(1 + i/128) - i/128)

  void MakeTable() {
    const double log_2 = Log(2.0);
    for (int i = 0; i < 130; ++i) {
      const double x = std::min(i, 128) / 128.0;
      table[static_cast<size_t>(i)] =
          static_cast<int32_t>(std::lround(65536 * (Log(1 + x) / log_2 - x)));
    }
  }
  // log2 with 16 bits of fraction. REQUIRES: x > 0.
  uint32_t Log2(uint32_t x) const {
    const int whole = std::bit_width(x) - 1;
    const uint32_t above = x - (uint32_t{1} << whole);
    const uint32_t fraction = whole < 16 ? above << (16 - whole) : above >> (whole - 16);
    const size_t segment = fraction >> 9;
    const int32_t rise =
        (table[segment + 1] - table[segment]) * static_cast<int32_t>(fraction & 511);
    return (static_cast<uint32_t>(whole) << 16) + fraction +
           static_cast<uint32_t>(table[segment] + (rise >> 16));
  }
};

TileCode LogTile(const LogScale& p, const TileArgs& args, TileRange) {
  constexpr uint64_t kLn2 = 45426;  // 2^16 ln(2)
  const auto* in = static_cast<const uint32_t*>(args.inputs[0]);
  auto* out = static_cast<int16_t*>(args.outputs[0]);
  for (int64_t i = 0; i < p.size; ++i) {
    const uint32_t x = in[i] << p.shift;
    const auto natural = x > 1 ? static_cast<uint32_t>((kLn2 * p.Log2(x) + (1 << 15)) >> 16) : 0u;
    const uint32_t scaled = x > 1 ? (p.scale * natural + (1u << 15)) >> 16 : 0u;
    out[i] = static_cast<int16_t>(std::min<uint32_t>(scaled, 32767));
  }
  return TileCode::kOk;
}

}  // namespace

MadeOperation MakeSignalPcan(const MakeArgs& args) {
  HEDDLE_TRY(ExpectTypes(args, {Type::kUInt32, Type::kUInt32, Type::kInt16}, Type::kUInt32));
  Pcan p;
  HEDDLE_ASSIGN(const int64_t shift, ReadOption(args, "snr_shift", 0, 63));
  p.shift = static_cast<int>(shift);
  return MadeOperation(std::make_unique<FrameOperation<Pcan, &PcanTile>>(p, "signal_pcan"));
}

MadeOperation MakeSignalFilterBankLog(const MakeArgs& args) {
  HEDDLE_TRY(ExpectTypes(args, {Type::kUInt32}, Type::kInt16));
  LogScale p;
  HEDDLE_ASSIGN(const int64_t scale, ReadOption(args, "output_scale", 1, kMostInt));
  HEDDLE_ASSIGN(const int64_t shift, ReadOption(args, "input_correction_bits", 0, 31));
  p.scale = static_cast<uint32_t>(scale);
  p.shift = static_cast<int>(shift);
  p.MakeTable();
  return MadeOperation(std::make_unique<FrameOperation<LogScale, &LogTile>>(p, "signal_log"));
}

}  // namespace heddle::core
