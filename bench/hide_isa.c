// SPDX-License-Identifier: Apache-2.0
// Preloaded into a program, holds it to an older CPU: CPUID faults, and the handler answers it
// without what is wider than HIDE_ISA_ABOVE says (avx2, avx512 or avx512vnni). x86-64, where the
// processor and the kernel let CPUID fault; elsewhere the program ends. Threads inherit it.
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { kArchSetCpuid = 0x1012 };

#define BIT(n) (1u << (n))

// Of leaf 7: what each level has not, and no lower one either.
struct Hidden {
  const char* above;
  unsigned ebx0, ecx0, edx0;  // subleaf 0
  unsigned eax1, edx1;        // subleaf 1
};
static const struct Hidden kHidden[] = {
    // AMX: BF16, TILE, INT8; FP16; COMPLEX
    {"avx512vnni", 0, 0, BIT(22) | BIT(24) | BIT(25), BIT(21), BIT(8)},
    // VNNI; AVX-VNNI; its INT8 and INT16
    {"avx512", 0, BIT(11), 0, BIT(4), BIT(4) | BIT(10)},
    // F, DQ, IFMA, PF, ER, CD, BW, VL; VBMI, VBMI2, BITALG, VPOPCNTDQ; 4VNNIW, 4FMAPS,
    // VP2INTERSECT, FP16; BF16; AVX10
    {"avx2", BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31),
     BIT(1) | BIT(6) | BIT(12) | BIT(14), BIT(2) | BIT(3) | BIT(8) | BIT(23), BIT(5), BIT(19)},
};
enum { kLevels = sizeof(kHidden) / sizeof(kHidden[0]) };

static int levels_hidden;

static void Answer(unsigned leaf, unsigned subleaf, unsigned regs[4]) {
  __cpuid_count(leaf, subleaf, regs[0], regs[1], regs[2], regs[3]);
  if (leaf != 7) return;
  for (int i = 0; i < levels_hidden; ++i) {
    if (subleaf == 0) {
      regs[1] &= ~kHidden[i].ebx0;
      regs[2] &= ~kHidden[i].ecx0;
      regs[3] &= ~kHidden[i].edx0;
    } else if (subleaf == 1) {
      regs[0] &= ~kHidden[i].eax1;
      regs[3] &= ~kHidden[i].edx1;
    }
  }
}

static long LetCpuid(int run) { return syscall(SYS_arch_prctl, kArchSetCpuid, run); }

static void OnFault(int number, siginfo_t* info, void* context) {
  (void)info;
  greg_t* regs = ((ucontext_t*)context)->uc_mcontext.gregs;
  const unsigned char* at = (const unsigned char*)regs[REG_RIP];
  if (at[0] != 0x0f || at[1] != 0xa2) {  // not CPUID: the program's own fault, which it meets again
    signal(number, SIG_DFL);
    return;
  }
  const int before = errno;
  unsigned found[4];
  LetCpuid(1);
  Answer((unsigned)regs[REG_RAX], (unsigned)regs[REG_RCX], found);
  LetCpuid(0);
  regs[REG_RAX] = found[0];
  regs[REG_RBX] = found[1];
  regs[REG_RCX] = found[2];
  regs[REG_RDX] = found[3];
  regs[REG_RIP] += 2;
  errno = before;
}

// 0: CPUIDs that fault are answered from now on.
int hide_isa_answer(const char* above) {
  int level = 0;
  while (level < kLevels && strcmp(kHidden[level].above, above) != 0) ++level;
  if (level == kLevels) return -1;
  levels_hidden = level + 1;
  struct sigaction action = {.sa_sigaction = OnFault, .sa_flags = SA_SIGINFO};
  return sigaction(SIGSEGV, &action, NULL);
}

__attribute__((constructor)) static void Begin(void) {
  const char* above = getenv("HIDE_ISA_ABOVE");
  if (above == NULL) return;
  if (hide_isa_answer(above) == 0 && LetCpuid(0) == 0) return;
  fprintf(stderr, "hide_isa: CPUID cannot be made to fault here, or '%s' is no level\n", above);
  _exit(1);
}
