// SPDX-License-Identifier: Apache-2.0
#include "base/float_env.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#error "float_env.cc knows the control words of x86-64 and aarch64 only"
#endif

namespace heddle::core {
namespace {

#if defined(__x86_64__)

constexpr uint32_t kAllMasked = 0x3fu << 7;          // and round to nearest, which is zero
constexpr uint32_t kFlush = (1u << 15) | (1u << 6);  // FTZ, DAZ

uint64_t Control() { return _mm_getcsr(); }
void SetControl(uint64_t word) { _mm_setcsr(static_cast<uint32_t>(word)); }
uint64_t Flags() { return 0; }  // live in the control word
void SetFlags(uint64_t) {}
constexpr uint64_t Wanted(Denormals denormals) {
  return denormals == Denormals::kFlush ? kAllMasked | kFlush : kAllMasked;
}

#else

constexpr uint64_t kFlush = uint64_t{1} << 24;  // FZ, of operands and results

uint64_t Control() {
  uint64_t word;
  __asm__ volatile("mrs %0, fpcr" : "=r"(word));
  return word;
}
void SetControl(uint64_t word) { __asm__ volatile("msr fpcr, %0" : : "r"(word) : "memory"); }
uint64_t Flags() {
  uint64_t word;
  __asm__ volatile("mrs %0, fpsr" : "=r"(word));
  return word;
}
void SetFlags(uint64_t word) { __asm__ volatile("msr fpsr, %0" : : "r"(word) : "memory"); }
// Zero is round to nearest, no traps, NaNs passed on.
constexpr uint64_t Wanted(Denormals denormals) {
  return denormals == Denormals::kFlush ? kFlush : 0;
}

#endif

}  // namespace

ScopedFloatEnv::ScopedFloatEnv(Denormals denormals) : control_(Control()), flags_(Flags()) {
  SetControl(Wanted(denormals));
}

ScopedFloatEnv::~ScopedFloatEnv() {
  SetControl(control_);
  SetFlags(flags_);
}

}  // namespace heddle::core
