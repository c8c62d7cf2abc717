// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/layout.h"

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

}  // namespace heddle::core
