// SPDX-License-Identifier: Apache-2.0
// The one loop nest of all matrix products, over a type M that knows an ISA and an arithmetic:
//   kLanes, kGroupBytes (of a panel), kMaxRows (with 2 panels), kWideRows (with 4)
//   M(call); Acc Init(row, column); A Row(pointer to 4 bytes); W Weights(pointer);
//   Acc Dot(acc, a, w); void Store(acc, row, column, count), count >= kLanes: all lanes
// and, where sums have no order and a Dot takes several cycles, Acc Zero(); Acc Join(acc, acc).
// Included by files compiled for one ISA: everything here has internal linkage.
#ifndef HEDDLE_KERNELS_GEMM_GEMM_INL_H_
#define HEDDLE_KERNELS_GEMM_GEMM_INL_H_

#include <type_traits>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/unroll.h"

namespace heddle::core {
namespace {

// Into how many parts each sum is split: so few sums would wait for their own last Dots.
template <class M, int R, int P>
constexpr int Parts() {
  if constexpr (requires { M::Zero(); }) return R * P <= 2 ? 4 : R * P <= 4 ? 2 : 1;
  return 1;
}

template <class M, int R, int P>
void GemmBlock(const GemmCall& call, int64_t panel) {
  constexpr int kParts = Parts<M, R, P>();
  const M m(call);
  typename M::Acc acc[R][P], more[kParts][R][P];  // more[0] is not used
  HEDDLE_UNROLL
  for (int r = 0; r < R; ++r) HEDDLE_UNROLL
  for (int p = 0; p < P; ++p) {
    acc[r][p] = m.Init(r, (panel + p) * M::kLanes);
    if constexpr (kParts > 1) HEDDLE_UNROLL
    for (int i = 1; i < kParts; ++i) more[i][r][p] = M::Zero();
  }
  const std::byte* w = call.weights + panel * call.panel_bytes;
  for (int32_t tap = 0; tap < call.taps; ++tap) {
    const std::byte* a[R];
    HEDDLE_UNROLL
    for (int r = 0; r < R; ++r) a[r] = call.a[tap * R + r];
    int64_t g = 0;
    if constexpr (kParts > 1) {
      for (; g + kParts <= call.groups; g += kParts) HEDDLE_UNROLL
      for (int i = 0; i < kParts; ++i, w += M::kGroupBytes) HEDDLE_UNROLL
      for (int p = 0; p < P; ++p) {
        const typename M::W weights = m.Weights(w + p * call.panel_bytes);
        HEDDLE_UNROLL
        for (int r = 0; r < R; ++r) {
          typename M::Acc& sum = i == 0 ? acc[r][p] : more[i][r][p];
          sum = m.Dot(sum, m.Row(a[r] + (g + i) * 4), weights);
        }
      }
    }
    for (; g < call.groups; ++g, w += M::kGroupBytes) {
      typename M::W weights[P];
      HEDDLE_UNROLL
      for (int p = 0; p < P; ++p) weights[p] = m.Weights(w + p * call.panel_bytes);
      HEDDLE_UNROLL
      for (int r = 0; r < R; ++r) {
        const typename M::A x = m.Row(a[r] + g * 4);
        HEDDLE_UNROLL
        for (int p = 0; p < P; ++p) acc[r][p] = m.Dot(acc[r][p], x, weights[p]);
      }
    }
  }
  HEDDLE_UNROLL
  for (int r = 0; r < R; ++r) HEDDLE_UNROLL
  for (int p = 0; p < P; ++p) {
    if constexpr (kParts > 1) HEDDLE_UNROLL
    for (int i = 1; i < kParts; ++i) acc[r][p] = M::Join(acc[r][p], more[i][r][p]);
    const int64_t column = (panel + p) * M::kLanes;
    m.Store(acc[r][p], r, column, call.columns - column);
  }
}

using GemmBlockFn = void (*)(const GemmCall& call, int64_t panel);

// table[R - 1] for R of 1..N.
template <class M, int P, int N>
struct GemmTable {
  GemmBlockFn fn[N];
  constexpr GemmTable() : fn() { Fill<1>(); }
  template <int R>
  constexpr void Fill() {
    fn[R - 1] = &GemmBlock<M, R, P>;
    if constexpr (R < N) Fill<R + 1>();
  }
};

// Tail: M for the last two panels, where no more than its kColumns are left of them.
template <class M, class Tail = void>
void GemmRun(const GemmCall& call) {
  static constexpr GemmTable<M, 1, M::kMaxRows> kOne;
  static constexpr GemmTable<M, 2, M::kMaxRows> kTwo;
  static constexpr GemmTable<M, 4, M::kWideRows> kFour;
  int64_t panels = (call.columns + M::kLanes - 1) / M::kLanes;
  bool has_tail = false;
  if constexpr (!std::is_void_v<Tail>) {
    has_tail = panels >= 2 && call.columns <= (panels - 2) * M::kLanes + Tail::kColumns;
    if (has_tail) panels -= 2;
  }
  int64_t panel = 0;
  if (call.rows <= M::kWideRows)
    for (; panel + 4 <= panels; panel += 4) kFour.fn[call.rows - 1](call, panel);
  for (; panel + 2 <= panels; panel += 2) kTwo.fn[call.rows - 1](call, panel);
  if (panel < panels) kOne.fn[call.rows - 1](call, panel);
  if constexpr (!std::is_void_v<Tail>) {
    static constexpr GemmTable<Tail, 1, M::kMaxRows> kTail;
    if (has_tail) kTail.fn[call.rows - 1](call, panels);
  }
}

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_GEMM_INL_H_
