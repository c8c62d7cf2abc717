// SPDX-License-Identifier: Apache-2.0
// From a spectrum to its channels: SignalEnergy, SignalFilterBank, SignalFilterBankSquareRoot.
#include <algorithm>

#include "kernels/signal/frame_operation.h"

namespace heddle::core {
namespace {

// --- SignalEnergy: complex values -> the squares of their magnitudes; zeros outside a range ---

struct Energy : FrameParams {
  int64_t begin = 0, end = 0;

  static Status Check(std::span<const Operand> in) {
    return in[0].shape[0] % 2 == 0 ? Status() : BadShape(in[0], "an even number of values");
  }
  static int32_t OutputSize(int32_t size) { return size / 2; }
};

TileCode EnergyTile(const Energy& p, const TileArgs& args, TileRange) {
  const auto* in = static_cast<const int16_t*>(args.inputs[0]);
  auto* out = static_cast<uint32_t*>(args.outputs[0]);
  for (int64_t i = 0; i < p.size / 2; ++i) {
    const int32_t re = in[2 * i], im = in[2 * i + 1];
    const bool inside = i >= p.begin && i < p.end;
    out[i] = inside ? static_cast<uint32_t>(re * re) + static_cast<uint32_t>(im * im) : 0;
  }
  return TileCode::kOk;
}

// --- SignalFilterBank: energies -> weighted sums over the band of each channel ---

enum BankInput { kEnergies, kWeights, kUnweights, kBandStarts, kWeightStarts, kWidths };

struct FilterBank : FrameParams {
  int64_t channels = 0, weights = 0;

  Status Check(std::span<const Operand> in) const {
    if (in[kWeights].shape.rank() != 1) return BadShape(in[kWeights], "one dimension");
    if (in[kUnweights].shape != in[kWeights].shape)
      return BadShape(in[kUnweights], in[kWeights].shape.ToString());
    for (const BankInput i : {kBandStarts, kWeightStarts, kWidths})
      if (in[i].shape != Shape{static_cast<int32_t>(channels) + 1})
        return BadShape(in[i], fmt::format("{} (num_channels and one)", channels + 1));
    return Status();
  }
  int32_t OutputSize(int32_t) const { return static_cast<int32_t>(channels); }
  void Bind(std::span<const Operand> in) {
    size = in[0].shape[0];
    weights = in[kWeights].shape[0];
  }
};

// The bins of a channel, and where its weights stand.
struct Band {
  int64_t bin, weight, width;

