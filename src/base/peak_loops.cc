// SPDX-License-Identifier: Apache-2.0
#include "base/peak_loops.h"

namespace heddle::core {

#if defined(__x86_64__)

namespace {

#define HEDDLE_REGISTERS                                                                   \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
      "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

// `step` on each of the accumulators 0 to 11. Of the other registers, all zero, 12 and 13 are
// factors.
#define HEDDLE_PRODUCTS(step)                          \
  __asm__ volatile(                                    \
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" \
      "vpxor %%xmm\\r, %%xmm\\r, %%xmm\\r\n"           \
      ".endr\n"                                        \
      "1:\n"                                           \
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n" step        \
      "\n.endr\n"                                      \
      "decq %0\n"                                      \
      "jnz 1b\n"                                       \
      "vzeroupper\n"                                   \
      : "+r"(rounds)                                   \
      :                                                \
      : "cc", HEDDLE_REGISTERS)

constexpr int64_t kChains = 12;

void FmaYmm(int64_t rounds) { HEDDLE_PRODUCTS("vfmadd231ps %%ymm13, %%ymm12, %%ymm\\r"); }
void FmaZmm(int64_t rounds) { HEDDLE_PRODUCTS("vfmadd231ps %%zmm13, %%zmm12, %%zmm\\r"); }
void MaddYmm(int64_t rounds) {
  HEDDLE_PRODUCTS(
      "vpmaddwd %%ymm13, %%ymm12, %%ymm14\n"
      "vpaddd %%ymm14, %%ymm\\r, %%ymm\\r");
}
void MaddZmm(int64_t rounds) {
  HEDDLE_PRODUCTS(
      "vpmaddwd %%zmm13, %%zmm12, %%zmm14\n"
      "vpaddd %%zmm14, %%zmm\\r, %%zmm\\r");
}
void DotZmm(int64_t rounds) { HEDDLE_PRODUCTS("vpdpbusd %%zmm13, %%zmm12, %%zmm\\r"); }
void DotYmm(int64_t rounds) { HEDDLE_PRODUCTS("%{vex%} vpdpbusd %%ymm13, %%ymm12, %%ymm\\r"); }
void PairDotYmm(int64_t rounds) { HEDDLE_PRODUCTS("%{vex%} vpdpwssd %%ymm13, %%ymm12, %%ymm\\r"); }
void PairDotZmm(int64_t rounds) { HEDDLE_PRODUCTS("vpdpwssd %%zmm13, %%zmm12, %%zmm\\r"); }

#undef HEDDLE_PRODUCTS

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Whole tiles, all zero: 6 of sums, 2 of factors.
constexpr int64_t kTileChains = 6, kTiles = 8;

void DotTiles(int64_t rounds) {
  TileConfig config;
  for (int64_t i = 0; i < kTiles; ++i) config.row_bytes[i] = 64, config.rows[i] = 16;
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

// Eight loads, then on to the next eight.
#define HEDDLE_READ(load, step)       \
  __asm__ volatile(                   \
      "1:\n"                          \
      ".irp r,0,1,2,3,4,5,6,7\n" load \
      "\n.endr\n"                     \
      "addq $" step                   \
      ", %0\n"                        \
      "cmpq %1, %0\n"                 \
      "jb 1b\n"                       \
      : "+r"(at)                      \
      : "r"(end)                      \
      : "cc", "memory", HEDDLE_REGISTERS)

}  // namespace

std::span<const ProductLoop> ProductLoops() {
  static constexpr ProductLoop kLoops[] = {
      {"vfmadd231ps ymm", Arithmetic::kFloat, Isa::kAvx2, 8 * kChains, &FmaYmm},
      {"vpmaddwd ymm", Arithmetic::kInt8, Isa::kAvx2, 16 * kChains, &MaddYmm},
      {"vpmaddwd ymm", Arithmetic::kInt16, Isa::kAvx2, 16 * kChains, &MaddYmm},
      {"vpdpbusd ymm", Arithmetic::kInt8, Isa::kAvxVnni, 32 * kChains, &DotYmm},
      {"vpdpwssd ymm", Arithmetic::kInt16, Isa::kAvxVnni, 16 * kChains, &PairDotYmm},
      {"vfmadd231ps zmm", Arithmetic::kFloat, Isa::kAvx512, 16 * kChains, &FmaZmm},
      {"vpmaddwd zmm", Arithmetic::kInt8, Isa::kAvx512, 32 * kChains, &MaddZmm},
      {"vpmaddwd zmm", Arithmetic::kInt16, Isa::kAvx512, 32 * kChains, &MaddZmm},
      {"vpdpbusd zmm", Arithmetic::kInt8, Isa::kAvx512Vnni, 64 * kChains, &DotZmm},
      {"vpdpwssd zmm", Arithmetic::kInt16, Isa::kAvx512Vnni, 32 * kChains, &PairDotZmm},
      {"tdpbusd", Arithmetic::kInt8, Isa::kAvx512Amx, 16 * 16 * 64 * kTileChains, &DotTiles},
  };
  return kLoops;
}

void ReadThrough(const std::byte* data, size_t bytes, Isa isa) {
  const std::byte *at = data, *end = data + bytes;
  const Isa vectors = VectorsOf(isa);
  if (vectors == Isa::kAvx512) {
    HEDDLE_READ("vmovups \\r*64(%0), %%zmm\\r", "512");
    __asm__ volatile("vzeroupper" ::: HEDDLE_REGISTERS);
  } else if (vectors == Isa::kAvx2) {
    HEDDLE_READ("vmovups \\r*32(%0), %%ymm\\r", "256");
    __asm__ volatile("vzeroupper" ::: HEDDLE_REGISTERS);
  } else {
    HEDDLE_READ("movups \\r*16(%0), %%xmm\\r", "128");
  }
}

#undef HEDDLE_READ
#undef HEDDLE_REGISTERS

bool Evict(const std::byte* data, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64)
    __asm__ volatile("clflush (%0)" ::"r"(data + i) : "memory");
  __asm__ volatile("mfence" ::: "memory");
  return true;
}

#elif defined(__aarch64__)

namespace {

#define HEDDLE_REGISTERS                                                                         \
  "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", \
      "v15", "v16", "v17"

// `step` on each of the accumulators 0 to 15; 16 and 17 are factors. All are zero at first.
#define HEDDLE_PRODUCTS(step)                                \
  __asm__ volatile(                                          \
      ".arch_extension dotprod\n.arch_extension i8mm\n"      \
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\n" \
      "movi v\\r\\().2d, #0\n"                               \
      ".endr\n"                                              \
      "1:\n"                                                 \
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" step  \
      "\n.endr\n"                                            \
      "subs %0, %0, #1\n"                                    \
      "b.ne 1b\n"                                            \
      : "+r"(rounds)                                         \
      :                                                      \
      : "cc", HEDDLE_REGISTERS)

constexpr int64_t kChains = 16;

void Fmla(int64_t rounds) { HEDDLE_PRODUCTS("fmla v\\r\\().4s, v16.4s, v17.4s"); }
void Smlal(int64_t rounds) { HEDDLE_PRODUCTS("smlal v\\r\\().4s, v16.4h, v17.4h"); }
void Sdot(int64_t rounds) { HEDDLE_PRODUCTS("sdot v\\r\\().4s, v16.16b, v17.16b"); }
void Smmla(int64_t rounds) { HEDDLE_PRODUCTS("smmla v\\r\\().4s, v16.16b, v17.16b"); }

#undef HEDDLE_PRODUCTS

}  // namespace

std::span<const ProductLoop> ProductLoops() {
  static constexpr ProductLoop kLoops[] = {
      {"fmla 4s", Arithmetic::kFloat, Isa::kNeon, 4 * kChains, &Fmla},
      {"smlal 4s", Arithmetic::kInt8, Isa::kNeon, 4 * kChains, &Smlal},
      {"smlal 4s", Arithmetic::kInt16, Isa::kNeon, 4 * kChains, &Smlal},
      {"sdot 4s", Arithmetic::kInt8, Isa::kNeonDot, 16 * kChains, &Sdot},
      {"smmla 4s", Arithmetic::kInt8, Isa::kNeonI8mm, 32 * kChains, &Smmla},
  };
  return kLoops;
}

void ReadThrough(const std::byte* data, size_t bytes, Isa) {
  const std::byte *at = data, *end = data + bytes;
  __asm__ volatile(
      "1:\n"
      ".irp r,0,1,2,3,4,5,6,7\n"
      "ldr q\\r, [%0, #\\r*16]\n"
      ".endr\n"
      "add %0, %0, #128\n"
      "cmp %0, %1\n"
      "b.lo 1b\n"
      : "+r"(at)
      : "r"(end)
      : "cc", "memory", HEDDLE_REGISTERS);
}

#undef HEDDLE_REGISTERS

bool Evict(const std::byte* data, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64)
    __asm__ volatile("dc civac, %0" ::"r"(data + i) : "memory");
  __asm__ volatile("dsb ish" ::: "memory");
  return true;
}

#else

std::span<const ProductLoop> ProductLoops() { return {}; }

void ReadThrough(const std::byte* data, size_t bytes, Isa) {
  for (size_t i = 0; i < bytes; i += sizeof(uint64_t))
    static_cast<void>(*reinterpret_cast<const volatile uint64_t*>(data + i));
}

bool Evict(const std::byte*, size_t) { return false; }

#endif

}  // namespace heddle::core
