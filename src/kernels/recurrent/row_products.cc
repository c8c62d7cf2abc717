// SPDX-License-Identifier: Apache-2.0
#include "kernels/recurrent/row_products.h"

#include "kernels/gemm/dot.h"

namespace heddle::core {
namespace {

void Floats(const float* weights, int32_t rows, int64_t n, const float* x, float* acc) {
  for (int32_t i = 0; i < rows; ++i) acc[i] += Dot(weights + i * n, x, n);
}

void Bytes(const int8_t* weights, int32_t rows, int64_t n, const int8_t* x, int32_t zero,
           float scale, float* acc) {
  for (int32_t i = 0; i < rows; ++i)
    acc[i] += static_cast<float>(Dot(weights + i * n, x, zero, n)) * scale;
}

void Sums(const int8_t* weights, int32_t rows, int64_t n, const int8_t* x, int32_t zero,
          int32_t* out) {
  for (int32_t i = 0; i < rows; ++i) out[i] = Dot(weights + i * n, x, zero, n);
}

constexpr RowProducts kPlain = {&Floats, &Bytes, &Sums};

}  // namespace

#if defined(__x86_64__)

extern const RowProducts kRowProductsAvx2;

const RowProducts& RowProductsOf(Isa isa) { return isa == Isa::kPlain ? kPlain : kRowProductsAvx2; }

#else

const RowProducts& RowProductsOf(Isa) { return kPlain; }

#endif

}  // namespace heddle::core
