// SPDX-License-Identifier: Apache-2.0
// The depthwise kernels of every ISA of this machine: the order of their blocks, and sums written
// out over windows that may share inputs. conv/fast_test.cc covers shapes and the other forms.
#include "kernels/gemm/depthwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>
#include <vector>

namespace heddle::core {
namespace {

std::vector<Isa> Vectors() {
  std::vector<Isa> isas;
  for (const Isa isa : SupportedIsas())
    if (FloatDepthwise(isa) != nullptr) isas.push_back(isa);
  return isas;
}

class DepthwiseTest : public testing::TestWithParam<Isa> {};

void CheckOrder(const uint8_t* order, int32_t lanes) {
  EXPECT_EQ(std::set<uint8_t>(order, order + lanes).size(), static_cast<size_t>(lanes));
  for (int32_t i = 0; i < lanes; ++i) EXPECT_LT(order[i], lanes);
}

TEST_P(DepthwiseTest, OrdersArePermutations) {
  for (const DepthwiseKernels* kernels : {FloatDepthwise(GetParam()), IntDepthwise(GetParam())}) {
    CheckOrder(kernels->order, kernels->lanes);
    if (kernels->narrow > 0) CheckOrder(kernels->narrow_order, kernels->narrow);
  }
}

// Three by three taps over a grid of distinct pixels, every width and both shared strides.
TEST_P(DepthwiseTest, SharedColumnsKeepTheOrderOfEachSum) {
  const DepthwiseKernels& kernels = *FloatDepthwise(GetParam());
  std::mt19937 random(7);
  std::uniform_real_distribution<float> real(-1, 1);
  for (int64_t step = 1; step <= 3; ++step) {
    for (int64_t pixels = 1; pixels <= 19; ++pixels) {
      SCOPED_TRACE(testing::Message() << "step " << step << " pixels " << pixels);
      const int64_t channels = kernels.lanes + pixels % kernels.lanes;
      const int64_t blocks = (channels + kernels.lanes - 1) / kernels.lanes;
      const int64_t width = (pixels - 1) * step + 3, padded = blocks * kernels.lanes;
      std::vector<float> input(3 * width * channels), weights(9 * padded), bias(padded);
      for (float& x : input) x = real(random);
      for (float& x : weights) x = real(random);
      for (float& x : bias) x = real(random);
      std::vector<const std::byte*> grid;
      for (int64_t i = 0; i < 3 * width; ++i)
        grid.push_back(reinterpret_cast<const std::byte*>(input.data() + i * channels));
      std::vector<int32_t> taps;
      for (int32_t t = 0; t < 9; ++t) taps.push_back(static_cast<int32_t>(t % 3 * width + t / 3));
      std::vector<float> out(pixels * channels + 1, 99.0f);
      DepthwiseCall call;
      call.grid = grid.data(), call.taps = taps.data();
      call.row_step = width, call.step = step, call.groups = 9;
      call.square = static_cast<int32_t>(width);
      call.rows = 1, call.pixels = pixels, call.channels = channels;
      call.weights = reinterpret_cast<const std::byte*>(weights.data());
      call.init = bias.data();
      call.lo = -1.0f, call.hi = 1.0f;
      call.out = reinterpret_cast<std::byte*>(out.data());
      call.out_stride = channels * 4, call.out_row_stride = call.out_stride * pixels;
      kernels.first(call);
      for (int64_t x = 0; x < pixels; ++x) {
        for (int64_t c = 0; c < channels; ++c) {
          float sum = bias[c];
          for (int32_t t = 0; t < 9; ++t) {
            const int64_t at = (taps[t] + x * step) * channels + c;
            const int64_t w = (c / kernels.lanes * 9 + t) * kernels.lanes + c % kernels.lanes;
            sum = std::fma(input[at], weights[w], sum);
          }
          ASSERT_EQ(out[x * channels + c], std::min(std::max(sum, -1.0f), 1.0f))
              << "pixel " << x << " channel " << c;
        }
      }
      ASSERT_EQ(out.back(), 99.0f);
    }
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DepthwiseTest);  // on machines without kernels
INSTANTIATE_TEST_SUITE_P(Isas, DepthwiseTest, testing::ValuesIn(Vectors()),
                         [](const auto& instance) { return IsaName(instance.param); });

}  // namespace
}  // namespace heddle::core
