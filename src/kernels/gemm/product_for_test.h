// SPDX-License-Identifier: Apache-2.0
// A product whose operands lie as the kernels of kernels/gemm/gemm.h read them.
#ifndef HEDDLE_KERNELS_GEMM_PRODUCT_FOR_TEST_H_
#define HEDDLE_KERNELS_GEMM_PRODUCT_FOR_TEST_H_

#include <vector>

#include "kernels/gemm/gemm.h"

namespace heddle::core {

// `rows` of `taps` times `k` values.
template <class Value, class Weight>
struct Product {
  int32_t rows, taps;
  int64_t k, columns, lanes, group_k;
  std::vector<Value> a;         // [taps][rows][k]
  std::vector<Weight> weights;  // [column][taps * k]
  std::vector<Weight> packed;
  std::vector<const std::byte*> pointers;

  void Pack() {
    const int64_t depth = taps * k, panels = (columns + lanes - 1) / lanes;
    packed.assign(panels * lanes * depth, Weight{0});
    for (int64_t c = 0; c < columns; ++c) {
      for (int64_t i = 0; i < depth; ++i) {
        packed[c / lanes * lanes * depth + i / group_k * group_k * lanes + c % lanes * group_k +
               i % group_k] = weights[c * depth + i];
      }
    }
    for (int32_t i = 0; i < taps * rows; ++i)
      pointers.push_back(reinterpret_cast<const std::byte*>(a.data() + i * k));
  }
  GemmCall Call() const {
    GemmCall call;
    call.a = pointers.data();
    call.rows = rows, call.taps = taps;
    call.groups = k / group_k;
    call.weights = reinterpret_cast<const std::byte*>(packed.data());
    call.panel_bytes = lanes * taps * k * static_cast<int64_t>(sizeof(Weight));
    call.columns = columns;
    return call;
  }
  Value At(int32_t row, int64_t i) const { return a[(i / k * rows + row) * k + i % k]; }
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_PRODUCT_FOR_TEST_H_
