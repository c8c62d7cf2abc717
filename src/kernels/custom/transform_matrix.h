// SPDX-License-Identifier: Apache-2.0
// The matrices that MediaPipe's landmark operators make and use: [1, 4, 4], rows first.
#ifndef HEDDLE_KERNELS_CUSTOM_TRANSFORM_MATRIX_H_
#define HEDDLE_KERNELS_CUSTOM_TRANSFORM_MATRIX_H_

#include <array>
#include <cstddef>

#include "kernels/custom/shape_error.h"

namespace heddle::core {

template <size_t N>
using SquareMatrix = std::array<std::array<float, N>, N>;

template <size_t N>
SquareMatrix<N> operator*(const SquareMatrix<N>& a, const SquareMatrix<N>& b) {
  SquareMatrix<N> product;
  for (size_t r = 0; r < N; ++r) {
    for (size_t c = 0; c < N; ++c) {
      float sum = 0;
      for (size_t k = 0; k < N; ++k) sum += a[r][k] * b[k][c];
      product[r][c] = sum;
    }
  }
  return product;
}

inline Status CheckMatrix(const Operand& matrix) {
  return matrix.shape.elements() == 16 ? Status() : BadShape(matrix, "16 values (1x4x4)");
}

// Where a row of a matrix moves the point (x, y).
struct MatrixRow {
  float x, y, z, w;

  explicit MatrixRow(const float* row) : x(row[0]), y(row[1]), z(row[2]), w(row[3]) {}
  float Move(float at_x, float at_y) const { return x * at_x + y * at_y + z * 0.0f + w * 1.0f; }
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CUSTOM_TRANSFORM_MATRIX_H_
