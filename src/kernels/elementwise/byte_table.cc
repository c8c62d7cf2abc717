// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/byte_table.h"

namespace heddle::core {

void LookUpPlain(const uint8_t* values, const uint8_t* in, uint8_t* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = values[in[i]];
}

ByteTableRun ByteTableRunFor(Isa isa) {
#if defined(__x86_64__)
  if (VectorsOf(isa) == Isa::kAvx512 && __builtin_cpu_supports("avx512vbmi"))
    return {&LookUpAvx512Vbmi, "table_vbmi", 0.03f};
  if (VectorsOf(isa) != Isa::kPlain) return {&LookUpAvx2, "table_avx2", 0.15f};
#elif defined(__aarch64__)
  if (VectorsOf(isa) == Isa::kNeon) return {&LookUpNeon, "table_neon", 0.15f};
#endif
  static_cast<void>(isa);
  return {&LookUpPlain, "table", 0.4f};
}

}  // namespace heddle::core
