// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/int_gemm_neondot-inl.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {
namespace {

// SMMLA has nothing to multiply a single row with.
template <GemmForm kForm>
struct OneRow : Quads<kForm> {
  static constexpr int kMaxRows = 1, kWideRows = 1;
  using Quads<kForm>::Quads;
};

inline int32x4_t LowHalves(int32x4_t a, int32x4_t b) {
  return vcombine_s32(vget_low_s32(a), vget_low_s32(b));
}
inline int32x4_t HighHalves(int32x4_t a, int32x4_t b) {
  return vcombine_s32(vget_high_s32(a), vget_high_s32(b));
}

// Panels are SDOT's, four bytes of each lane; SMMLA takes eight bytes of two rows and of two lanes,
// so two groups are zipped, which all pairs of rows share. An accumulator is two rows of two lanes.
template <GemmForm kForm>
struct RowPairs : Quads<kForm> {
  static constexpr int kGroupBytes = Quads<kForm>::kGroupBytes;
  using Quads<kForm>::Quads;
  struct Acc {
    int32x4_t v[4];  // lanes 0 and 1, 2 and 3, ...
  };

  Acc Init(int top, int bottom, int64_t column) const {
    const Ints8 a = Quads<kForm>::Init(top, column), b = Quads<kForm>::Init(bottom, column);
    return {{LowHalves(a.v[0], b.v[0]), HighHalves(a.v[0], b.v[0]), LowHalves(a.v[1], b.v[1]),
             HighHalves(a.v[1], b.v[1])}};
  }
  Ints8 Top(const Acc& acc) const {
    return {{LowHalves(acc.v[0], acc.v[1]), LowHalves(acc.v[2], acc.v[3])}};
  }
  Ints8 Bottom(const Acc& acc) const {
    return {{HighHalves(acc.v[0], acc.v[1]), HighHalves(acc.v[2], acc.v[3])}};
  }
  // Two groups of a row; the last of an odd number of them twice, for its second half meets zeros.
  template <bool kTwo>
  static int8x8_t Bytes(const std::byte* a) {
    if constexpr (kTwo) return vld1_s8(reinterpret_cast<const int8_t*>(a));
    return vreinterpret_s8_s32(vld1_dup_s32(reinterpret_cast<const int32_t*>(a)));
  }
  template <bool kTwo>
  int8x16_t Rows(const std::byte* top, const std::byte* bottom) const {
    return veorq_s8(vcombine_s8(Bytes<kTwo>(top), Bytes<kTwo>(bottom)), this->flip);
  }
  // Lanes 4 * half and on: two pairs of them.
  template <bool kTwo>
  static int32x4x2_t Lanes(const std::byte* w, int half) {
    const auto* ints = reinterpret_cast<const int32_t*>(w) + half * 4;
    const int32x4_t first = vld1q_s32(ints);
    const int32x4_t second = kTwo ? vld1q_s32(ints + 8) : vdupq_n_s32(0);
    return {{vzip1q_s32(first, second), vzip2q_s32(first, second)}};
  }
};

// One or two groups of all rows and panels.
template <bool kTwo, GemmForm kForm, int kPairs, int P>
inline void Multiply(const RowPairs<kForm>& m, const std::byte* const* a, int64_t at,
                     const std::byte* w, typename RowPairs<kForm>::Acc (&acc)[kPairs][P]) {
  int8x16_t x[kPairs];
  HEDDLE_UNROLL
  for (int i = 0; i < kPairs; ++i) x[i] = m.template Rows<kTwo>(a[2 * i] + at, a[2 * i + 1] + at);
  HEDDLE_UNROLL
  for (int p = 0; p < P; ++p) HEDDLE_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int32x4x2_t lanes = m.template Lanes<kTwo>(w + p * m.call.panel_bytes, half);
    HEDDLE_UNROLL
    for (int i = 0; i < kPairs; ++i) HEDDLE_UNROLL
    for (int j = 0; j < 2; ++j) {
      int32x4_t& sums = acc[i][p].v[2 * half + j];
      sums = vmmlaq_s32(sums, x[i], vreinterpretq_s8_s32(lanes.val[j]));
    }
  }
}

