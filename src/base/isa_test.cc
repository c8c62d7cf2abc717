// SPDX-License-Identifier: Apache-2.0
#include "base/isa.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/isa_detect.h"

namespace heddle::core {
namespace {

using ::std::vector;

// Every feature that any entry of the list needs.
X86Words FullMachine() {
  return {.leaf1_ecx = 1u << 12 | 1u << 20 | 1u << 23 | 1u << 27 | 1u << 28 | 1u << 29,
          .leaf7_ebx =
              1u << 3 | 1u << 5 | 1u << 8 | 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31,
          .leaf7_ecx = 1u << 11,
          .leaf7_edx = 1u << 24 | 1u << 25,
          .leaf7_1_eax = 1u << 4,
          .xcr0 = 0x600e7};
}

class Environment {  // sets HEDDLE_ISA and puts the old value back
 public:
  explicit Environment(const char* value) {
    if (const char* old = std::getenv("HEDDLE_ISA")) old_ = old;
    value != nullptr ? setenv("HEDDLE_ISA", value, 1) : unsetenv("HEDDLE_ISA");
  }
  ~Environment() {
    old_.has_value() ? setenv("HEDDLE_ISA", old_->c_str(), 1) : unsetenv("HEDDLE_ISA");
  }

 private:
  std::optional<std::string> old_;
};

TEST(X86Isas, FullMachineHasAll) {
  EXPECT_EQ(X86Isas(FullMachine()), (vector{Isa::kPlain, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512,
                                            Isa::kAvx512Vnni, Isa::kAvx512Amx}));
  EXPECT_EQ(X86Isas({}), vector{Isa::kPlain});
}

TEST(X86Isas, EachFeatureBitIsNeeded) {
  for (int bit : {12, 20, 23, 28, 29}) {
    X86Words words = FullMachine();
    words.leaf1_ecx &= ~(1u << bit);
    EXPECT_EQ(X86Isas(words), vector{Isa::kPlain}) << "leaf 1 ecx bit " << bit;
  }
  for (int bit : {3, 5, 8}) {
    X86Words words = FullMachine();
    words.leaf7_ebx &= ~(1u << bit);
    EXPECT_EQ(X86Isas(words), vector{Isa::kPlain}) << "leaf 7 ebx bit " << bit;
  }
  for (int bit : {16, 17, 28, 30, 31}) {
    X86Words words = FullMachine();
    words.leaf7_ebx &= ~(1u << bit);
    EXPECT_EQ(X86Isas(words), (vector{Isa::kPlain, Isa::kAvx2, Isa::kAvxVnni}))
        << "leaf 7 ebx bit " << bit;
  }
  X86Words words = FullMachine();
  words.leaf7_1_eax = 0;
  EXPECT_EQ(X86Isas(words),
            (vector{Isa::kPlain, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAvx512Amx}));
  words = FullMachine();
  words.leaf7_ecx = 0;
  EXPECT_EQ(X86Isas(words), (vector{Isa::kPlain, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512}));
  for (int bit : {24, 25}) {
    words = FullMachine();
    words.leaf7_edx &= ~(1u << bit);
    EXPECT_EQ(X86Isas(words),
              (vector{Isa::kPlain, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kAvx512Vnni}))
        << "leaf 7 edx bit " << bit;
  }
}

TEST(X86Isas, StateThatTheSystemDoesNotSaveIsNotUsed) {
  for (int bit : {1, 2}) {
    X86Words words = FullMachine();
    words.xcr0 &= ~(uint64_t{1} << bit);
    EXPECT_EQ(X86Isas(words), vector{Isa::kPlain}) << "xcr0 bit " << bit;
  }
  for (int bit : {5, 6, 7}) {
    X86Words words = FullMachine();
    words.xcr0 &= ~(uint64_t{1} << bit);
    EXPECT_EQ(X86Isas(words), (vector{Isa::kPlain, Isa::kAvx2, Isa::kAvxVnni}))
        << "xcr0 bit " << bit;
  }
  for (int bit : {17, 18}) {
    X86Words words = FullMachine();
    words.xcr0 &= ~(uint64_t{1} << bit);
    EXPECT_EQ(X86Isas(words),
              (vector{Isa::kPlain, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kAvx512Vnni}))
        << "xcr0 bit " << bit;
  }
}

TEST(ArmIsas, EachNeedsItsBit) {
  constexpr unsigned long kNeon = 1ul << 1, kDot = 1ul << 20, kI8mm = 1ul << 13;
  EXPECT_EQ(ArmIsas(0, 0), vector{Isa::kPlain});
  EXPECT_EQ(ArmIsas(kDot, kI8mm), vector{Isa::kPlain});
  EXPECT_EQ(ArmIsas(kNeon, 0), (vector{Isa::kPlain, Isa::kNeon}));
  EXPECT_EQ(ArmIsas(kNeon, kI8mm), (vector{Isa::kPlain, Isa::kNeon}));
  EXPECT_EQ(ArmIsas(kNeon | kDot, 0), (vector{Isa::kPlain, Isa::kNeon, Isa::kNeonDot}));
  EXPECT_EQ(ArmIsas(kNeon | kDot, ~kI8mm), (vector{Isa::kPlain, Isa::kNeon, Isa::kNeonDot}));
  EXPECT_EQ(ArmIsas(kNeon | kDot, kI8mm),
            (vector{Isa::kPlain, Isa::kNeon, Isa::kNeonDot, Isa::kNeonI8mm}));
}

#if defined(__x86_64__)
// The compiler's own run-time library is a second opinion, but of AMX, where it looks at the CPU
// alone, and of AVX-VNNI, which not every version knows.
TEST(SupportedIsas, AgreesWithTheCompilersRuntime) {
  vector<Isa> expected = {Isa::kPlain};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    expected.push_back(Isa::kAvx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      expected.push_back(Isa::kAvx512);
      if (__builtin_cpu_supports("avx512vnni")) expected.push_back(Isa::kAvx512Vnni);
    }
  }
  vector<Isa> found = SupportedIsas();
  std::erase(found, Isa::kAvx512Amx);
  std::erase(found, Isa::kAvxVnni);
  EXPECT_EQ(found, expected);
}

TEST(AskForTiles, OnlyWhereTheCpuHasThem) {
  const auto& isas = SupportedIsas();
  const bool has = std::find(isas.begin(), isas.end(), Isa::kAvx512Amx) != isas.end();
  if (!has) EXPECT_FALSE(AskForTiles());
  EXPECT_EQ(AskForTiles(), AskForTiles());
}
#endif

// AMX is taken by name alone.
Isa Best() {
  vector<Isa> isas = SupportedIsas();
  std::erase(isas, Isa::kAvx512Amx);
  return isas.back();
}

TEST(ChooseIsa, ByName) {
  Environment none(nullptr);
  for (Isa isa : SupportedIsas()) {
    Result<Isa> chosen = ChooseIsa(IsaName(isa));
    ASSERT_TRUE(chosen.ok()) << chosen.status().message();
    EXPECT_EQ(*chosen, isa);
  }
  EXPECT_EQ(*ChooseIsa(""), Best());
}

TEST(ChooseIsa, EnvironmentOnlyWhenNoNameIsGiven) {
  {
    Environment plain("plain");
    EXPECT_EQ(*ChooseIsa(""), Isa::kPlain);
    const Isa last = SupportedIsas().back();
    EXPECT_EQ(*ChooseIsa(IsaName(last)), last);
  }
  Environment empty("");
  EXPECT_EQ(*ChooseIsa(""), Best());
}

TEST(ChooseIsa, ErrorsListWhatThereIs) {
  Environment bad("sse9");
  const Status unknown = ChooseIsa("").status();
  EXPECT_EQ(unknown.code(), Code::kInvalidArgument);
  EXPECT_NE(unknown.message().find("HEDDLE_ISA"), std::string::npos) << unknown.message();
  EXPECT_NE(unknown.message().find("sse9"), std::string::npos) << unknown.message();
  EXPECT_NE(unknown.message().find("plain"), std::string::npos) << unknown.message();
#if defined(__aarch64__)
  const char* foreign = "avx2";
#else
  const char* foreign = "neon";
#endif
  EXPECT_EQ(ChooseIsa(foreign).status().code(), Code::kUnsupported);
}

}  // namespace
}  // namespace heddle::core
