// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/byte_table.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

namespace heddle::core {
namespace {

std::vector<uint8_t> RandomBytes(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes(n);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
  return bytes;
}

TEST(ByteTable, EveryByteOnEveryIsa) {
  const std::vector<uint8_t> values = RandomBytes(256, 1);
  std::vector<uint8_t> in(256), out(256);
  for (int i = 0; i < 256; ++i) in[i] = static_cast<uint8_t>(i);
  for (Isa isa : SupportedIsas()) {
    ByteTableRunFor(isa).run(values.data(), in.data(), out.data(), 256);
    EXPECT_EQ(out, values) << IsaName(isa);
  }
}

// Any number of elements, from any address, in their own place, too; and none beyond them.
TEST(ByteTable, RunsOfEveryLength) {
  constexpr uint8_t kGuard = 0xa5;
  const std::vector<uint8_t> values = RandomBytes(256, 2), in = RandomBytes(300, 3);
  for (Isa isa : SupportedIsas()) {
    for (int64_t n = 0; n <= 260; ++n) {
      const int64_t at = n % 7;
      std::vector<uint8_t> out(300, kGuard), own = in, want(300, kGuard), want_own = in;
      for (int64_t i = at; i < at + n; ++i) want[i] = want_own[i] = values[in[i]];
      const ByteTableRun run = ByteTableRunFor(isa);
      run.run(values.data(), in.data() + at, out.data() + at, n);
      run.run(values.data(), own.data() + at, own.data() + at, n);
      ASSERT_EQ(out, want) << n << " elements on " << IsaName(isa);
      ASSERT_EQ(own, want_own) << n << " elements on " << IsaName(isa);
    }
  }
}

TEST(ByteTable, TheVectorsOfAnIsaHaveTheirForm) {
  for (Isa isa : SupportedIsas())
    EXPECT_EQ(ByteTableRunFor(isa).name == std::string("table"), isa == Isa::kPlain)
        << IsaName(isa);
}

}  // namespace
}  // namespace heddle::core