// The last of an odd number of rows is its own neighbour.
template <GemmForm kForm, int R, int P>
void PairsBlock(const GemmCall& call, int64_t panel) {
  constexpr int kPairs = (R + 1) / 2;
  const RowPairs<kForm> m(call);
  typename RowPairs<kForm>::Acc acc[kPairs][P];
  const auto bottom = [](int pair) { return 2 * pair + 1 < R ? 2 * pair + 1 : R - 1; };
  HEDDLE_UNROLL
  for (int i = 0; i < kPairs; ++i) HEDDLE_UNROLL
  for (int p = 0; p < P; ++p) acc[i][p] = m.Init(2 * i, bottom(i), (panel + p) * m.kLanes);
  const std::byte* w = call.weights + panel * call.panel_bytes;
  for (int32_t tap = 0; tap < call.taps; ++tap) {
    const std::byte* a[2 * kPairs];
    HEDDLE_UNROLL
    for (int i = 0; i < kPairs; ++i)
      a[2 * i] = call.a[tap * R + 2 * i], a[2 * i + 1] = call.a[tap * R + bottom(i)];
    int64_t g = 0;
    for (; g + 2 <= call.groups; g += 2, w += 2 * m.kGroupBytes)
      Multiply<true>(m, a, g * 4, w, acc);
    if (g == call.groups) continue;
    Multiply<false>(m, a, g * 4, w, acc);
    w += m.kGroupBytes;
  }
  HEDDLE_UNROLL
  for (int i = 0; i < kPairs; ++i) HEDDLE_UNROLL
  for (int p = 0; p < P; ++p) {
    const int64_t column = (panel + p) * m.kLanes;
    m.Store(m.Top(acc[i][p]), 2 * i, column, call.columns - column);
    if (2 * i + 1 < R) m.Store(m.Bottom(acc[i][p]), 2 * i + 1, column, call.columns - column);
  }
}

// As many sums as registers hold beside what is multiplied.
constexpr int kMaxRows = 8, kRowsOfTwoPanels = 4;

template <GemmForm kForm>
constexpr GemmBlockFn kOnePanel[kMaxRows - 1] = {&PairsBlock<kForm, 2, 1>, &PairsBlock<kForm, 3, 1>,
                                                 &PairsBlock<kForm, 4, 1>, &PairsBlock<kForm, 5, 1>,
                                                 &PairsBlock<kForm, 6, 1>, &PairsBlock<kForm, 7, 1>,
                                                 &PairsBlock<kForm, 8, 1>};
template <GemmForm kForm>
constexpr GemmBlockFn kTwoPanels[kRowsOfTwoPanels - 1] = {
    &PairsBlock<kForm, 2, 2>, &PairsBlock<kForm, 3, 2>, &PairsBlock<kForm, 4, 2>};

template <GemmForm kForm>
void Run(const GemmCall& call) {
  if (call.rows == 1) return GemmRun<OneRow<kForm>>(call);
  constexpr int kLanes = RowPairs<kForm>::kLanes;
  const int64_t panels = (call.columns + kLanes - 1) / kLanes;
  int64_t panel = 0;
  if (call.rows <= kRowsOfTwoPanels)
    for (; panel + 2 <= panels; panel += 2) kTwoPanels<kForm>[call.rows - 2](call, panel);
  for (; panel < panels; ++panel) kOnePanel<kForm>[call.rows - 2](call, panel);
}

}  // namespace

const GemmKernels kIntGemmNeonI8mm = {
    .name = "gemm_s8_neoni8mm",
    .lanes = 8,
    .group_k = 4,
    .max_rows = kMaxRows,
    .macs_per_ns = 75,
    .first = &Run<GemmForm::kIntSums>,
    .second = &Run<GemmForm::kIntRequant>,
    .third = &Run<GemmForm::kIntScaled>,
    .row_offset = 128,
};

}  // namespace heddle::core
