// SPDX-License-Identifier: Apache-2.0
#include "kernels/signal/micro_fft.h"

#include <cmath>

#include "kernels/signal/rounded_trig.h"
#include "kernels/signal/signal_for_test.h"

namespace heddle::core {
namespace {

template <class T>
std::vector<T> Transform(const char* name, int length, const TestTensor& input) {
  SignalCase c(name, {{"fft_length", length}});
  return c.Run({input}, {input.type})[0].As<T>();
}

// --- Radices 2, 3, 4 and 5 ---

TEST(SignalRfft, IsTheOriginalsInEveryType) {
  // 17 samples: three zeros follow.
  EXPECT_EQ(Transform<int16_t>("SignalRfft", 20, NoiseOf<int16_t>(Type::kInt16, 17)),
            (std::vector<int16_t>{-1445, 0,    -360,  -2236, 479,   -3504, -1623, 1792,
                                  -921,  -108, -4710, 3093,  400,   -2140, 5220,  -4521,
                                  -6439, 562,  -1483, -632,  -4709, 0}));
  EXPECT_EQ(Transform<int32_t>("SignalRfft", 24, NoiseOf<int32_t>(Type::kInt32, 24)),
            (std::vector<int32_t>{-105549431, 0,          14959395, -113627889, 14959396, -55829223,
                                  -253476059, -147304781, 14959395, -25910433,  14959395, -19495464,
                                  -253476059, 253476060,  14959395, -11478748,  14959395, -8636811,
                                  -253476060, -654256901, 14959395, -4008358,   14959395, -1969442,
                                  -253476059, 0}));
  EXPECT_EQ(Transform<float>("SignalRfft", 16, NoiseOf<float>(Type::kFloat32, 16)),
            (std::vector<float>{0x1.aep-4f, 0, 0x1.c88p-4f, -0x1.1edf6p-1f, -0x1.e378p+0f,
                                -0x1.18f538p+0f, 0x1.c88p-4f, -0x1.5599acp-3f, -0x1.e378p+0f,
                                0x1.e378p+0f, 0x1.c88p-4f, -0x1.310608p-4f, -0x1.e378p+0f,
                                -0x1.37f94ep+2f, 0x1.c88p-4f, -0x1.6b36cp-6f, -0x1.e37p+0f, 0}));
}

TEST(SignalIrfft, IsTheOriginalsInEveryType) {
  EXPECT_EQ(
      Transform<int16_t>("SignalIrfft", 20, NoiseOf<int16_t>(Type::kInt16, 22)),
      (std::vector<int16_t>{-107,   23,   3063,  3123,  1138, -11147, -2097, 4544,  -4615, -1314,
                            -13105, 5261, -1939, -2049, 8648, -5049,  -7689, -5060, 3491,  -144}));
  EXPECT_EQ(
      Transform<int32_t>("SignalIrfft", 24, NoiseOf<int32_t>(Type::kInt32, 26)),
      (std::vector<int32_t>{147926628,  355009592,  67298523,   557613840, 258141699,  -183203458,
                            -208875760, -50109908,  292688941,  58906344,  170940254,  -889852381,
                            0,          102356092,  -170940253, 331024632, -292688943, 260549458,
                            208875760,  -625783312, -258141699, 332197164, -67298522,  110317429}));
  EXPECT_EQ(Transform<float>("SignalIrfft", 16, NoiseOf<float>(Type::kFloat32, 18)),
            (std::vector<float>{-0x1.00dp-3f, -0x1.25efbp-4f, -0x1.1385aap-5f, -0x1.8c4348p-5f,
                                -0x1.0722p-1f, -0x1.505dcp-5f, -0x1.7a2d5p-8f, -0x1.dc4ce4p-4f,
                                -0x1p-2f, 0x1.05542cp-2f, 0x1.7a2d7p-8f, 0x1.7daf4p-2f, 0x1.c88p-7f,
                                -0x1.116488p-2f, 0x1.1385a6p-5f, 0x1.ca461p-6f}));
}

TEST(SignalRfft, TransformsEachRow) {
  SignalCase c("SignalRfft", {{"fft_length", 4}});
  const TestTensor rows = TestTensor::Of<float>(Type::kFloat32, {2, 4}, {1, 1, 1, 1, 1, -1, 1, -1});
  const auto out = c.Run({rows}, {Type::kFloat32});
  EXPECT_EQ(out[0].shape, (Shape{2, 6}));
  EXPECT_EQ(out[0].As<float>(), (std::vector<float>{4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0}));
}

TEST(SignalRfft, Errors) {
  const TestTensor samples = NoiseOf<int16_t>(Type::kInt16, 8);
  const auto fails = [&](const char* name, int length, Code code, const char* text) {
    const SignalCase c(name, {{"fft_length", length}});
    ExpectError(c.op(), {samples}, Type::kInt16, code, text);
  };
  fails("SignalRfft", 14, Code::kUnsupported, "fft_length is 14");
  fails("SignalRfft", 9, Code::kUnsupported, "fft_length is 9");
  fails("SignalRfft", 2, Code::kInvalidModel, "'fft_length' is 2");
  fails("SignalRfft", 6, Code::kInvalidModel, "rows of 1 to 6 samples");
  fails("SignalIrfft", 8, Code::kInvalidModel, "rows of 10 values");
}

// --- SignalFftAutoScale ---

TEST(SignalFftAutoScale, FillsSixteenBits) {
  const auto scaled = [](std::vector<int16_t> in) {
    SignalCase c("SignalFftAutoScale", {});
    const auto out = c.Run({Shorts({4}, std::move(in))}, {Type::kInt16, Type::kInt32});
    return std::pair(out[0].As<int16_t>(), out[1].As<int32_t>()[0]);
  };
  using Scaled = std::pair<std::vector<int16_t>, int32_t>;
  EXPECT_EQ(scaled({3, -7, 100, 0}), (Scaled{{768, -1792, 25600, 0}, 8}));
  EXPECT_EQ(scaled({-32768, 5, 0, 1}), (Scaled{{0, 20480, 0, 4096}, 12}));  // the original's fault
  EXPECT_EQ(scaled({0, 0, 0, 0}), (Scaled{{0, 0, 0, 0}, 0}));
  EXPECT_EQ(scaled({1, 32767, -2, 4}), (Scaled{{1, 32767, -2, 4}, 0}));
}

// --- RoundedCos, RoundedSin ---

TEST(RoundedTrig, IsRoundedOnce) {
  EXPECT_EQ(RoundedCos(0), 1);
  EXPECT_EQ(RoundedSin(0), 0);
  // The double next to pi/3 is below it, so its cosine lies above a half.
  EXPECT_EQ(RoundedCos(0x1.0c152382d7365p+0), 0x1.0000000000001p-1);
  // What the doubles next to pi and pi/2 miss of them.
  EXPECT_NEAR(RoundedSin(0x1.921fb54442d18p+1), 0x1.1a62633145c07p-53, 0x1p-95);
  EXPECT_NEAR(RoundedCos(-0x1.921fb54442d18p+0), 0x1.1a62633145c07p-54, 0x1p-95);
  for (int i = -600; i <= 600; ++i) {
    const double x = i * 0.01;
    EXPECT_NEAR(RoundedCos(x), std::cos(x), 1.2e-16) << x;
    EXPECT_NEAR(RoundedSin(x), std::sin(x), 1.2e-16) << x;
  }
}

}  // namespace
}  // namespace heddle::core
