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

// Ordered: a later one of the same architecture can run all that an earlier one can.
enum class Isa : uint8_t {
  kPlain,       // portable C++: the oracle of all others
  kAvx2,        // AVX2 + FMA + F16C
  kAvx512,      // AVX-512 F, BW, DQ, VL, CD
  kAvx512Vnni,  // and VNNI
  kNeon,        // aarch64 baseline
  kNeonDot,     // and dotprod
  kNeonI8mm,    // and i8mm
};

// "plain", "avx2", "avx512", "avx512vnni", "neon", "neondot", "neoni8mm"
const char* IsaName(Isa isa);

// What this machine runs, plain first, the best last.
const std::vector<Isa>& SupportedIsas();

// `name` empty: HEDDLE_ISA from the environment, else the best. An unknown or unsupported name is
// an error that lists what this machine has.
Result<Isa> ChooseIsa(std::string_view name);

}  // namespace heddle::core

#endif  // HEDDLE_BASE_ISA_H_
