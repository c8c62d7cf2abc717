// SPDX-License-Identifier: Apache-2.0
// Every instruction set gives the bits of Dot, for all small matrices.
#include "kernels/recurrent/row_products.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/gemm/dot.h"

namespace heddle::core {
namespace {

TEST(RowProducts, FloatsAreThoseOfDot) {
  std::mt19937 random(7);
  const auto next = [&] { return static_cast<float>(random()) * 0x1p-31f - 1; };
  for (int32_t rows = 1; rows <= 19; ++rows)
    for (int64_t n = 0; n <= 50; ++n) {
      std::vector<float> w(rows * n), x(n), start(rows);
      for (std::vector<float>* v : {&w, &x, &start})
        for (float& f : *v) f = next();
      std::vector<float> expected = start;
      for (int32_t i = 0; i < rows; ++i) expected[i] += Dot(w.data() + i * n, x.data(), n);
      for (Isa isa : SupportedIsas()) {
        std::vector<float> acc = start;
        RowProductsOf(isa).floats(w.data(), rows, n, x.data(), acc.data());
        ASSERT_EQ(acc, expected) << IsaName(isa) << " " << rows << " rows of " << n;
      }
    }
}

TEST(RowProducts, BytesAreThoseOfDot) {
  std::mt19937 random(8);
  for (int32_t zero : {-128, -3, 0, 127})
    for (int32_t rows = 1; rows <= 19; ++rows)
      for (int64_t n = 0; n <= 50; ++n) {
        std::vector<int8_t> w(rows * n), x(n);
        for (std::vector<int8_t>* v : {&w, &x})
          for (int8_t& b : *v) b = random() % 5 == 0 ? -128 : static_cast<int8_t>(random());
        const std::vector<float> start(rows, 0.3f);
        std::vector<float> expected = start;
        for (int32_t i = 0; i < rows; ++i)
          expected[i] += static_cast<float>(Dot(w.data() + i * n, x.data(), zero, n)) * 0.013f;
        for (Isa isa : SupportedIsas()) {
          std::vector<float> acc = start;
          RowProductsOf(isa).bytes(w.data(), rows, n, x.data(), zero, 0.013f, acc.data());
          ASSERT_EQ(acc, expected) << IsaName(isa) << " " << rows << " rows of " << n;
          std::vector<int32_t> sums(rows + 1, 77);  // one more, which stays
          RowProductsOf(isa).sums(w.data(), rows, n, x.data(), zero, sums.data());
          for (int32_t i = 0; i < rows; ++i)
            ASSERT_EQ(sums[i], Dot(w.data() + i * n, x.data(), zero, n)) << IsaName(isa);
          ASSERT_EQ(sums[rows], 77) << IsaName(isa) << " " << rows << " rows of " << n;
        }
      }
}

}  // namespace
}  // namespace heddle::core
