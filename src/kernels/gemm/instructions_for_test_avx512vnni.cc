// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/instructions_for_test.h"
#include "kernels/gemm/int_gemm_amx-inl.h"
#include "kernels/gemm/int_gemm_avxvnni-inl.h"

namespace heddle::core {
namespace {

constinit TileUse use = {};

void Fault(const char* what) {
  if (use.fault == nullptr) use.fault = what;
}

// The tiles as Intel's manual describes them: palette 1, eight tiles of up to 16 rows of 64 bytes.
class ModelTiles {
 public:
  explicit ModelTiles(const TileShapes& shapes) : shapes_(shapes) {
    ++use.configured;
    if (shapes.palette != 1) Fault("LDTILECFG: palette");
    if (shapes.start_row != 0) Fault("LDTILECFG: a start row");
    for (const uint8_t byte : shapes.reserved)
      if (byte != 0) Fault("LDTILECFG: a reserved byte");
    for (int t = 0; t < 16; ++t) {
      const int rows = shapes.rows[t], bytes = shapes.row_bytes[t];
      if (t >= 8 && (rows != 0 || bytes != 0)) Fault("LDTILECFG: a tile past the eighth");
      if (rows > 16 || bytes > 64) Fault("LDTILECFG: a tile too large");
      if ((rows == 0) != (bytes == 0)) Fault("LDTILECFG: half a shape");
    }
  }
  ~ModelTiles() { ++use.released; }
  ModelTiles(const ModelTiles&) = delete;
  ModelTiles& operator=(const ModelTiles&) = delete;

  template <int T>
  void Zero() {
    if (shapes_.rows[T] == 0) Fault("TILEZERO: no such tile");
    __builtin_memset(data_[T], 0, sizeof(data_[T]));
  }
  template <int T>
  void Load(const void* from, int64_t stride) {
    Zero<T>();
    for (int r = 0; r < shapes_.rows[T]; ++r) {
      __builtin_memcpy(data_[T][r], static_cast<const std::byte*>(from) + r * stride,
                       shapes_.row_bytes[T]);
    }
  }
  template <int T>
  void Store(void* to, int64_t stride) {
    if (shapes_.rows[T] == 0) Fault("TILESTORED: no such tile");
    for (int r = 0; r < shapes_.rows[T]; ++r) {
      __builtin_memcpy(static_cast<std::byte*>(to) + r * stride, data_[T][r], shapes_.row_bytes[T]);
    }
  }
  template <int C, int A, int B>
  void Dot() {
    ++use.products;
    const TileShapes& s = shapes_;
    if (C == A || C == B || A == B) Fault("TDPBUSD: one tile twice");
    if (s.rows[A] == 0 || s.rows[B] == 0 || s.rows[C] == 0) Fault("TDPBUSD: no such tile");
    if (s.row_bytes[A] % 4 != 0 || s.row_bytes[B] % 4 != 0 || s.row_bytes[C] % 4 != 0)
      Fault("TDPBUSD: a row that is not whole");
    if (s.rows[C] != s.rows[A] || s.row_bytes[C] != s.row_bytes[B] ||
        s.row_bytes[A] / 4 != s.rows[B]) {
      return Fault("TDPBUSD: shapes that do not fit");
    }
    for (int m = 0; m < s.rows[A]; ++m) {
      for (int k = 0; k < s.rows[B]; ++k) {
        for (int n = 0; n < s.row_bytes[C] / 4; ++n) Add(C, m, n, data_[A][m] + 4 * k, B, k);
      }
    }
  }

 private:
  // Four unsigned bytes at `a` by int8 of row k of tile b, into sum n of row m of tile c.
  void Add(int c, int m, int n, const uint8_t* a, int b, int k) {
    uint32_t sum;
    __builtin_memcpy(&sum, data_[c][m] + 4 * n, 4);
    for (int i = 0; i < 4; ++i) {
      const auto weight = static_cast<int8_t>(data_[b][k][4 * n + i]);
      sum += static_cast<uint32_t>(int32_t{a[i]} * weight);
    }
    __builtin_memcpy(data_[c][m] + 4 * n, &sum, 4);
  }

  const TileShapes shapes_;
  uint8_t data_[8][16][64] = {};
};

struct Evex {
  static __m256i Dot(__m256i acc, __m256i a, __m256i w) { return _mm256_dpbusd_epi32(acc, a, w); }
};

}  // namespace

const GemmKernels kIntGemmAvxVnniModel = QuadKernels<Evex>("gemm_s8_avxvnni_model");
const GemmKernels kIntGemmAmxModel = TileKernels<ModelTiles>("gemm_s8_avx512amx_model");

TileUse TakeTileUse() {
  const TileUse taken = use;
  use = {};
  return taken;
}

}  // namespace heddle::core
