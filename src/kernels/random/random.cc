// SPDX-License-Identifier: Apache-2.0
// RANDOM_UNIFORM and RANDOM_STANDARD_NORMAL.
#include <algorithm>
#include <cmath>

#include "kernels/elementwise/check.h"
#include "kernels/math.h"
#include "kernels/movement/operands.h"
#include "kernels/random/generator.h"
#include "kernels/signal/fft.h"

namespace heddle::core {
namespace {

// In [0, 1), in steps of 2^-23.
float UniformOf(uint32_t word) { return static_cast<float>(word & 0x7fffff) * 0x1p-23f; }

struct Uniform {
  static constexpr const char* kName = "random_uniform";
  static void Fill(const Philox4& words, float* out) {
    for (size_t i = 0; i < 4; ++i) out[i] = UniformOf(words[i]);
  }
};

// Box and Muller's pairs.
struct Normal {
  static constexpr const char* kName = "random_normal";
  static void Fill(const Philox4& words, float* out) {
    for (size_t i = 0; i < 4; i += 2) {
      const float radius = std::sqrt(-2.0f * LogF(std::max(UniformOf(words[i]), 1e-7f)));
      const Complex turn = UnitRoot(words[i + 1] & 0x7fffff, 1 << 23);
      out[i] = radius * static_cast<float>(turn.im);
      out[i + 1] = radius * static_cast<float>(turn.re);
    }
  }
};

constexpr int64_t kBlocksPerTile = 256;

struct RandomParams {
  RandomStream stream;
  int64_t count;
  uint64_t blocks;
};

template <class Distribution>
TileCode RandomTiles(const RandomParams& p, const TileArgs& args, TileRange tiles) {
  const uint64_t start = RandomStream::Start(args);
  float* out = static_cast<float*>(args.outputs[0]);
  const int64_t end = std::min(tiles.end * kBlocksPerTile, static_cast<int64_t>(p.blocks));
  for (int64_t block = tiles.begin * kBlocksPerTile; block < end; ++block) {
    float values[4];
    Distribution::Fill(p.stream.Block(start + static_cast<uint64_t>(block)), values);
    std::copy_n(values, std::min<int64_t>(4, p.count - block * 4), out + block * 4);
  }
  return TileCode::kOk;
}

template <class Distribution>
class Random final : public Operation {
 public:
  explicit Random(const RandomOptions& options) : options_(options) {}

  uint32_t ValueInputs() const override { return 1; }

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    if (in[0].shape.rank() > 1)
      return BadValue(in[0], "shape '{}' has shape {}, expected one dimension", in[0].name,
                      in[0].shape.ToString());
    HEDDLE_ASSIGN(const IntList sizes, ReadInts(in[0], "shape"));
    out[0] = Shape();
    for (int i = 0; i < sizes.size; ++i) {
      if (sizes[i] < 0 || sizes[i] > INT32_MAX)
        return BadValue(in[0], "shape '{}' holds {}, expected 0 to {}", in[0].name, sizes[i],
                        INT32_MAX);
      HEDDLE_TRY(AppendDim(out[0], static_cast<int32_t>(sizes[i])));
    }
    return Status();
  }

  Status Lower(std::span<const Operand>, std::span<const Operand> out, Step& step) const override {
    const int64_t count = out[0].shape.elements();
    const int64_t blocks = (count + 3) / 4;
    const RandomParams p{RandomStream(options_), count, static_cast<uint64_t>(blocks)};
    SetRandom<&RandomTiles<Distribution>>(step, p, (blocks + kBlocksPerTile - 1) / kBlocksPerTile,
                                          kBlocksPerTile * 60);
    step.kernel = Distribution::kName;
    return Status();
  }

 private:
  RandomOptions options_;
};

template <class Distribution>
MadeOperation MakeRandom(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand &shape = args.inputs[0], &out = args.outputs[0];
  if (shape.type != Type::kInt32 && shape.type != Type::kInt64)
    return InvalidModel("shape '{}' is {}, expected int32 or int64", shape.name,
                        TypeName(shape.type));
  if (out.type != Type::kFloat32) return UnsupportedType(out);
  return MadeOperation(std::make_unique<Random<Distribution>>(args.op.OptionsOr<RandomOptions>()));
}

}  // namespace

MadeOperation MakeRandomUniform(const MakeArgs& args) { return MakeRandom<Uniform>(args); }
MadeOperation MakeRandomStandardNormal(const MakeArgs& args) { return MakeRandom<Normal>(args); }

}  // namespace heddle::core
