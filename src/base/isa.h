// SPDX-License-Identifier: Apache-2.0
// Instruction sets that kernels are written for, and which of them this CPU and its operating
// system run.
#ifndef HEDDLE_BASE_ISA_H_
#define HEDDLE_BASE_ISA_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "heddle/status.h"

namespace heddle::core {

// Ordered: the better later. What runs one runs all earlier ones of its architecture, but for
// kAvxVnni, which AVX-512 is without on some CPUs.
enum class Isa : uint8_t {
  kPlain,       // portable C++: the oracle of all others
  kAvx2,        // AVX2 + FMA + F16C
  kAvxVnni,     // AVX2 and AVX-VNNI
  kAvx512,      // AVX2, AVX-512 F, BW, DQ, VL, CD
  kAvx512Vnni,  // and VNNI
  kAvx512Amx,   // and AMX int8
  kNeon,        // aarch64 baseline
  kNeonDot,     // and dotprod
  kNeonI8mm,    // and i8mm
};

// "plain", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512amx", "neon", "neondot", "neoni8mm"
const char* IsaName(Isa isa);

// The set of which an ISA has the vectors: kPlain, kAvx2, kAvx512 or kNeon. Where nothing else of
// it is used, kernels are chosen by this.
constexpr Isa VectorsOf(Isa isa) {
  switch (isa) {
    case Isa::kPlain:
    case Isa::kAvx2:
      return isa;
    case Isa::kAvxVnni:
      return Isa::kAvx2;
    case Isa::kAvx512:
    case Isa::kAvx512Vnni:
    case Isa::kAvx512Amx:
      return Isa::kAvx512;
    case Isa::kNeon:
    case Isa::kNeonDot:
    case Isa::kNeonI8mm:
      return Isa::kNeon;
  }
  return Isa::kPlain;
}

// What this machine runs, plain first, the best last.
const std::vector<Isa>& SupportedIsas();

// Whether threads of this process may use the tiles of AMX. The first call asks the operating
// system, which keeps room for them in every thread from then on and says no where a signal stack
// would be too small; its answer is for good.
bool AskForTiles();

// `name` empty: HEDDLE_ISA from the environment, else the best but kAvx512Amx, which is taken by
// name alone: docs/decisions/0012-amx.md. An unknown or unsupported name is an error that lists
// what this machine has.
Result<Isa> ChooseIsa(std::string_view name);

}  // namespace heddle::core

#endif  // HEDDLE_BASE_ISA_H_
