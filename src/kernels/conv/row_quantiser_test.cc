// SPDX-License-Identifier: Apache-2.0
// The row kernels of each ISA against the plain ones: every length about a block, every kind of
// value.
#include "kernels/conv/row_quantiser.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>
#include <vector>

namespace heddle::core {
namespace {

std::vector<float> Values(uint32_t seed, int64_t n) {
  constexpr float kOdd[] = {0.0f,
                            -0.0f,
                            0.5f,
                            -2.5f,
                            1e30f,
                            -1e30f,
                            std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::denorm_min()};
  std::mt19937 random(seed);
  std::vector<float> values(n);
  for (float& v : values) {
    v = std::uniform_real_distribution<float>(-3, 3)(random);
    if (seed % 3 == 0 && random() % 8 == 0) v = kOdd[random() % std::size(kOdd)];
  }
  return values;
}

TEST(RowQuantiser, EveryIsaGivesThePlainBits) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    const int64_t n = seed % 100;
    const std::vector<float> values = Values(seed, n);
    for (const RowScheme scheme :
         {RowScheme::kSymmetric, RowScheme::kAsymmetric, RowScheme::kXnn}) {
      std::vector<int8_t> expected(n);
      const QuantisedRow plain = QuantiseRow(scheme, values.data(), n, expected.data());
      for (const Isa isa : SupportedIsas()) {
        SCOPED_TRACE(testing::Message() << "seed " << seed << ", scheme "
                                        << static_cast<int>(scheme) << ", " << IsaName(isa));
        std::vector<int8_t> got(n);
        const QuantisedRow row =
            QuantiseRow(scheme, values.data(), n, got.data(), RowKernelsOf(isa));
        EXPECT_EQ(got, expected);
        EXPECT_EQ(row.zero, plain.zero);
        EXPECT_EQ(std::bit_cast<uint32_t>(row.scale), std::bit_cast<uint32_t>(plain.scale));
      }
    }
  }
}

}  // namespace
}  // namespace heddle::core
