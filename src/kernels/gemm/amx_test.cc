// SPDX-License-Identifier: Apache-2.0
// The product kernel of AMX: on a model of the tile instructions wherever there is AVX-512 VNNI,
// and on the CPU's own where it has them (there int_gemm_test.cc takes it like any other).
#if defined(__x86_64__)

#include <gtest/gtest.h>

#include "kernels/gemm/instructions_for_test.h"
#include "kernels/gemm/int_product_for_test.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {
namespace {

class AmxModel : public testing::Test {
 protected:
  void SetUp() override {
    if (!Runs(Isa::kAvx512Vnni)) GTEST_SKIP() << "not run here: AMX, whose epilogue is AVX-512's";
    TakeTileUse();
  }
  void TearDown() override {
    const TileUse use = TakeTileUse();
    EXPECT_STREQ(use.fault, nullptr);
    EXPECT_EQ(use.configured, use.released);
    if (!IsSkipped()) EXPECT_GT(use.products, 0);
  }
};

TEST_F(AmxModel, SmallShapes) { CheckSmallShapes(kIntGemmAmxModel); }
TEST_F(AmxModel, RandomShapes) { CheckRandomShapes(kIntGemmAmxModel); }

// Whole blocks of 16 groups, one more and one less, with taps that end inside of blocks; full tiles
// of rows, one more and one less.
TEST_F(AmxModel, Blocks) {
  uint32_t seed = 0;
  for (const int32_t rows : {5, 15, 16, 17, 31, 32}) {
    for (const int32_t taps : {1, 2, 9}) {
      for (const int64_t groups : {7, 8, 15, 16, 17, 31, 32, 33}) {
        for (const int64_t columns : {16, 33}) {
          CheckProduct(kIntGemmAmxModel, {rows, taps, groups, columns}, ++seed);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

// BATCH_MATMUL of nothing: sums are what they start from.
TEST_F(AmxModel, NoGroups) {
  CheckProduct(kIntGemmAmxModel, {20, 1, 0, 40}, 1);
  CheckProduct(kIntGemmAmxModel, {20, 1, 1, 40}, 1);
}

// The same packed weights for all forms of the ISA: only what the rows are copied to differs.
TEST(Amx, ReadsThePanelsOfVnni) {
  EXPECT_EQ(kIntGemmAvx512Amx.lanes, kIntGemmAvx512Vnni.lanes);
  EXPECT_EQ(kIntGemmAvx512Amx.group_k, kIntGemmAvx512Vnni.group_k);
  EXPECT_EQ(kIntGemmAvx512Amx.row_offset, kIntGemmAvx512Vnni.row_offset);
}

TEST(Amx, VnniWhereTheSystemRefuses) {
  EXPECT_EQ(IntGemm(Isa::kAvx512Amx), AskForTiles() ? &kIntGemmAvx512Amx : &kIntGemmAvx512Vnni);
}

// XGETBV of 1: which parts of a thread's state are in use.
uint64_t StateInUse() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return uint64_t{high} << 32 | low;
}

TEST(Amx, LeavesNothingInTheThread) {
  if (!Runs(Isa::kAvx512Amx) || !AskForTiles())
    GTEST_SKIP() << "not run here: AMX, which the CPU lacks or the system refuses; its kernel ran "
                    "on a model of the tile instructions";
  CheckProduct(kIntGemmAvx512Amx, {32, 1, 16, 32}, 1);
  EXPECT_EQ(StateInUse() & (uint64_t{3} << 17), 0u);
}

}  // namespace
}  // namespace heddle::core

#endif
