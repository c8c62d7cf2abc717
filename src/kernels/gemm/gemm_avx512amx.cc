// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/int_gemm_amx-inl.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {
namespace {

class CpuTiles {
 public:
  explicit CpuTiles(const TileShapes& shapes) { _tile_loadconfig(&shapes); }
  ~CpuTiles() { _tile_release(); }
  CpuTiles(const CpuTiles&) = delete;
  CpuTiles& operator=(const CpuTiles&) = delete;

  template <int T>
  void Zero() {
    _tile_zero(T);
  }
  template <int T>
  void Load(const void* from, int64_t stride) {
    _tile_loadd(T, from, stride);
  }
  template <int T>
  void Store(void* to, int64_t stride) {
    _tile_stored(T, to, stride);
  }
  template <int C, int A, int B>
  void Dot() {
    _tile_dpbusd(C, A, B);
  }
};

}  // namespace

const GemmKernels kIntGemmAvx512Amx = TileKernels<CpuTiles>("gemm_s8_avx512amx");

}  // namespace heddle::core
