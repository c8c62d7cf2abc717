// SPDX-License-Identifier: Apache-2.0
#include "amx.h"

#include "base/peak_loops.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace heddle::bench {

#if defined(__x86_64__)

namespace {

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

bool AskForTiles() {
  constexpr unsigned kTiles = 1u << 24, kInt8 = 1u << 25;  // of leaf 7, EDX
  constexpr long kRequest = 0x1023, kTileData = 18;        // ARCH_REQ_XCOMP_PERM and its feature
  unsigned a, b, c, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if ((d & kTiles) == 0 || (d & kInt8) == 0) return false;
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

// Whole tiles, all zero: 6 of sums, 2 of factors.
constexpr int kChains = 6, kTiles = 8;

void Products(int64_t rounds) {
  TileConfig config;
  for (int i = 0; i < kTiles; ++i) config.row_bytes[i] = 64, config.rows[i] = 16;
  __asm__ volatile(
      "ldtilecfg (%1)\n"
      ".irp r,0,1,2,3,4,5,6,7\n"
      "tilezero %%tmm\\r\n"
      ".endr\n"
      "1:\n"
      ".irp r,0,1,2,3,4,5\n"
      "tdpbusd %%tmm7, %%tmm6, %%tmm\\r\n"
      ".endr\n"
      "decq %0\n"
      "jnz 1b\n"
      "tilerelease\n"
      : "+r"(rounds)
      : "r"(&config), "m"(config)
      : "cc");
}

}  // namespace

std::optional<core::ProductPeak> MeasureAmx() {
  if (!AskForTiles()) return std::nullopt;
  const core::ProductLoop loop = {"tdpbusd", core::Arithmetic::kInt8, core::Isa::kAvx512Vnni,
                                  int64_t{kChains} * 16 * 16 * 64, &Products};
  return core::ProductPeak{loop.instruction, loop.arithmetic, loop.isa, core::MacsPerNs(loop)};
}

#else

std::optional<core::ProductPeak> MeasureAmx() { return std::nullopt; }

#endif

}  // namespace heddle::bench
