// SPDX-License-Identifier: Apache-2.0
// STABLEHLO_RNG_BIT_GENERATOR: random bits and the state after them, from the state before.
#include <algorithm>
#include <cstring>

#include "kernels/elementwise/check.h"
#include "kernels/movement/operands.h"
#include "kernels/random/generator.h"

namespace heddle::core {
namespace {

constexpr int64_t kBlocksPerTile = 256;

struct BitsParams {
  int64_t state_size;
  size_t bytes;     // of the random bits
  size_t block;     // bytes of one block
  uint64_t blocks;  // of all tiles
};

struct GeneratorState {
  uint64_t key, low, high;
};

// Key and counter. Of two words the first is both key and the counter's high word.
GeneratorState StateOf(const BitsParams& p, const TileArgs& args) {
  uint64_t words[3];
  std::memcpy(words, args.inputs[0], static_cast<size_t>(p.state_size) * sizeof(uint64_t));
  return {words[0], words[1], p.state_size == 3 ? words[2] : words[0]};
}

template <bool kPhilox>
TileCode BitsTiles(const BitsParams& p, const TileArgs& args, TileRange tiles) {
  const GeneratorState state = StateOf(p, args);
  if (tiles.begin == 0) {
    const uint64_t low = state.low + p.blocks;
    const uint64_t next[3] = {state.key, low, state.high + (low < state.low)};
    std::memcpy(args.outputs[0], next, static_cast<size_t>(p.state_size) * sizeof(uint64_t));
  }
  const uint64_t end = std::min(static_cast<uint64_t>(tiles.end) * kBlocksPerTile, p.blocks);
  for (uint64_t i = static_cast<uint64_t>(tiles.begin) * kBlocksPerTile; i < end; ++i) {
    const uint64_t low = state.low + i;
    std::byte* out = static_cast<std::byte*>(args.outputs[1]) + i * p.block;
    const size_t bytes = std::min(p.block, p.bytes - i * p.block);
    if constexpr (kPhilox) {
      std::memcpy(out, Philox(state.key, low, state.high + (low < state.low)).data(), bytes);
    } else {
      const uint64_t word = Threefry(state.key, low);
      std::memcpy(out, &word, bytes);
    }
  }
  return TileCode::kOk;
}

class BitGenerator final : public Operation {
 public:
  BitGenerator(bool philox, const Shape& shape) : philox_(philox), shape_(shape) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape& state = in[0].shape;
    if (state.rank() != 1 || (state[0] != 2 && (state[0] != 3 || !philox_)))
      return InvalidModel("state '{}' has shape {}, expected {}", in[0].name, state.ToString(),
                          philox_ ? "2 or 3" : "2");
    out[0] = state;
    out[1] = shape_;
    return Status();
  }

  Status Lower(std::span<const Operand> in, std::span<const Operand> out,
               Step& step) const override {
    BitsParams p{in[0].shape[0], out[1].bytes, philox_ ? size_t{16} : size_t{8}, 0};
    p.blocks = (p.bytes + p.block - 1) / p.block;
    // The first tile writes the state too: there is always one.
    const int64_t tiles = std::max<int64_t>(
        1, (static_cast<int64_t>(p.blocks) + kBlocksPerTile - 1) / kBlocksPerTile);
    if (philox_) {
      SetTiled<&BitsTiles<true>>(step, p, tiles, kBlocksPerTile * 15);
    } else {
      SetTiled<&BitsTiles<false>>(step, p, tiles, kBlocksPerTile * 15);
    }
    step.kernel = philox_ ? "philox" : "threefry";
    return Status();
  }

 private:
  bool philox_;
  Shape shape_;
};

}  // namespace

MadeOperation MakeRngBitGenerator(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 2));
  const Operand& bits = args.outputs[1];
  for (const Operand* state : {&args.inputs[0], &args.outputs[0]})
    if (state->type != Type::kUInt64)
      return InvalidModel("state '{}' is {}, expected uint64", state->name, TypeName(state->type));
  switch (bits.type) {
    case Type::kInt32:
    case Type::kUInt32:
    case Type::kInt64:
    case Type::kUInt64:
      break;
    default:
      return UnsupportedType(bits);
  }
  int64_t elements = 0;
  if (!bits.shape.CheckedElements(&elements))
    return InvalidModel("'{}' has shape {}, expected sizes that are known", bits.name,
                        bits.shape.ToString());
  const RngAlgorithm algorithm = args.op.OptionsOr<RngOptions>().algorithm;
  return MadeOperation(
      std::make_unique<BitGenerator>(algorithm != RngAlgorithm::kThreefry, bits.shape));
}

}  // namespace heddle::core
