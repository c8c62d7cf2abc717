// SPDX-License-Identifier: Apache-2.0
// Operators that work on the rows of the last axis: one loop for all of them.
#ifndef HEDDLE_KERNELS_SOFTMAX_ROWS_H_
#define HEDDLE_KERNELS_SOFTMAX_ROWS_H_

#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/errors.h"
#include "kernels/operators.h"

namespace heddle::core {

// 16 lanes and one fixed tree, whatever the vector width.
constexpr int kRowLanes = 16;
template <class F>
float ReduceRow(const float* x, int64_t n, float start, F f) {
  float lane[kRowLanes];
  std::fill_n(lane, kRowLanes, start);
  int64_t i = 0;
  for (; i + kRowLanes <= n; i += kRowLanes)
    for (int j = 0; j < kRowLanes; ++j) lane[j] = f(lane[j], x[i + j]);
  for (int j = 0; i + j < n; ++j) lane[j] = f(lane[j], x[i + j]);
  for (int width = kRowLanes / 2; width > 0; width /= 2)
    for (int j = 0; j < width; ++j) lane[j] = f(lane[j], lane[j + width]);
  return lane[0];
}

template <class Kernel>
struct RowsParams {
  std::shared_ptr<const Kernel> kernel;  // its tables are made once
  int64_t depth, rows, rows_per_tile;
};

// A kernel with a Run of its own computes rows [begin, end) of `depth` elements; else
// kernel(in, out, at, n, scratch) computes elements [at, at + n).
template <class Kernel>
concept RunsRows = requires(const Kernel& kernel, const void* in, void* out, int64_t i) {
  kernel.Run(in, out, i, i, i);
};

template <class Kernel>
TileCode RowsTile(const RowsParams<Kernel>& p, const TileArgs& args, TileRange tiles) {
  const int64_t begin = tiles.begin * p.rows_per_tile;
  const int64_t end = std::min(tiles.end * p.rows_per_tile, p.rows);
  if constexpr (RunsRows<Kernel>) {
    p.kernel->Run(args.inputs[0], args.outputs[0], begin, end, p.depth);
  } else {
    for (int64_t row = begin; row < end; ++row)
      (*p.kernel)(args.inputs[0], args.outputs[0], row* p.depth, p.depth, args.scratch);
  }
  return TileCode::kOk;
}

template <class Kernel>
class RowsOperation final : public Operation {
 public:
  // `scratch`: bytes for each element of a row.
  RowsOperation(Kernel kernel, float element_ns, size_t scratch)
      : kernel_(std::make_shared<const Kernel>(std::move(kernel))),
        element_ns_(element_ns),
        scratch_(scratch) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    if (inputs[0].shape.rank() == 0)
      return InvalidArgument("'{}' is a scalar, expected at least one axis", inputs[0].name);
    outputs[0] = inputs[0].shape;
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    const Shape& shape = inputs[0].shape;
    const int64_t depth = shape[shape.rank() - 1];
    const int64_t rows = depth == 0 ? 0 : shape.Product(0, shape.rank() - 1);
    const int64_t per_tile = std::max<int64_t>(1, 4096 / std::max<int64_t>(depth, 1));
    SetTiled<&RowsTile<Kernel>>(step, RowsParams<Kernel>{kernel_, depth, rows, per_tile},
                                (rows + per_tile - 1) / per_tile,
                                element_ns_ * static_cast<float>(depth * std::min(rows, per_tile)));
    step.scratch_bytes = scratch_ * static_cast<size_t>(depth);
    step.kernel = "plain";
    if constexpr (requires { kernel_->name(); }) step.kernel = kernel_->name();
    return Status();
  }

 private:
  std::shared_ptr<const Kernel> kernel_;
  float element_ns_;
  size_t scratch_;
};

template <class Kernel>
MadeOperation MakeRows(Kernel kernel, float element_ns, size_t scratch = 0) {
  return std::unique_ptr<Operation>(
      std::make_unique<RowsOperation<Kernel>>(std::move(kernel), element_ns, scratch));
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SOFTMAX_ROWS_H_
