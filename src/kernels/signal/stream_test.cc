// SPDX-License-Identifier: Apache-2.0
// The operators of the audio front-end that go on where the last call stopped.
#include "kernels/signal/signal_for_test.h"
#include "kernels/state.h"

namespace heddle::core {
namespace {

using Frame = std::vector<int16_t>;

struct Framed {
  Frame samples;
  bool valid;
  bool operator==(const Framed&) const = default;
};
std::ostream& operator<<(std::ostream& o, const Framed& f) {
  return o << ::testing::PrintToString(f.samples) << (f.valid ? " valid" : " not valid");
}

Framed RunFramed(SignalCase& c, const Shape& shape, Frame in) {
  const auto out = c.Run({Shorts(shape, std::move(in))}, {Type::kInt16, Type::kBool});
  return {out[0].As<int16_t>(), out[1].As<uint8_t>()[0] == 1};
}

// --- SignalFramer ---

TEST(SignalFramer, FillsUpThenOverlaps) {
  SignalCase c("SignalFramer", {{"frame_size", 3}, {"frame_step", 2}, {"prefill", 0}});
  EXPECT_EQ(RunFramed(c, {2}, {1, 2}), (Framed{{0, 0, 0}, false}));
  EXPECT_EQ(RunFramed(c, {2}, {3, 4}), (Framed{{1, 2, 3}, true}));
  EXPECT_EQ(RunFramed(c, {2}, {5, 6}), (Framed{{3, 4, 5}, true}));
  c.Forget();
  // Several steps in a call: one frame of two is there, so not all are valid.
  EXPECT_EQ(RunFramed(c, {4}, {1, 2, 3, 4}), (Framed{{0, 0, 0, 1, 2, 3}, false}));
  EXPECT_EQ(RunFramed(c, {4}, {5, 6, 7, 8}), (Framed{{3, 4, 5, 5, 6, 7}, true}));
}

TEST(SignalFramer, PrefilledBeginsWithZeros) {
  SignalCase c("SignalFramer", {{"frame_size", 5}, {"frame_step", 2}, {"prefill", 1}});
  EXPECT_EQ(RunFramed(c, {2}, {1, 2}), (Framed{{0, 0, 0, 1, 2}, true}));
  EXPECT_EQ(RunFramed(c, {2}, {3, 4}), (Framed{{0, 1, 2, 3, 4}, true}));
  EXPECT_EQ(RunFramed(c, {2}, {5, 6}), (Framed{{2, 3, 4, 5, 6}, true}));
}

TEST(SignalFramer, EachRowHasItsOwnPast) {
  SignalCase c("SignalFramer", {{"frame_size", 3}, {"frame_step", 1}, {"prefill", 1}});
  EXPECT_EQ(RunFramed(c, {2, 1}, {1, 100}), (Framed{{0, 0, 1, 0, 0, 100}, true}));
  EXPECT_EQ(RunFramed(c, {2, 1}, {2, 200}), (Framed{{0, 1, 2, 0, 100, 200}, true}));
}

// A call of any length gives the frames that calls of one step would.
TEST(SignalFramer, LongCallsEqualShortOnes) {
  for (const int prefill : {0, 1}) {
    SignalCase steps("SignalFramer", {{"frame_size", 7}, {"frame_step", 2}, {"prefill", prefill}});
    SignalCase calls("SignalFramer", {{"frame_size", 7}, {"frame_step", 2}, {"prefill", prefill}});
    int16_t next = 1;
    for (const int length : {3, 1, 8, 2}) {  // in steps
      Frame all, expected;
      for (int i = 0; i < length; ++i) {
        const Frame two = {next, static_cast<int16_t>(next + 1)};
        next = static_cast<int16_t>(next + 2);
        all.insert(all.end(), two.begin(), two.end());
        const Framed framed = RunFramed(steps, {2}, two);
        expected.insert(expected.end(), framed.samples.begin(), framed.samples.end());
      }
      EXPECT_EQ(RunFramed(calls, {2 * length}, all).samples, expected) << length << ' ' << prefill;
    }
  }
}

TEST(SignalFramer, Errors) {
  const SignalCase c("SignalFramer", {{"frame_size", 3}, {"frame_step", 2}});
  const auto fails = [](const Operator& op, const TestTensor& in, const char* text) {
    std::vector<TestTensor> outputs = {TestTensor::Output(Type::kInt16),
                                       TestTensor::Output(Type::kBool)};
    const Status status = RunOperation(op, {in}, outputs);
    EXPECT_EQ(status.code(), Code::kInvalidModel) << status.c_str();
    EXPECT_NE(status.message().find(text), std::string_view::npos) << status.c_str();
  };
  fails(c.op(), Shorts({3}, {1, 2, 3}), "a multiple of 2 samples");
  fails(c.op(), Shorts({0, 2}, {}), "all of a fixed size");
  const SignalCase wide("SignalFramer", {{"frame_size", 3}, {"frame_step", 4}});
  fails(wide.op(), Shorts({4}, {1, 2, 3, 4}), "'frame_step' is 4, expected 1 to 3");
}

// --- SignalDelay ---

TEST(SignalDelay, HandsOverWhatItKept) {
  for (const int delay : {0, 1, 3, 5, 11}) {
    SignalCase c("SignalDelay", {{"delay_length", delay}});
    Frame came, left(static_cast<size_t>(delay), 0);
    for (int16_t call = 0; call < 5; ++call) {
      Frame in;
      for (int16_t i = 0; i < 3; ++i) in.push_back(static_cast<int16_t>(10 * call + i + 1));
      left.insert(left.end(), in.begin(), in.end());
      const Frame out = c.Run({Shorts({3}, in)}, {Type::kInt16})[0].As<int16_t>();
      came.insert(came.end(), out.begin(), out.end());
    }
    left.resize(came.size());
    EXPECT_EQ(came, left) << delay;
  }
}

// --- SignalOverlapAdd ---

TEST(SignalOverlapAdd, AddsAndSaturates) {
  SignalCase c("SignalOverlapAdd", {{"frame_step", 2}});
  const auto run = [&c](Frame in) {
    const auto out = c.Run({Shorts({2, 3}, std::move(in))}, {Type::kInt16});
    EXPECT_EQ(out[0].shape, Shape{4});
    return out[0].As<int16_t>();
  };
  EXPECT_EQ(run({1, 2, 3, 4, 5, 30000}), (Frame{1, 2, 7, 5}));
  EXPECT_EQ(run({30000, 8, 9, 0, 1, 2}), (Frame{32767, 8, 9, 1}));
  EXPECT_EQ(run({-2, 0, 0, 0, 0, 0}), (Frame{0, 0, 0, 0}));
}

TEST(SignalOverlapAdd, OfFloats) {
  SignalCase c("SignalOverlapAdd", {{"frame_step", 1}});
  const auto run = [&c](std::vector<float> in) {
    const TestTensor frames = TestTensor::Of<float>(Type::kFloat32, {2, 1, 2}, std::move(in));
    return c.Run({frames}, {Type::kFloat32})[0].As<float>();
  };
  EXPECT_EQ(run({1, 2, 10, 20}), (std::vector<float>{1, 10}));
  EXPECT_EQ(run({3, 4, 30, 40}), (std::vector<float>{5, 50}));
}

// --- SignalStacker ---

TEST(SignalStacker, RepeatsTheFirstFrameToItsLeft) {
  SignalCase c("SignalStacker", {{"num_channels", 2},
                                 {"stacker_left_context", 1},
                                 {"stacker_right_context", 1},
                                 {"stacker_step", 2}});
  const Framed nothing{{0, 0, 0, 0, 0, 0}, false};
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(RunFramed(c, {2}, {1, 11}), nothing);
    EXPECT_EQ(RunFramed(c, {2}, {2, 12}), (Framed{{1, 11, 1, 11, 2, 12}, true}));
    EXPECT_EQ(RunFramed(c, {2}, {3, 13}), nothing);
    EXPECT_EQ(RunFramed(c, {2}, {4, 14}), (Framed{{2, 12, 3, 13, 4, 14}, true}));
    c.Forget();
  }
}

TEST(SignalStacker, ThatDropsAllItHas) {
  SignalCase c("SignalStacker", {{"num_channels", 1},
                                 {"stacker_left_context", 1},
                                 {"stacker_right_context", 0},
                                 {"stacker_step", 2}});
  EXPECT_EQ(RunFramed(c, {1}, {1}), (Framed{{1, 1}, true}));
  EXPECT_EQ(RunFramed(c, {1}, {2}), (Framed{{0, 0}, false}));  // started: nothing is repeated
  EXPECT_EQ(RunFramed(c, {1}, {3}), (Framed{{2, 3}, true}));
}

// --- SignalFilterBankSpectralSubtraction ---

TEST(SignalSpectralSubtraction, FollowsTheNoise) {
  using Channels = std::vector<uint32_t>;
  const std::vector<Channels> in = {
      {1000, 2000, 30000, 4}, {1000, 2100, 1000, 0}, {10, 2100, 70000, 4000000}};
  const std::vector<Channels> out = {
      {974, 1880, 29249, 3}, {950, 1861, 243, 0}, {0, 1749, 67510, 3760009}};
  const std::vector<Channels> noise[2] = {{{25625, 122875, 768750, 245},
                                           {50608, 244521, 775137, 230},
                                           {49597, 358869, 2549489, 245750216}},
                                          {{25625, 122875, 768750, 245},
                                           {50608, 244521, 775137, 0},
                                           {10240, 358869, 2549489, 245750000}}};
  for (const int clamping : {0, 1}) {
    SignalCase c("SignalFilterBankSpectralSubtraction", {{"num_channels", 4},
                                                         {"smoothing", 410},
                                                         {"one_minus_smoothing", 15974},
                                                         {"alternate_smoothing", 983},
                                                         {"alternate_one_minus_smoothing", 15401},
                                                         {"smoothing_bits", 10},
                                                         {"min_signal_remaining", 819},
                                                         {"clamping", clamping},
                                                         {"spectral_subtraction_bits", 14}});
    for (size_t call = 0; call < 3; ++call) {
      const auto got = c.Run({Words(in[call])}, {Type::kUInt32, Type::kUInt32});
      EXPECT_EQ(got[0].As<uint32_t>(), out[call]) << call;
      EXPECT_EQ(got[1].As<uint32_t>(), noise[clamping][call]) << call << ' ' << clamping;
    }
  }
}

// --- What is kept ---

TEST(StreamMemory, IsAsLargeAsTheFilesShapesSay) {
  const SignalCase framer("SignalFramer", {{"frame_size", 480}, {"frame_step", 320}});
  Tensor input;
  input.type = Type::kInt16;
  input.shape = {2, 320};
  const OperatorMemory memory = MemoryOf(framer.op(), &input);
  EXPECT_EQ(memory.bytes, 8u + 2 * 320 * sizeof(int16_t));
  EXPECT_TRUE(memory.needs_session);
  input.shape = {2, -1};
  EXPECT_EQ(MemoryOf(framer.op(), &input).bytes, 0u);
  input.shape = {1 << 30, 320};
  EXPECT_EQ(MemoryOf(framer.op(), &input).bytes, 0u);
  EXPECT_EQ(MemoryOf(framer.op(), nullptr).bytes, 0u);
  const SignalCase window("SignalWindow", {{"shift", 1}});
  EXPECT_FALSE(MemoryOf(window.op(), &input).needs_session);
}

// Bytes from elsewhere, as a restored state may hold them, never lead outside the memory.
TEST(StreamMemory, SurvivesAnyBytes) {
  const SignalCase framer("SignalFramer", {{"frame_size", 5}, {"frame_step", 2}, {"prefill", 0}});
  const SignalCase stacker("SignalStacker", {{"num_channels", 1},
                                             {"stacker_left_context", 2},
                                             {"stacker_right_context", 1},
                                             {"stacker_step", 1}});
  for (int byte = 0; byte < 256; byte += 5) {
    for (const auto* c : {&framer, &stacker}) {
      const int32_t samples = c == &framer ? 2 : 1;
      Tensor input;
      input.type = Type::kInt16;
      input.shape = {samples};
      std::vector<std::byte> memory(MemoryOf(c->op(), &input).bytes, static_cast<std::byte>(byte));
      std::vector<TestTensor> outputs = {TestTensor::Output(Type::kInt16),
                                         TestTensor::Output(Type::kBool)};
      const Status status =
          RunOperation(c->op(), {Shorts(input.shape, Frame(static_cast<size_t>(samples), 7))},
                       outputs, {.memory = &memory});
      EXPECT_TRUE(status.ok()) << status.c_str();
    }
  }
}

}  // namespace
}  // namespace heddle::core
