// SPDX-License-Identifier: Apache-2.0
// LSH_PROJECTION: each bit is the sign of a weighted sum of the items' hashes.
#include <cstring>

#include "kernels/index/nd_index.h"
#include "kernels/operators.h"
#include "kernels/text/fingerprint.h"

namespace heddle::core {
namespace {

struct LshParams {
  LshKind kind = LshKind::kSparse;
  int32_t hashes = 0, bits = 0;
  int64_t items = 0;
  size_t item_bytes = 0;
  bool weighted = false;
};

// The key of a hash is the seed's four bytes, then the item's.
bool SignBit(const LshParams& p, const TileArgs& args, float seed) {
  const auto* items = static_cast<const std::byte*>(args.inputs[1]);
  const float* weights = p.weighted ? static_cast<const float*>(args.inputs[2]) : nullptr;
  std::memcpy(args.scratch, &seed, sizeof(seed));
  double score = 0;
  for (int64_t i = 0; i < p.items; ++i) {
    if (p.item_bytes > 0)
      std::memcpy(args.scratch + sizeof(seed), items + static_cast<size_t>(i) * p.item_bytes,
                  p.item_bytes);
    const auto hash =
        static_cast<int64_t>(Fingerprint64(args.scratch, sizeof(seed) + p.item_bytes));
    const auto value = static_cast<double>(hash);
    score += weights == nullptr ? value : static_cast<double>(weights[i]) * value;
  }
  return score > 0;
}

// A tile is one hash function.
TileCode LshTiles(const LshParams& p, const TileArgs& args, TileRange tiles) {
  const auto* seeds = static_cast<const float*>(args.inputs[0]);
  auto* out = static_cast<int32_t*>(args.outputs[0]);
  for (int64_t hash = tiles.begin; hash < tiles.end; ++hash) {
    uint64_t signature = 0;
    for (int64_t bit = 0; bit < p.bits; ++bit) {
      const bool set = SignBit(p, args, seeds[hash * p.bits + bit]);
      if (p.kind == LshKind::kDense) out[hash * p.bits + bit] = set ? 1 : 0;
      signature = signature << 1 | (set ? 1u : 0u);
    }
    if (p.kind != LshKind::kSparse) continue;
    const uint64_t first = static_cast<uint64_t>(hash) << p.bits;  // so that no two functions meet
    out[hash] = static_cast<int32_t>(static_cast<uint32_t>(signature + first));
  }
  return TileCode::kOk;
}

bool Weighted(std::span<const Operand> inputs) { return inputs.size() > 2 && inputs[2].present(); }

class LshProjection final : public Operation {
 public:
  explicit LshProjection(LshKind kind) : kind_(kind) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& seeds = inputs[0].shape;
    const Shape& items = inputs[1].shape;
    if (seeds.rank() != 2 || seeds[1] > 32) {
      return InvalidModel("hash '{}' has shape {}, expected functions of at most 32 bits",
                          inputs[0].name, seeds.ToString());
    }
    if (items.rank() < 1 || items[0] < 1) {
      return InvalidModel("input '{}' has shape {}, expected at least one item", inputs[1].name,
                          items.ToString());
    }
    if (Weighted(inputs) && !(inputs[2].shape == Shape{items[0]})) {
      return InvalidModel("weights '{}' have shape {}, expected {} (items)", inputs[2].name,
                          inputs[2].shape.ToString(), items[0]);
    }
    const int64_t bits = int64_t{seeds[0]} * seeds[1];
    if (bits > INT32_MAX) return ResourceExhausted("{} bits, expected less than 2^31", bits);
    outputs[0] = Shape{kind_ == LshKind::kSparse ? seeds[0] : static_cast<int32_t>(bits)};
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& items = inputs[1].shape;
    LshParams p;
    p.kind = kind_;
    p.hashes = inputs[0].shape[0];
    p.bits = inputs[0].shape[1];
    p.items = items[0];
    p.item_bytes = TypeBytes(inputs[1].type, items.Product(1, items.rank()));
    p.weighted = Weighted(inputs);
    const float item_ns = 5.0f + static_cast<float>(p.item_bytes) / 4;
    SetTiled<&LshTiles>(step, p, outputs[0].shape.elements() == 0 ? 0 : p.hashes,
                        item_ns * static_cast<float>(p.items) * static_cast<float>(p.bits));
    step.scratch_bytes = sizeof(float) + p.item_bytes;
    step.kernel = "lsh_projection";
    return Status();
  }

 private:
  LshKind kind_;
};

}  // namespace

MadeOperation MakeLshProjection(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 3, 1));
  HEDDLE_TRY(CheckType(args.inputs[0], "hash", {Type::kFloat32}));
  const Operand& items = args.inputs[1];
  if (TypeBits(items.type) < 8 || TypeBits(items.type) % 8 != 0) {
    return Unsupported("input '{}' is {}, expected a type of whole bytes", items.name,
                       TypeName(items.type));
  }
  if (Weighted(args.inputs)) HEDDLE_TRY(CheckType(args.inputs[2], "weights", {Type::kFloat32}));
  HEDDLE_TRY(CheckType(args.outputs[0], "output", {Type::kInt32}));
  const LshKind kind = args.op.OptionsOr<LshOptions>().kind;
  if (kind != LshKind::kSparse && kind != LshKind::kDense)
    return InvalidModel("projection of kind {}, expected 1 (sparse) or 2 (dense)",
                        static_cast<int>(kind));
  return MadeOperation(std::make_unique<LshProjection>(kind));
}

}  // namespace heddle::core
