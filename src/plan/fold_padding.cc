// SPDX-License-Identifier: Apache-2.0
#include "plan/fold_padding.h"

#include <algorithm>
#include <optional>

#include "kernels/movement/operands.h"

namespace heddle::core {
namespace {

constexpr int64_t kMostBorder = 1 << 20;  // far from any overflow

// The sizes around the image; none: they are not known yet, or other axes are padded, too.
std::optional<Border> BorderOf(const Operand& paddings) {
  if (!paddings.constant || !(paddings.shape == Shape{4, 2})) return std::nullopt;
  const Result<IntList> sizes = ReadInts(paddings, "paddings");
  if (!sizes.ok()) return std::nullopt;
  const IntList& s = *sizes;
  for (int i = 0; i < s.size; ++i)
    if (s[i] < 0 || s[i] > kMostBorder) return std::nullopt;
  if (s[0] != 0 || s[1] != 0 || s[6] != 0 || s[7] != 0) return std::nullopt;
  return Border{static_cast<int32_t>(s[2]), static_cast<int32_t>(s[3]), static_cast<int32_t>(s[4]),
                static_cast<int32_t>(s[5])};
}

// Numerics look at the shapes of the file.
bool IsImage(const Operand& operand) {
  const auto sizes = operand.shape.dims();
  return operand.shape.rank() == 4 && std::ranges::find(sizes, 0) == sizes.end();
}

}  // namespace

std::unique_ptr<const Operator> FoldPadding(const PadNode& pad, const Operator& conv) {
  const bool convolves = conv.code == OpCode::kCONV_2D || conv.code == OpCode::kDEPTHWISE_CONV_2D;
  if (!convolves || pad.op.code != OpCode::kPAD) return nullptr;
  if (!IsImage(pad.image) || !IsImage(pad.padded)) return nullptr;
  const Quantization &from = *pad.image.quant, &to = *pad.padded.quant;
  if (from.scale != to.scale || from.zero_point != to.zero_point) return nullptr;
  const std::optional<Border> border = BorderOf(pad.paddings);
  if (!border) return nullptr;
  auto both = std::make_unique<Operator>(conv);
  auto* options = std::get_if<ConvOptions>(&both->options);
  if (options == nullptr) return nullptr;
  options->border = *border;
  both->inputs[0] = pad.op.inputs[0];
  return both;
}

}  // namespace heddle::core
