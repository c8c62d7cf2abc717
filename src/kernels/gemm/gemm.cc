// SPDX-License-Identifier: Apache-2.0
// Which kernels an ISA runs.
#include "kernels/gemm/kernels.h"

namespace heddle::core {

#if defined(__x86_64__)

const GemmKernels* FloatGemm(Isa isa) {
  switch (VectorsOf(isa)) {
    case Isa::kAvx2:
      return &kFloatGemmAvx2;
    case Isa::kAvx512:
      return &kFloatGemmAvx512;
    default:
      return nullptr;
  }
}

const GemmKernels* FloatGemmOf(Isa isa, int64_t outputs) {
  const bool few = VectorsOf(isa) == Isa::kAvx512 && outputs <= kFloatGemmAvx512Half.lanes;
  return few ? &kFloatGemmAvx512Half : FloatGemm(isa);
}

const GemmKernels* IntGemm(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return &kIntGemmAvx2;
    case Isa::kAvxVnni:
      return &kIntGemmAvxVnni;
    case Isa::kAvx512:
      return &kIntGemmAvx512;
    case Isa::kAvx512Vnni:
      return &kIntGemmAvx512Vnni;
    case Isa::kAvx512Amx:
      return AskForTiles() ? &kIntGemmAvx512Amx : &kIntGemmAvx512Vnni;
    default:
      return nullptr;
  }
}

const GemmKernels* PairGemm(Isa isa) {
  const bool vnni = isa == Isa::kAvx512Vnni || isa == Isa::kAvx512Amx;
  return vnni ? &kPairGemmAvx512Vnni : IntGemm(VectorsOf(isa));
}

const DepthwiseKernels* FloatDepthwise(Isa isa) {
  switch (VectorsOf(isa)) {
    case Isa::kAvx2:
      return &kFloatDepthwiseAvx2;
    case Isa::kAvx512:
      return &kFloatDepthwiseAvx512;
    default:
      return nullptr;
  }
}

const DepthwiseKernels* IntDepthwise(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
    case Isa::kAvxVnni:
      return &kIntDepthwiseAvx2;
    case Isa::kAvx512:
      return &kIntDepthwiseAvx512;
    case Isa::kAvx512Vnni:
    case Isa::kAvx512Amx:
      return &kIntDepthwiseAvx512Vnni;
    default:
      return nullptr;
  }
}

#elif defined(__aarch64__)

const GemmKernels* FloatGemm(Isa isa) { return isa == Isa::kPlain ? nullptr : &kFloatGemmNeon; }
const GemmKernels* FloatGemmOf(Isa isa, int64_t) { return FloatGemm(isa); }
const GemmKernels* IntGemm(Isa isa) {
  switch (isa) {
    case Isa::kPlain:
      return nullptr;
    case Isa::kNeonDot:
      return &kIntGemmNeonDot;
    case Isa::kNeonI8mm:
      return &kIntGemmNeonI8mm;
    default:
      return &kIntGemmNeon;
  }
}
const GemmKernels* PairGemm(Isa isa) { return isa == Isa::kPlain ? nullptr : &kIntGemmNeon; }
const DepthwiseKernels* FloatDepthwise(Isa isa) {
  return isa == Isa::kPlain ? nullptr : &kFloatDepthwiseNeon;
}
const DepthwiseKernels* IntDepthwise(Isa isa) {
  return isa == Isa::kPlain ? nullptr : &kIntDepthwiseNeon;
}

#else

const GemmKernels* FloatGemm(Isa) { return nullptr; }
const GemmKernels* FloatGemmOf(Isa, int64_t) { return nullptr; }
const GemmKernels* IntGemm(Isa) { return nullptr; }
const GemmKernels* PairGemm(Isa) { return nullptr; }
const DepthwiseKernels* FloatDepthwise(Isa) { return nullptr; }
const DepthwiseKernels* IntDepthwise(Isa) { return nullptr; }

#endif

}  // namespace heddle::core