  Band(const TileArgs& args, int64_t channel) {
    const auto at = [&](BankInput i) {
      return static_cast<const int16_t*>(args.inputs[i])[channel];
    };
    bin = at(kBandStarts), weight = at(kWeightStarts);
    width = std::max<int64_t>(0, at(kWidths));
  }
  static bool Fits(int64_t first, int64_t width, int64_t size) {
    return width == 0 || (first >= 0 && first + width <= size);
  }
};

Fault FilterBankFault(const FilterBank& p, const TileArgs& args) {
  for (int64_t c = 0; c <= p.channels; ++c) {
    const Band band(args, c);
    const auto fault = [&](BankInput input, int64_t first, int64_t size) {
      return Fault{input, c, fmt::format("{}", first),
                   fmt::format("0 to {} for {} bins", size - band.width, band.width)};
    };
    if (!Band::Fits(band.bin, band.width, p.size)) return fault(kBandStarts, band.bin, p.size);
    if (!Band::Fits(band.weight, band.width, p.weights))
      return fault(kWeightStarts, band.weight, p.weights);
  }
  return {};
}

// What a bin does not give to its channel goes to the next one; channel 0 only gives.
TileCode FilterBankTile(const FilterBank& p, const TileArgs& args, TileRange) {
  const auto* energies = static_cast<const uint32_t*>(args.inputs[kEnergies]);
  const auto* weights = static_cast<const int16_t*>(args.inputs[kWeights]);
  const auto* unweights = static_cast<const int16_t*>(args.inputs[kUnweights]);
  auto* out = static_cast<uint64_t*>(args.outputs[0]);
  uint64_t sum = 0;
  for (int64_t c = 0; c <= p.channels; ++c) {
    const Band band(args, c);
    if (!Band::Fits(band.bin, band.width, p.size) ||
        !Band::Fits(band.weight, band.width, p.weights))
      return TileCode::kIndexOutOfRange;
    uint64_t rest = 0;
    for (int64_t i = 0; i < band.width; ++i) {
      const uint64_t energy = energies[band.bin + i];
      sum += static_cast<uint64_t>(int64_t{weights[band.weight + i]}) * energy;
      rest += static_cast<uint64_t>(int64_t{unweights[band.weight + i]}) * energy;
    }
    if (c > 0) out[c - 1] = sum;
    sum = rest;
  }
  return TileCode::kOk;
}

// --- SignalFilterBankSquareRoot: roots, then shifted right by the bits that input 1 holds ---

struct SquareRoot : FrameParams {
  static Status Check(std::span<const Operand> in) {
    return in[1].shape.elements() == 1 ? Status() : BadShape(in[1], "one value");
  }
};

// The nearest integer, but 65535 for what is just below 2^32.
uint32_t RoundedRoot(uint64_t x) {
  uint64_t root = 0, rest = x;
  for (uint64_t bit = uint64_t{1} << 62; bit != 0; bit >>= 2) {
    const bool fits = rest >= root + bit;
    if (fits) rest -= root + bit;
    root = (root >> 1) + (fits ? bit : 0);
  }
  const uint64_t most = x >> 32 == 0 ? 0xffff : 0xffffffff;
  return static_cast<uint32_t>(rest > root && root != most ? root + 1 : root);
}

Fault SquareRootFault(const SquareRoot&, const TileArgs& args) {
  return {1, 0, fmt::format("{}", *static_cast<const int32_t*>(args.inputs[1])), "0 to 31"};
}

TileCode SquareRootTile(const SquareRoot& p, const TileArgs& args, TileRange) {
  const auto* in = static_cast<const uint64_t*>(args.inputs[0]);
  const int32_t bits = *static_cast<const int32_t*>(args.inputs[1]);
  if (bits < 0 || bits > 31) return TileCode::kBadValue;
  auto* out = static_cast<uint32_t*>(args.outputs[0]);
  for (int64_t i = 0; i < p.size; ++i) out[i] = RoundedRoot(in[i]) >> bits;
  return TileCode::kOk;
}

}  // namespace

MadeOperation MakeSignalEnergy(const MakeArgs& args) {
  HEDDLE_TRY(ExpectTypes(args, {Type::kInt16}, Type::kUInt32));
  Energy p;
  HEDDLE_ASSIGN(p.begin, ReadOption(args, "start_index", 0, kMostInt));
  // Past the last value by default.
  HEDDLE_ASSIGN(p.end, ReadOption(args, "end_index", 0, kMostInt));
  return MadeOperation(std::make_unique<FrameOperation<Energy, &EnergyTile>>(p, "signal_energy"));
}

MadeOperation MakeSignalFilterBank(const MakeArgs& args) {
  constexpr Type kShort = Type::kInt16;
  HEDDLE_TRY(
      ExpectTypes(args, {Type::kUInt32, kShort, kShort, kShort, kShort, kShort}, Type::kUInt64));
  FilterBank p;
  HEDDLE_ASSIGN(p.channels, ReadOption(args, "num_channels", 0, kMostInt - 1));
  return MadeOperation(std::make_unique<FrameOperation<FilterBank, &FilterBankTile>>(
      p, "signal_filter_bank", EraseFault<&FilterBankFault>()));
}

MadeOperation MakeSignalFilterBankSquareRoot(const MakeArgs& args) {
  HEDDLE_TRY(ExpectTypes(args, {Type::kUInt64, Type::kInt32}, Type::kUInt32));
  return MadeOperation(std::make_unique<FrameOperation<SquareRoot, &SquareRootTile>>(
      SquareRoot(), "signal_square_root", EraseFault<&SquareRootFault>()));
}

}  // namespace heddle::core
