// SPDX-License-Identifier: Apache-2.0
// The product kernel of AVX-VNNI with the same instruction in AVX-512's encoding; in its own
// int_gemm_test.cc takes it like any other, where the CPU has it.
#if defined(__x86_64__)

#include <gtest/gtest.h>

#include "kernels/gemm/instructions_for_test.h"
#include "kernels/gemm/int_product_for_test.h"

namespace heddle::core {
namespace {

class AvxVnniModel : public testing::Test {
 protected:
  void SetUp() override {
    if (!Runs(Isa::kAvx512Vnni)) GTEST_SKIP() << "not run here: AVX-512 VNNI, which stands for it";
  }
};

TEST_F(AvxVnniModel, SmallShapes) { CheckSmallShapes(kIntGemmAvxVnniModel); }
TEST_F(AvxVnniModel, RandomShapes) { CheckRandomShapes(kIntGemmAvxVnniModel); }

TEST(AvxVnni, RunsHere) {
  if (!Runs(Isa::kAvxVnni))
    GTEST_SKIP() << "not run here: AVX-VNNI, which the CPU lacks; its kernel ran in AVX-512's "
                    "encoding of the instruction, where there is that";
  CheckSmallShapes(*IntGemm(Isa::kAvxVnni));
}

}  // namespace
}  // namespace heddle::core

#endif
