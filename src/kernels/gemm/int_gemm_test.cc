// SPDX-License-Identifier: Apache-2.0
// The integer product kernels of every ISA of this machine.
#include <vector>

#include "kernels/gemm/int_product_for_test.h"

namespace heddle::core {
namespace {

std::vector<Isa> WithKernels() {
  std::vector<Isa> isas;
  for (const Isa isa : SupportedIsas())
    if (IntGemm(isa) != nullptr) isas.push_back(isa);
  return isas;
}

class IntGemmTest : public testing::TestWithParam<Isa> {};

TEST_P(IntGemmTest, SmallShapes) { CheckSmallShapes(*IntGemm(GetParam())); }
TEST_P(IntGemmTest, RandomShapes) { CheckRandomShapes(*IntGemm(GetParam())); }

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(IntGemmTest);  // on machines without kernels
INSTANTIATE_TEST_SUITE_P(Isas, IntGemmTest, testing::ValuesIn(WithKernels()),
                         [](const auto& instance) { return IsaName(instance.param); });

}  // namespace
}  // namespace heddle::core
