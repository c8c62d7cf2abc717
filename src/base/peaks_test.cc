// SPDX-License-Identifier: Apache-2.0
#include "base/peaks.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/peak_loops.h"

namespace heddle::core {
namespace {

Peaks MadeUp() {
  Peaks peaks;
  peaks.products = {{"f2", Arithmetic::kFloat, Isa::kAvx2, 10},
                    {"i2", Arithmetic::kInt8, Isa::kAvx2, 20},
                    {"f5", Arithmetic::kFloat, Isa::kAvx512, 9},
                    {"i5", Arithmetic::kInt8, Isa::kAvx512Vnni, 80}};
  peaks.reads = {{"L1", 1000, 100}, {"L2", 8000, 50}, {"memory", SIZE_MAX, 5}};
  return peaks;
}

TEST(Peaks, TheBestInstructionIsTheFastestThatTheIsaHas) {
  const Peaks peaks = MadeUp();
  EXPECT_STREQ(peaks.Best(Arithmetic::kInt8, Isa::kAvx512)->instruction, "i2");
  EXPECT_STREQ(peaks.Best(Arithmetic::kInt8, Isa::kAvx512Vnni)->instruction, "i5");
  EXPECT_STREQ(peaks.Best(Arithmetic::kInt8, Isa::kPlain)->instruction, "i5");
  EXPECT_STREQ(peaks.Best(Arithmetic::kFloat, Isa::kAvx512Vnni)->instruction, "f2");
  EXPECT_EQ(peaks.Best(Arithmetic::kInt16, Isa::kAvx512Vnni), nullptr);
}

TEST(Peaks, TheLevelIsTheNearestThatHoldsAll) {
  const Peaks peaks = MadeUp();
  EXPECT_STREQ(peaks.LevelOf(0)->level, "L1");
  EXPECT_STREQ(peaks.LevelOf(1000)->level, "L1");
  EXPECT_STREQ(peaks.LevelOf(1001)->level, "L2");
  EXPECT_STREQ(peaks.LevelOf(8001)->level, "memory");
  EXPECT_EQ(Peaks().LevelOf(1), nullptr);
}

// No core has 8 GHz, more than two vectors of 64 bytes for products, and reads 256 bytes a cycle: a
// loop that is counted wrong, or not run, goes past that.
TEST(MeasurePeaks, IsWhatAMachineCanDo) {
  const Peaks peaks = MeasurePeaks(SupportedIsas().back());
  for (const ProductPeak& peak : peaks.products) {
    const bool bytes = peak.arithmetic == Arithmetic::kInt8;
    EXPECT_GT(peak.macs_per_ns, 0) << peak.instruction;
    EXPECT_LT(peak.macs_per_ns, 8 * 2 *
                                    (peak.isa == Isa::kAvx512Amx ? 1024
                                     : bytes                     ? 64
                                                                 : 32))
        << peak.instruction;
    const auto& isas = SupportedIsas();
    EXPECT_NE(std::find(isas.begin(), isas.end(), peak.isa), isas.end()) << peak.instruction;
  }
  size_t before = 0;
  for (const ReadPeak& level : peaks.reads) {
    EXPECT_GT(level.bytes, before) << level.level;
    before = level.bytes;
    EXPECT_GT(level.bytes_per_ns, 0) << level.level;
    EXPECT_LT(level.bytes_per_ns, 8 * 256) << level.level;
  }
#if defined(__x86_64__) || defined(__aarch64__)
  EXPECT_STREQ(peaks.reads.back().level, "memory");
  for (const Isa isa : SupportedIsas())
    for (const Arithmetic a : {Arithmetic::kFloat, Arithmetic::kInt8, Arithmetic::kInt16})
      EXPECT_TRUE(SupportedIsas().size() == 1 || peaks.Best(a, isa) != nullptr) << IsaName(isa);
#endif
}

// Up to the last byte before a page that nobody may read.
TEST(ReadThrough, StaysInside) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const pages =
      mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  auto* const guarded = static_cast<std::byte*>(pages) + page;
  ASSERT_EQ(mprotect(guarded, page, PROT_NONE), 0);
  for (const Isa isa : SupportedIsas())
    for (size_t bytes = kReadBlock; bytes <= page; bytes += kReadBlock)
      ReadThrough(guarded - bytes, bytes, isa);
  munmap(pages, 2 * page);
}

}  // namespace
}  // namespace heddle::core
