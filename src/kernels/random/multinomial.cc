// SPDX-License-Identifier: Apache-2.0
// MULTINOMIAL: class numbers drawn with the probabilities that rows of logits give.
#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/elementwise/check.h"
#include "kernels/math.h"
#include "kernels/movement/operands.h"
#include "kernels/random/generator.h"

namespace heddle::core {
namespace {

struct MultinomialParams {
  RandomStream stream;
  int64_t classes, samples;
  uint64_t blocks;
};

// In [0, 1), of 52 random bits.
double UniformOf(uint32_t high, uint32_t low) {
  const uint64_t bits = uint64_t{1023} << 52 | uint64_t{high & 0xfffff} << 32 | low;
  return std::bit_cast<double>(bits) - 1.0;
}

// Sums of the classes' weights up to each of them. Logits that are not finite have none.
void Accumulate(const float* logits, int64_t classes, double* sums) {
  float max = 0;
  bool any = false;
  for (int64_t c = 0; c < classes; ++c) {
    if (!std::isfinite(logits[c])) continue;
    max = any ? std::max(max, logits[c]) : logits[c];
    any = true;
  }
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) {
    if (std::isfinite(logits[c])) sum += Exp(static_cast<double>(logits[c] - max));
    sums[c] = sum;
  }
}

// One tile for each row. Scratch: the sums of one.
template <class T>
TileCode MultinomialTiles(const MultinomialParams& p, const TileArgs& args, TileRange tiles) {
  const uint64_t start = RandomStream::Start(args);
  auto* sums = reinterpret_cast<double*>(args.scratch);
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    Accumulate(static_cast<const float*>(args.inputs[0]) + row * p.classes, p.classes, sums);
    T* out = static_cast<T*>(args.outputs[0]) + row * p.samples;
    for (int64_t i = 0; i < p.samples; ++i) {
      const auto draw = static_cast<uint64_t>(row * p.samples + i);
      const Philox4 words = p.stream.Block(start + draw / 2);
      const size_t at = draw % 2 * 2;
      const double u = UniformOf(words[at], words[at + 1]) * sums[p.classes - 1];
      out[i] = static_cast<T>(std::upper_bound(sums, sums + p.classes, u) - sums);
    }
  }
  return TileCode::kOk;
}

class Multinomial final : public Operation {
 public:
  explicit Multinomial(const RandomOptions& options) : options_(options) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape& logits = in[0].shape;
    if (logits.rank() != 2 || logits[1] < 1)
      return InvalidModel("logits '{}' have shape {}, expected rows of at least one class",
                          in[0].name, logits.ToString());
    HEDDLE_ASSIGN(const IntList count, ReadInts(in[1], "number of samples"));
    if (count.size != 1 || count[0] < 0 || count[0] > INT32_MAX)
      return BadValue(in[1], "number of samples '{}' is {} ({} values), expected 0 to {}",
                      in[1].name, count[0], count.size, INT32_MAX);
    out[0] = {logits[0], static_cast<int32_t>(count[0])};
    return Status();
  }

  Status Lower(std::span<const Operand> in, std::span<const Operand> out,
               Step& step) const override {
    const int64_t rows = in[0].shape[0], classes = in[0].shape[1], samples = out[0].shape[1];
    // What TensorFlow's kernel keeps for itself; sequences agree only when this does.
    const int64_t blocks = rows * ((samples + 3) / 4 * 4) * 2 * 256;
    const MultinomialParams p{RandomStream(options_), classes, samples,
                              static_cast<uint64_t>(blocks)};
    const float row_ns = 20 * static_cast<float>(classes) + 40 * static_cast<float>(samples);
    if (out[0].type == Type::kInt32) {
      SetRandom<&MultinomialTiles<int32_t>>(step, p, rows, row_ns);
    } else {
      SetRandom<&MultinomialTiles<int64_t>>(step, p, rows, row_ns);
    }
    step.scratch_bytes = static_cast<size_t>(classes) * sizeof(double);
    step.kernel = "multinomial";
    return Status();
  }

 private:
  RandomOptions options_;
};

}  // namespace

MadeOperation MakeMultinomial(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  const Operand &logits = args.inputs[0], &count = args.inputs[1], &out = args.outputs[0];
  if (logits.type != Type::kFloat32) return UnsupportedType(logits);
  if (count.type != Type::kInt32)
    return InvalidModel("number of samples '{}' is {}, expected int32", count.name,
                        TypeName(count.type));
  if (out.type != Type::kInt32 && out.type != Type::kInt64) return UnsupportedType(out);
  return MadeOperation(std::make_unique<Multinomial>(args.op.OptionsOr<RandomOptions>()));
}

}  // namespace heddle::core
