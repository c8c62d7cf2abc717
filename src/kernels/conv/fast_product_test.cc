// SPDX-License-Identifier: Apache-2.0
// Products of kernels that want scratch of their own, AMX's on the model of its instructions: what
// GemmTile gives them is theirs alone.
#include "kernels/conv/fast_product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "kernels/conv/segments.h"
#include "kernels/gemm/instructions_for_test.h"

namespace heddle::core {
namespace {

// Of a block: 70 rows that lie `row_stride` bytes apart.
int64_t BlockRows(int32_t group_k, int64_t row_stride) {
  GemmKernels kernels{};
  kernels.lanes = 16, kernels.group_k = group_k, kernels.max_rows = 12, kernels.macs_per_ns = 50;
  return Divide(kernels, 70, 1, 256, row_stride / 4, row_stride).block_rows;
}

TEST(Divide, FewRowsOfABlockShareASetOfTheCache) {
  EXPECT_EQ(BlockRows(1, 1024), 12);
  EXPECT_EQ(BlockRows(1, 3072), 12);
  EXPECT_EQ(BlockRows(1, 2048), 12);  // two sets
  EXPECT_EQ(BlockRows(1, 4096), 6);
  EXPECT_EQ(BlockRows(1, 12288), 6);
  EXPECT_EQ(BlockRows(1, 4096 + 64), 12);
  EXPECT_EQ(BlockRows(4, 4096), 12);  // a line of bytes is read once in four groups
}

#if defined(__x86_64__)

constexpr int64_t kRows = 70, kDepth = 98, kColumns = 50, kLanes = 16;
constexpr int64_t kGroups = (kDepth + 3) / 4, kPanels = (kColumns + kLanes - 1) / kLanes;

struct Operands {
  std::vector<int8_t> rows, weights;  // weights: panels
  std::shared_ptr<FastConstants> constants = std::make_shared<FastConstants>();
};

Operands MakeOperands() {
  std::mt19937 random(1);
  std::uniform_int_distribution<int32_t> byte(-128, 127);
  Operands o;
  o.rows.resize(kRows * kDepth);
  for (int8_t& x : o.rows) x = static_cast<int8_t>(byte(random));
  o.weights.resize(kPanels * kGroups * kLanes * 4);
  for (size_t i = 0; i < o.weights.size(); ++i) {
    const size_t k = i / (kLanes * 4) % kGroups * 4 + i % 4;
    o.weights[i] = k < kDepth ? static_cast<int8_t>(byte(random)) : int8_t{0};
  }
  FastConstants& c = *o.constants;
  c.flip = 0x80808080u;
  c.sums.resize(kPanels * kLanes), c.scale.resize(kPanels * kLanes, 0.0005f);
  for (int32_t& x : c.sums) x = byte(random) * 1000;
  c.int_epilogue.kind = IntEpilogue::Kind::kRequantFloat;
  return o;
}

GemmParams MakeParams(const GemmKernels& kernels, const Operands& o) {
  GemmParams p;
  p.constants = o.constants;
  p.kernels = &kernels;
  p.run = kernels.Form(GemmForm::kIntRequant);
  p.call.init = o.constants->sums.data(), p.call.scale = o.constants->scale.data();
  p.call.lo = -128, p.call.hi = 127;
  p.call.panel_bytes = kGroups * kLanes * 4;
  p.element = p.out_element = 1;
  p.dense = true;
  p.columns = kColumns;
  p.tap_bytes = p.group_bytes = p.row_bytes = kDepth;
  p.input_bytes = kRows * kDepth;
  PlanSegments(kernels, kDepth, p);
  p.division = Divide(kernels, kRows, 1, kColumns, kDepth);
  PlaceScratch(p);
  return p;
}

std::vector<int8_t> Outputs(const GemmKernels& kernels, const Operands& o) {
  const GemmParams p = MakeParams(kernels, o);
  constexpr size_t kPast = 64;
  std::vector<std::byte> scratch(p.scratch_bytes + kPast, std::byte{0xA5});
  std::vector<int8_t> out(kRows * kColumns);
  const void* const inputs[] = {o.rows.data()};
  void* const outputs[] = {out.data()};
  const auto* weights = reinterpret_cast<const std::byte*>(o.weights.data());
  const TileArgs args{inputs, outputs, weights, nullptr, scratch.data()};
  EXPECT_EQ(GemmTile(p, args, {0, p.division.tiles()}), TileCode::kOk);
  for (size_t i = 0; i < kPast; ++i) EXPECT_EQ(scratch[p.scratch_bytes + i], std::byte{0xA5});
  return out;
}

TEST(FastProduct, ScratchOfKernels) {
  const auto& isas = SupportedIsas();
  if (std::find(isas.begin(), isas.end(), Isa::kAvx512Vnni) == isas.end())
    GTEST_SKIP() << "not run here: AVX-512 VNNI";
  const Operands o = MakeOperands();
  EXPECT_EQ(Outputs(kIntGemmAmxModel, o), Outputs(*IntGemm(Isa::kAvx512Vnni), o));
}

#endif

}  // namespace
}  // namespace heddle::core
