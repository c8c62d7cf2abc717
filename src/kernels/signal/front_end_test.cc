// SPDX-License-Identifier: Apache-2.0
// The operators of the audio front-end that look at one frame alone.
#include "kernels/signal/signal_for_test.h"

namespace heddle::core {
namespace {

TEST(SignalWindow, WeighsAndSaturates) {
  SignalCase c("SignalWindow", {{"shift", 12}});
  const TestTensor weights = Shorts({6}, {32767, 4096, 1, 2048, -4096, 5});
  const TestTensor in = Shorts({2, 6}, {-32768, 32767, -1, 5, 1000, -1000, 1, 1, 1, 1, 1, 1});
  const auto out = c.Run({in, weights}, {Type::kInt16});
  EXPECT_EQ(out[0].As<int16_t>(),
            (std::vector<int16_t>{-32768, 32767, -1, 2, -1000, -2, 7, 1, 0, 0, -1, 0}));
  ExpectError(c.op(), {Shorts({5}, {1, 2, 3, 4, 5}), weights}, Type::kInt16, Code::kInvalidModel,
              "rows of 6 samples");
}

TEST(SignalEnergy, IsZeroOutsideItsRange) {
  SignalCase c("SignalEnergy", {{"start_index", 1}, {"end_index", 3}});
  const TestTensor in = Shorts({8}, {9, 9, -32768, -32768, 3, -4, 7, 7});
  const auto out = c.Run({in}, {Type::kUInt32});
  EXPECT_EQ(out[0].As<uint32_t>(), (std::vector<uint32_t>{0, 0x80000000u, 25, 0}));
  // The original's default end is behind the last value.
  SignalCase all("SignalEnergy", {{"start_index", 0}, {"end_index", 7}});
  EXPECT_EQ(all.Run({in}, {Type::kUInt32})[0].As<uint32_t>()[3], 98u);
  ExpectError(c.op(), {Shorts({3}, {1, 2, 3})}, Type::kUInt32, Code::kInvalidModel, "even number");
}

// Two channels. Channel 0 of the tables, which gives the first one its rising slope, has one bin.
TEST(SignalFilterBank, GivesTheRestOfABinToTheNextChannel) {
  SignalCase c("SignalFilterBank", {{"num_channels", 2}});
  const std::vector<TestTensor> inputs = {Words({1000, 10, 0xffffffffu, 7}),
                                          Shorts({4}, {5, 3, -1, 2}),
                                          Shorts({4}, {2, 4, 6, 1}),
                                          Shorts({3}, {1, 2, 3}),
                                          Shorts({3}, {0, 1, 3}),
                                          Shorts({3}, {1, 2, 1})};
  const auto out = c.Run(inputs, {Type::kUInt64});
  const uint64_t most = 0xffffffffu;
  EXPECT_EQ(out[0].As<uint64_t>(),
            (std::vector<uint64_t>{2 * 10 + 3 * most - 7, 4 * most + 6 * 7 + 2 * 7}));
  std::vector<TestTensor> outside = inputs;
  outside[3] = Shorts({3}, {1, 3, 3});  // bins 3 and 4 of 4
  ExpectError(c.op(), outside, Type::kUInt64, Code::kInvalidArgument,
              "element 1 of 't' is 3, expected 0 to 2 for 2 bins");
  outside = inputs;
  outside[4] = Shorts({3}, {0, -1, 3});
  ExpectError(c.op(), outside, Type::kUInt64, Code::kInvalidArgument,
              "element 1 of 't' is -1, expected 0 to 2 for 2 bins");
  outside[4] = Shorts({2}, {0, 1});
  ExpectError(c.op(), outside, Type::kUInt64, Code::kInvalidModel, "expected 3");
}

TEST(SignalFilterBankSquareRoot, RoundsThenShifts) {
  SignalCase c("SignalFilterBankSquareRoot", {});
  const std::vector<uint64_t> values = {
      0, 1, 65535ull * 65535 + 65535, 0xffffffffull, 1ull << 32, 1000000000000, 1ull << 63, ~0ull};
  const TestTensor in = TestTensor::Of<uint64_t>(Type::kUInt64, {8}, values);
  const auto out = c.Run({in, Scalar(1)}, {Type::kUInt32});
  EXPECT_EQ(out[0].As<uint32_t>(),
            (std::vector<uint32_t>{0, 0, 32767, 32767, 32768, 500000, 1518500250, 2147483647}));
  ExpectError(c.op(), {in, Scalar(32)}, Type::kUInt32, Code::kInvalidArgument,
              "is 32, expected 0 to 31");
}

TEST(SignalPcan, FollowsItsTable) {
  SignalCase c("SignalPCAN", {{"snr_shift", 6}});
  TestTensor table = NoiseOf<int16_t>(Type::kInt16, 125);
  std::vector<int16_t> values = table.As<int16_t>();
  for (int16_t& v : values) v = static_cast<int16_t>(v >> 3);
  table = Shorts({125}, values);
  const TestTensor in = Words({0, 1, 100, 1000, 20000, 1000000, 0x80000000u, 0xffffffffu});
  const TestTensor noise = Words({0, 2, 3, 40, 1023, 2048, 123456, 0xffffffffu});
  const auto out = c.Run({in, noise, table}, {Type::kUInt32});
  EXPECT_EQ(out[0].As<uint32_t>(), (std::vector<uint32_t>{0, 1048511, 1, 41942638, 33544265,
                                                          66259678, 19398592, 15728576}));
  ExpectError(c.op(), {in, noise, NoiseOf<int16_t>(Type::kInt16, 124)}, Type::kUInt32,
              Code::kInvalidModel, "at least 125 values");
}

TEST(SignalFilterBankLog, IsZeroUpToOneAndSaturates) {
  SignalCase c("SignalFilterBankLog", {{"output_scale", 1600}, {"input_correction_bits", 3}});
  const auto out = c.Run({Words({0, 1, 2, 1000, 65536, 123456789, 536870911, 3})}, {Type::kInt16});
  EXPECT_EQ(out[0].As<int16_t>(),
            (std::vector<int16_t>{0, 3327, 4436, 14379, 21072, 32767, 32767, 5085}));
  const SignalCase far("SignalFilterBankLog", {{"output_scale", 1}, {"input_correction_bits", 32}});
  ExpectError(far.op(), {Words({1})}, Type::kInt16, Code::kInvalidModel,
              "'input_correction_bits' is 32, expected 0 to 31");
}

}  // namespace
}  // namespace heddle::core
