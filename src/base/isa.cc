// SPDX-License-Identifier: Apache-2.0
#include "base/isa.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "base/errors.h"
#include "base/isa_detect.h"
#include "base/log.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace heddle::core {
namespace {

constexpr const char* kNames[] = {"plain",     "avx2", "avxvnni", "avx512",  "avx512vnni",
                                  "avx512amx", "neon", "neondot", "neoni8mm"};

template <class Word>
constexpr Word Bits(std::initializer_list<int> bits) {
  Word word = 0;
  for (int bit : bits) word |= Word{1} << bit;
  return word;
}

template <class Word>
constexpr bool HasAll(Word word, Word wanted) {
  return (word & wanted) == wanted;
}

#if defined(__x86_64__)
X86Words ReadWords() {
  X86Words words;
  unsigned a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d)) words.leaf1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    words.leaf7_ebx = b;
    words.leaf7_ecx = c;
    words.leaf7_edx = d;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) words.leaf7_1_eax = a;
  }
  constexpr uint32_t kOsxsave = Bits<uint32_t>({27});
  if (HasAll(words.leaf1_ecx, kOsxsave)) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    words.xcr0 = (uint64_t{high} << 32) | low;
  }
  return words;
}
#endif

std::vector<Isa> Detect() {
#if defined(__x86_64__)
  return X86Isas(ReadWords());
#elif defined(__aarch64__)
  return ArmIsas(getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
#else
  return {Isa::kPlain};
#endif
}

Isa Best() {
  const Isa last = SupportedIsas().back();
  return last == Isa::kAvx512Amx ? Isa::kAvx512Vnni : last;
}

std::string SupportedNames() {
  std::string names;
  for (Isa isa : SupportedIsas()) {
    if (!names.empty()) names += ", ";
    names += IsaName(isa);
  }
  return names;
}

}  // namespace

std::vector<Isa> X86Isas(const X86Words& words) {
  std::vector<Isa> isas = {Isa::kPlain};
  // FMA, SSE4.2, POPCNT, AVX, F16C; BMI1, AVX2, BMI2; SSE and AVX state.
  constexpr auto kAvx2Leaf1 = Bits<uint32_t>({12, 20, 23, 28, 29});
  constexpr auto kAvx2Leaf7 = Bits<uint32_t>({3, 5, 8});
  constexpr auto kAvxState = Bits<uint64_t>({1, 2});
  if (!HasAll(words.leaf1_ecx, kAvx2Leaf1) || !HasAll(words.leaf7_ebx, kAvx2Leaf7) ||
      !HasAll(words.xcr0, kAvxState)) {
    return isas;
  }
  isas.push_back(Isa::kAvx2);
  constexpr auto kAvxVnni = Bits<uint32_t>({4});
  if (HasAll(words.leaf7_1_eax, kAvxVnni)) isas.push_back(Isa::kAvxVnni);
  // F, DQ, CD, BW, VL; opmask, upper halves of zmm0-15, zmm16-31.
  constexpr auto kAvx512Leaf7 = Bits<uint32_t>({16, 17, 28, 30, 31});
  constexpr auto kZmmState = Bits<uint64_t>({5, 6, 7});
  if (!HasAll(words.leaf7_ebx, kAvx512Leaf7) || !HasAll(words.xcr0, kZmmState)) return isas;
  isas.push_back(Isa::kAvx512);
  constexpr auto kVnni = Bits<uint32_t>({11});
  if (!HasAll(words.leaf7_ecx, kVnni)) return isas;
  isas.push_back(Isa::kAvx512Vnni);
  constexpr auto kAmx = Bits<uint32_t>({24, 25});  // tiles, int8
  constexpr auto kTileState = Bits<uint64_t>({17, 18});
  if (HasAll(words.leaf7_edx, kAmx) && HasAll(words.xcr0, kTileState))
    isas.push_back(Isa::kAvx512Amx);
  return isas;
}

std::vector<Isa> ArmIsas(unsigned long hwcap, unsigned long hwcap2) {
  std::vector<Isa> isas = {Isa::kPlain};
  constexpr auto kAsimd = Bits<unsigned long>({1});
  constexpr auto kAsimdDp = Bits<unsigned long>({20});
  if (!HasAll(hwcap, kAsimd)) return isas;
  isas.push_back(Isa::kNeon);
  if (!HasAll(hwcap, kAsimdDp)) return isas;
  isas.push_back(Isa::kNeonDot);
  constexpr auto kI8mm = Bits<unsigned long>({13});
  if (HasAll(hwcap2, kI8mm)) isas.push_back(Isa::kNeonI8mm);
  return isas;
}

const char* IsaName(Isa isa) { return kNames[static_cast<int>(isa)]; }

const std::vector<Isa>& SupportedIsas() {
  // Never destroyed: threads may still ask while the process exits.
  static const auto& isas = *new std::vector<Isa>(Detect());
  return isas;
}

bool AskForTiles() {
#if defined(__x86_64__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // Linux's ARCH_REQ_XCOMP_PERM
  static const bool allowed = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  static std::atomic_flag said;
  if (!allowed && !said.test_and_set())
    Log(LogLevel::kWarning, "the system refuses AMX tiles: VNNI takes their place");
  return allowed;
#else
  return false;
#endif
}

Result<Isa> ChooseIsa(std::string_view name) {
  const char* origin = "the ISA asked for";
  if (name.empty()) {
    const char* value = std::getenv("HEDDLE_ISA");
    if (value == nullptr || *value == '\0') return Best();
    name = value;
    origin = "HEDDLE_ISA";
  }
  for (Isa isa : SupportedIsas()) {
    if (name == IsaName(isa)) return isa;
  }
  for (const char* known : kNames) {
    if (name == known) {
      return Unsupported("{}: \"{}\" does not run on this machine, which has {}", origin, name,
                         SupportedNames());
    }
  }
  return InvalidArgument("{}: \"{}\" is no known ISA; this machine has {}", origin, name,
                         SupportedNames());
}

}  // namespace heddle::core
