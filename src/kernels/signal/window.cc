// SPDX-License-Identifier: Apache-2.0
// SignalWindow.
#include <algorithm>

#include "kernels/signal/frame_operation.h"

namespace heddle::core {
namespace {

// --- SignalWindow ---

struct WindowParams {
  int shift = 0;
  int64_t length = 0;
};

// One tile for each row.
TileCode WindowTiles(const WindowParams& p, const TileArgs& args, TileRange tiles) {
  const auto* weights = static_cast<const int16_t*>(args.inputs[1]);
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const auto* in = static_cast<const int16_t*>(args.inputs[0]) + row * p.length;
    auto* out = static_cast<int16_t*>(args.outputs[0]) + row * p.length;
    for (int64_t i = 0; i < p.length; ++i)
      out[i] =
          static_cast<int16_t>(std::clamp((int32_t{in[i]} * weights[i]) >> p.shift, -32768, 32767));
  }
  return TileCode::kOk;
}

class Window final : public Operation {
 public:
  explicit Window(int shift) : shift_(shift) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape &shape = in[0].shape, &weights = in[1].shape;
    if (weights.rank() != 1) return BadShape(in[1], "one dimension");
    if (shape.rank() < 1 || shape[shape.rank() - 1] != weights[0])
      return BadShape(in[0], fmt::format("rows of {} samples (weights)", weights[0]));
    out[0] = shape;
    return Status();
  }
  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    const Shape& shape = in[0].shape;
    const int64_t length = in[1].shape[0];
    SetTiled<&WindowTiles>(step, WindowParams{shift_, length}, shape.Product(0, shape.rank() - 1),
                           5 + static_cast<float>(length));
    step.kernel = "signal_window";
    return Status();
  }

 private:
  int shift_;
};

}  // namespace

MadeOperation MakeSignalWindow(const MakeArgs& args) {
  HEDDLE_TRY(ExpectTypes(args, {Type::kInt16, Type::kInt16}, Type::kInt16));
  HEDDLE_ASSIGN(const int64_t shift, ReadOption(args, "shift", 0, 31));
  return MadeOperation(std::make_unique<Window>(static_cast<int>(shift)));
}

}  // namespace heddle::core
