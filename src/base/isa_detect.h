// SPDX-License-Identifier: Apache-2.0
// What the words that a CPU and its operating system report mean, apart from reading them: isa.cc
// reads the real ones, tests make up machines.
#ifndef HEDDLE_BASE_ISA_DETECT_H_
#define HEDDLE_BASE_ISA_DETECT_H_

#include <cstdint>
#include <vector>

#include "base/isa.h"

namespace heddle::core {

// Zero where the CPU has no such leaf; xcr0 is zero unless CPUID says that XGETBV may be used.
struct X86Words {
  uint32_t leaf1_ecx = 0;
  uint32_t leaf7_ebx = 0;
  uint32_t leaf7_ecx = 0;
  uint32_t leaf7_edx = 0;
  uint32_t leaf7_1_eax = 0;  // of subleaf 1
  uint64_t xcr0 = 0;         // register state that the operating system saves
};

// Both list plain first and the best last.
std::vector<Isa> X86Isas(const X86Words& words);
// getauxval of AT_HWCAP and AT_HWCAP2 of an aarch64 Linux.
std::vector<Isa> ArmIsas(unsigned long hwcap, unsigned long hwcap2);

}  // namespace heddle::core

#endif  // HEDDLE_BASE_ISA_DETECT_H_
