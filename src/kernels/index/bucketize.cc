// SPDX-License-Identifier: Apache-2.0
// BUCKETIZE: how many boundaries each element has reached.
#include <algorithm>

#include "kernels/index/nd_index.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int64_t kElementsPerTile = 1024;

struct BucketizeParams {
  std::vector<float> boundaries;
  int64_t elements = 0;
};

// Integers are compared as floats, doubles as doubles, and NaN is behind every boundary.
template <class T>
TileCode BucketizeTiles(const BucketizeParams& p, const TileArgs& args, TileRange tiles) {
  const T* in = static_cast<const T*>(args.inputs[0]);
  auto* out = static_cast<int32_t*>(args.outputs[0]);
  const float* boundaries = p.boundaries.data();
  const int64_t end = std::min(p.elements, tiles.end * kElementsPerTile);
  for (int64_t i = tiles.begin * kElementsPerTile; i < end; ++i) {
    int64_t low = 0, high = static_cast<int64_t>(p.boundaries.size());
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (in[i] < boundaries[middle]) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    out[i] = static_cast<int32_t>(low);
  }
  return TileCode::kOk;
}

class Bucketize final : public Operation {
 public:
  explicit Bucketize(std::vector<float> boundaries) : boundaries_(std::move(boundaries)) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    outputs[0] = inputs[0].shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    BucketizeParams p{boundaries_, inputs[0].shape.elements()};
    const int64_t tiles = (p.elements + kElementsPerTile - 1) / kElementsPerTile;
    constexpr float kTileNs = 5.0f * kElementsPerTile;
    switch (inputs[0].type) {
      case Type::kFloat32:
        SetTiled<&BucketizeTiles<float>>(step, p, tiles, kTileNs);
        break;
      case Type::kFloat64:
        SetTiled<&BucketizeTiles<double>>(step, p, tiles, kTileNs);
        break;
      case Type::kInt32:
        SetTiled<&BucketizeTiles<int32_t>>(step, p, tiles, kTileNs);
        break;
      default:
        SetTiled<&BucketizeTiles<int64_t>>(step, p, tiles, kTileNs);
    }
    step.kernel = "bucketize";
    return Status();
  }

 private:
  std::vector<float> boundaries_;
};

}  // namespace

MadeOperation MakeBucketize(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckType(args.inputs[0], "input",
                       {Type::kFloat32, Type::kFloat64, Type::kInt32, Type::kInt64}));
  HEDDLE_TRY(CheckType(args.outputs[0], "output", {Type::kInt32}));
  std::vector<float> boundaries = args.op.OptionsOr<BucketizeOptions>().boundaries;
  for (size_t i = 1; i < boundaries.size(); ++i) {
    if (boundaries[i] < boundaries[i - 1]) {
      return InvalidModel("boundary {} is {}, expected at least {} (the one before)", i,
                          boundaries[i], boundaries[i - 1]);
    }
  }
  return MadeOperation(std::make_unique<Bucketize>(std::move(boundaries)));
}

}  // namespace heddle::core
