// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/layout.h"

#include <algorithm>

#include "kernels/movement/operands.h"

namespace heddle::core {

namespace {

// Outputs of nothing: no run makes them.
ReduceLayout EmptyLayout(const Shape& shape, uint32_t axes) {
  ReduceLayout layout;
  bool some = true;
  for (int i = 0; i < shape.rank(); ++i) some &= (axes >> i & 1) != 0 || shape[i] > 0;
  for (int i = 0; i < shape.rank(); ++i) {
    if ((axes >> i & 1) == 0) layout.inner = some ? layout.inner * shape[i] : 0;
  }
  layout.reduced.Add(0, 0);
  layout.count = 0;
  return layout;
}

}  // namespace

ReduceLayout MakeReduceLayout(const Shape& shape, uint32_t axes) {
  ReduceLayout layout;
  if (shape.elements() == 0) return EmptyLayout(shape, axes);
  int64_t stride = 1;
  bool first = true, run_reduced = false;
  AxisList kept, reduced;  // innermost first
  for (int i = shape.rank() - 1; i >= 0; --i) {
    const int64_t size = shape[i];
    const bool is_reduced = (axes >> i & 1) != 0;
    if (is_reduced) layout.count *= size;
    if (size == 1) continue;
    AxisList& list = is_reduced ? reduced : kept;
    if (!first && is_reduced == run_reduced) {
      list.at[list.count - 1].size *= size;
    } else {
      list.Add(size, stride);
    }
    first = false;
    run_reduced = is_reduced;
    stride *= size;
  }
  // The list that begins at stride 1 has the innermost axis.
  layout.inner_kept = reduced.count == 0 || reduced.at[0].stride != 1;
  const AxisList& innermost = layout.inner_kept ? kept : reduced;
  const bool has_inner = innermost.count > 0 && innermost.at[0].stride == 1;
  if (has_inner) layout.inner = innermost.at[0].size;
  for (int i = kept.count - 1; i >= (has_inner && layout.inner_kept ? 1 : 0); --i) {
    layout.kept.Add(kept.at[i].size, kept.at[i].stride);
  }
  for (int i = reduced.count - 1; i >= (has_inner && !layout.inner_kept ? 1 : 0); --i) {
    layout.reduced.Add(reduced.at[i].size, reduced.at[i].stride);
  }
  return layout;
}

ReduceUnits MakeReduceUnits(const Shape& shape, uint32_t axes, const Shape& output) {
  ReduceUnits u;
  u.layout = MakeReduceLayout(shape, axes);
  const ReduceLayout& l = u.layout;
  const int64_t outputs = output.elements();
  u.blocks = std::max<int64_t>(1, (l.inner + kReduceBlock - 1) / kReduceBlock);
  u.units = outputs == 0 ? 0 : l.inner_kept ? outputs / l.inner * u.blocks : outputs;
  u.units_per_tile = std::max<int64_t>(1, 16 * 1024 / std::max<int64_t>(u.unit_elements(), 32));
  return u;
}

Result<uint32_t> ReadReducedAxes(std::span<const Operand> inputs) {
  HEDDLE_ASSIGN(const IntList list, ReadInts(inputs[1], "axes"));
  const Shape& shape = inputs[0].shape;
  uint32_t axes = 0;
  for (int i = 0; i < list.size && shape.rank() > 0; ++i) {
    const int axis = ResolveAxis(list[i], shape.rank());
    if (axis < 0) {
      return BadValue(inputs[1], "axis {} of '{}' is {}, expected -{} to {} (input shape {})", i,
                      inputs[1].name, list[i], shape.rank(), shape.rank() - 1, shape.ToString());
    }
    axes |= 1u << axis;
  }
  return axes;
}

Shape ReducedShape(const Shape& shape, uint32_t axes, bool keep_dims) {
  Shape reduced;
  for (int i = 0; i < shape.rank(); ++i) {
    const bool drop = (axes >> i & 1) != 0;
    if (!drop) reduced.Append(shape[i]);
    if (drop && keep_dims) reduced.Append(1);
  }
  return reduced;
}

Status CheckReducedAxes(const MakeArgs& args) {
  if (args.inputs[1].type == Type::kInt32) return Status();
  return InvalidModel("axes '{}' are {}, expected int32", args.inputs[1].name,
                      TypeName(args.inputs[1].type));
}

}  // namespace heddle::core
