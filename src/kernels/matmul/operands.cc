// SPDX-License-Identifier: Apache-2.0
// The operands in the layout of the products: rows of the lhs, panels of the rhs.
#include <cstring>

#include "base/half.h"
#include "kernels/matmul/plan.h"

namespace heddle::core {
namespace {

// Elements of one row of an operand.
template <class T>
struct Line {
  const T* first;
  int64_t stride;
  const T& operator[](int64_t i) const { return first[i * stride]; }
};
template <class T>
Line<T> LhsRow(const MatMulPlan& p, const void* lhs, int64_t row) {
  const auto* x = static_cast<const T*>(lhs);
  if (!p.adj_x) return {x + row * p.k, 1};
  return {x + row / p.m * p.m * p.k + row % p.m, p.m};
}

// Bytes made unsigned, in the width that the kernel reads, zeros up to a whole group. The sum of
// them all.
uint32_t StoreBytes(const MatMulPlan& p, Line<int8_t> from, std::byte* to) {
  uint32_t sum = 0;
  const auto store = [&](auto* values) {
    for (int64_t i = 0; i < p.k; ++i) {
      const auto u = static_cast<uint8_t>(from[i] + 128);
      values[i] = u;
      sum += u;
    }
    for (int64_t i = p.k; i < p.groups * p.kernels->group_k; ++i) values[i] = 0;
  };
  if (p.kernels->group_k == 2) {
    store(reinterpret_cast<uint16_t*>(to));
  } else {
    store(reinterpret_cast<uint8_t*>(to));
  }
  return sum;
}

RowTerms TermsOf(const MatMulPlan& p, uint32_t sum, int32_t zero, int32_t rhs_zero) {
  const uint32_t u0 = zero + 128, w0 = rhs_zero;
  const uint32_t constant = static_cast<uint32_t>(p.k) * u0 * w0 - w0 * sum;
  return {static_cast<int32_t>(u0) - p.kernels->row_offset, static_cast<int32_t>(constant), 1};
}

RowTerms HybridRow(const MatMulPlan& p, Line<float> from, std::byte* scratch, std::byte* to) {
  auto* values = reinterpret_cast<float*>(scratch);
  auto* q = reinterpret_cast<int8_t*>(scratch + p.k * sizeof(float));
  for (int64_t i = 0; i < p.k; ++i) values[i] = from[i];
  const QuantisedRow row = QuantiseRow(p.scheme, values, p.k, q);
  StoreBytes(p, {q, 1}, to);
  RowTerms terms = TermsOf(p, 0, row.zero, 0);
  terms.scale = row.scale;
  return terms;
}

template <class To, class From>
To Stored(From w) {
  if constexpr (std::is_same_v<From, Half>) {
    return ToFloat(w);
  } else {
    return w;
  }
}

// The column of each lane lies in one piece (adj_y), or a row of them all does.
template <int32_t kGroup, class From, class To>
void FillGroups(const MatMulPlan& p, const From* rhs, int64_t first, To* to, int32_t* sums) {
  const int64_t lanes = p.kernels->lanes, real = std::min(lanes, p.n - first);
  const auto place = [=](int64_t k) { return to + k / kGroup * kGroup * lanes + k % kGroup; };
  for (int64_t lane = 0; p.adj_y && lane < real; ++lane) {
    const From* from = rhs + (first + lane) * p.k;
    for (int64_t k = 0; k < p.k; ++k) {
      const To w = Stored<To>(from[k]);
      place(k)[lane * kGroup] = w;
      if constexpr (std::is_same_v<To, int8_t>) sums[lane] += w;
    }
  }
  for (int64_t k = 0; !p.adj_y && k < p.k; ++k) {
    const From* from = rhs + k * p.n + first;
    To* const row = place(k);
    for (int64_t lane = 0; lane < real; ++lane) {
      const To w = Stored<To>(from[lane]);
      row[lane * kGroup] = w;
      if constexpr (std::is_same_v<To, int8_t>) sums[lane] += w;
    }
  }
}

template <class From, class To>
void FillPanel(const MatMulPlan& p, const From* rhs, int64_t first, To* to, int32_t* sums) {
  const int64_t lanes = p.kernels->lanes, group = p.kernels->group_k;
  if (p.n - first < lanes || p.groups * group > p.k)
    std::memset(to, 0, static_cast<size_t>(p.panel_bytes));
  if (group == 4) return FillGroups<4>(p, rhs, first, to, sums);
  if (group == 2) return FillGroups<2>(p, rhs, first, to, sums);
  FillGroups<1>(p, rhs, first, to, sums);
}

}  // namespace

void PackPanel(const MatMulPlan& p, const void* rhs, int64_t panel, std::byte* to) {
  const int64_t batch = panel / p.division.panels, in_batch = panel % p.division.panels;
  const int64_t skip = batch * p.k * p.n, first = in_batch * p.kernels->lanes;
  std::byte* out = to + batch * p.rhs_bytes + in_batch * p.panel_bytes;
  auto* sums = reinterpret_cast<int32_t*>(to + batch * p.rhs_bytes + p.sums_offset()) + first;
  std::fill_n(sums, p.kernels->lanes, 0);
  switch (p.form) {
    case MatMulForm::kFloat:
      return FillPanel(p, static_cast<const float*>(rhs) + skip, first,
                       reinterpret_cast<float*>(out), sums);
    case MatMulForm::kHalf:
      return FillPanel(p, static_cast<const Half*>(rhs) + skip, first,
                       reinterpret_cast<float*>(out), sums);
    case MatMulForm::kInt8:
    case MatMulForm::kHybrid:
      return FillPanel(p, static_cast<const int8_t*>(rhs) + skip, first,
                       reinterpret_cast<int8_t*>(out), sums);
    case MatMulForm::kInt16:
      return FillPanel(p, static_cast<const int16_t*>(rhs) + skip, first,
                       reinterpret_cast<int16_t*>(out), sums);
    case MatMulForm::kInt16By8:
      return FillPanel(p, static_cast<const int8_t*>(rhs) + skip, first,
                       reinterpret_cast<int16_t*>(out), sums);
  }
}

TileCode PanelTile(const MatMulPlan& p, const TileArgs& args, TileRange tiles) {
  for (int64_t panel = tiles.begin; panel < tiles.end; ++panel)
    PackPanel(p, args.inputs[1], panel, args.shared + p.panels_at);
  return TileCode::kOk;
}

TileCode RowTile(const MatMulPlan& p, const TileArgs& args, TileRange tiles) {
  auto* terms = reinterpret_cast<RowTerms*>(args.shared + p.terms_at);
  const void* lhs = args.inputs[0];
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    std::byte* to = args.shared + p.rows_at + row * p.row_bytes;
    const auto copy = [&](auto* values, const auto& from) {
      for (int64_t i = 0; i < p.k; ++i) values[i] = from[i];
    };
    switch (p.form) {
      case MatMulForm::kFloat:
        copy(reinterpret_cast<float*>(to), LhsRow<float>(p, lhs, row));
        break;
      case MatMulForm::kHalf: {
        const Line<Half> from = LhsRow<Half>(p, lhs, row);
        auto* values = reinterpret_cast<float*>(to);
        for (int64_t i = 0; i < p.k; ++i) values[i] = ToFloat(from[i]);
        break;
      }
      case MatMulForm::kInt8: {
        const uint32_t sum = StoreBytes(p, LhsRow<int8_t>(p, lhs, row), to);
        terms[row] = TermsOf(p, sum, p.lhs_zero, p.rhs_zero);
        break;
      }
      case MatMulForm::kHybrid:
        terms[row] = HybridRow(p, LhsRow<float>(p, lhs, row), args.scratch, to);
        break;
      case MatMulForm::kInt16:
      case MatMulForm::kInt16By8:
        copy(reinterpret_cast<int16_t*>(to), LhsRow<int16_t>(p, lhs, row));
        break;
    }
  }
  return TileCode::kOk;
}

}  // namespace heddle::core
