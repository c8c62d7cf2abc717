// SPDX-License-Identifier: Apache-2.0
#include <flatbuffers/flexbuffers.h>

#include <algorithm>
#include <cmath>

#include "kernels/custom/tie_heap.h"
#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

// --- The heap ---

struct Scored {
  float score;
  int id;
  bool operator<(const Scored& other) const { return score < other.score; }
};

TEST(TieHeap, PopsTheHighest) {
  std::vector<Scored> heap;
  for (const float score : {2, 7, 1, 9, 9, 3, 0, 8}) {
    heap.push_back({score, 0});
    PushHeap(heap.data(), heap.size());
  }
  for (const float score : {9, 9, 8, 7, 3, 2, 1, 0}) {
    EXPECT_EQ(PopHeap(heap.data(), heap.size()).score, score);
    heap.pop_back();
  }
}

#ifdef __GLIBCXX__
TEST(TieHeap, BreaksTiesAsTheLibraryDoes) {
  std::vector<Scored> heap, other;
  uint32_t noise = 1;
  for (int i = 0; i < 2000; ++i) {
    noise = noise * 1664525 + 1013904223;
    const bool push = heap.empty() || noise >> 30 != 0;
    if (push) {
      heap.push_back({static_cast<float>(noise >> 27 & 3), i});
      PushHeap(heap.data(), heap.size());
      other.push_back({static_cast<float>(noise >> 27 & 3), i});
      std::push_heap(other.begin(), other.end());
    } else {
      std::pop_heap(other.begin(), other.end());
      ASSERT_EQ(PopHeap(heap.data(), heap.size()).id, other.back().id) << i;
      heap.pop_back();
      other.pop_back();
    }
  }
}
#endif

// --- PosenetDecoderOp ---

struct Decoder {
  std::vector<uint8_t> options;
  Operator op;

  explicit Decoder(int most, float threshold = 0.4f, int stride = 16) {
    flexbuffers::Builder b;
    b.Map([&] {
      b.Int("max_detections", most);
      b.Float("score_threshold", threshold);
      b.Int("stride", stride);
      b.Float("nms_radius", 10.0f);
    });
    b.Finish();
    options = b.GetBuffer();
    op.code = OpCode::kCUSTOM;
    op.custom_name = "PosenetDecoderOp";
    op.custom_options = std::as_bytes(std::span(options));
  }
  Decoder(const Decoder&) = delete;

  std::vector<TestTensor> Run(const std::vector<TestTensor>& inputs) const {
    std::vector<TestTensor> outputs(inputs.size() + 1, TestTensor::Output(Type::kFloat32));
    const Status status = RunOperation(op, inputs, outputs, {.tiles_per_call = 1});
    EXPECT_TRUE(status.ok()) << status.c_str();
    return outputs;
  }
};

TestTensor Filled(const Shape& shape, float value) {
  const auto n = static_cast<size_t>(shape.elements());
  return TestTensor::Of<float>(Type::kFloat32, shape, std::vector<float>(n, value));
}
void Set(TestTensor& t, size_t index, float value) {
  std::memcpy(t.data.data() + index * sizeof(float), &value, sizeof(value));
}

// Maps of 4 by 5 places: a nose at (1, 2), moved by a quarter of a place down; everything else of
// that person lies two places to the right of what it hangs on, up to the border.
std::vector<TestTensor> OnePerson() {
  std::vector<TestTensor> in = {Filled({1, 4, 5, 17}, -1), Filled({1, 4, 5, 34}, 0),
                                Filled({1, 4, 5, 64}, 0)};
  Set(in[0], (1 * 5 + 2) * 17, 5);
  Set(in[1], (1 * 5 + 2) * 34, 4);
  for (size_t place = 0; place < 20; ++place)
    for (size_t edge = 16; edge < 32; ++edge) Set(in[2], place * 64 + edge, 32);
  return in;
}

TEST(PosenetDecoder, GrowsAPoseFromItsRoot) {
  const Decoder decoder(2, 0.3f);
  const auto out = decoder.Run(OnePerson());
  ASSERT_EQ(out[0].shape, (Shape{1, 2, 17, 2}));
  EXPECT_EQ(out[3].As<float>(), std::vector<float>{1});
  const std::vector<float> points = out[0].As<float>(), scores = out[1].As<float>();
  EXPECT_EQ(points[0], 20);  // 1.25 places of 16
  EXPECT_EQ(points[1], 32);
  EXPECT_EQ(points[5 * 2 + 1], 64);  // a shoulder, at the border
  // The refinement follows the nose's own offset only where it is the nose.
  EXPECT_EQ(points[5 * 2], 20);
  EXPECT_EQ(scores[5], 1 / (1 + std::exp(1.0f)));
  for (size_t i = 34; i < 68; ++i) EXPECT_EQ(points[i], 0) << i;
  EXPECT_EQ(out[2].As<float>()[1], 0);
}

TEST(PosenetDecoder, MasksGoToTheNearestPose) {
  std::vector<TestTensor> in = OnePerson();
  in.push_back(Filled({1, 33, 33, 34}, 0));
  const auto count = [](const TestTensor& masks, size_t pose) {
    const std::vector<float> v = masks.As<float>();
    const auto first = v.begin() + static_cast<std::ptrdiff_t>(pose * 33 * 33);
    return std::count(first, first + 33 * 33, 1.0f);
  };
  const auto one = Decoder(2, 0.3f).Run(in);
  EXPECT_EQ(count(one[4], 0), 33 * 33);
  EXPECT_EQ(count(one[4], 1), 0);
  const auto none = Decoder(2, 0.9f).Run(in);
  EXPECT_EQ(none[3].As<float>()[0], 0);
  EXPECT_EQ(count(none[4], 0), 0);
}

// Bytes with many ties. What is expected are the answers of Coral's own posenet_decoder.cc
// (libcoral at 6589d0b, built with GCC) on these maps as floats.
TEST(PosenetDecoder, IsTheOriginalsOnQuantisedMaps) {
  const auto bytes = [](const Shape& shape, uint32_t first, float scale, uint8_t mask) {
    std::vector<uint8_t> values;
    for (int64_t i = 0; i < shape.elements(); ++i)
      values.push_back(static_cast<uint8_t>(
          ((static_cast<uint32_t>(i) + 1 + first) * 0x9E3779B9u >> 24) & mask));
    return TestTensor::Of<uint8_t>(Type::kUInt8, shape, values, scale, 128);
  };
  const auto out = Decoder(3, 0.2f).Run({bytes({1, 4, 5, 17}, 0, 0.0625f, 0xf0),
                                         bytes({1, 4, 5, 34}, 1000, 0.125f, 0xff),
                                         bytes({1, 4, 5, 64}, 5000, 0.5f, 0xff)});
  EXPECT_EQ(out[3].As<float>(), std::vector<float>{2});
  EXPECT_EQ(out[2].As<float>(), (std::vector<float>{0x1.081e4ep-1f, 0x1.565efap-2f, 0}));
  struct Expected {
    size_t keypoint;
    float y, x, score;
  };
  const Expected expected[] = {{0, 48, 0x1.5f4c22p+4f, 0x1.02cf7p-1f},
                               {9, 0, 0x1.ca84ep+5f, 0x1.47e59cp-3f},
                               {16, 48, 0, 0x1.dda738p-11f},
                               {17, 0x1.115504p+5f, 0, 0x1.7b7cf8p-1f},  // of the second pose
                               {26, 0, 0x1.d5589cp+5f, 0x1.69d238p-4f},
                               {33, 0x1.26e618p+3f, 0, 0x1.43980ep-7f}};
  const std::vector<float> points = out[0].As<float>(), scores = out[1].As<float>();
  for (const auto& [keypoint, y, x, score] : expected) {
    EXPECT_EQ(points[2 * keypoint], y) << keypoint;
    EXPECT_EQ(points[2 * keypoint + 1], x) << keypoint;
    EXPECT_EQ(scores[keypoint], score) << keypoint;
  }
}

TEST(PosenetDecoder, SurvivesAnyFloats) {
  for (const float value : {NAN, INFINITY, -INFINITY, 3e38f, -3e38f}) {
    for (size_t bad = 0; bad < 3; ++bad) {
      std::vector<TestTensor> in = OnePerson();
      in[bad] = Filled(in[bad].shape, value);
      const auto out = Decoder(2, 0.3f).Run(in);
      for (const float y : out[0].As<float>())
        EXPECT_TRUE(y >= 0 && y <= 64) << value << ' ' << bad;
    }
  }
}

TEST(PosenetDecoder, Errors) {
  const std::vector<TestTensor> good = OnePerson();
  const auto fails = [&good](const Decoder& decoder, size_t input, const Shape& shape,
                             const char* text) {
    std::vector<TestTensor> in = good;
    in[input] = Filled(shape, 0);
    ExpectError(decoder.op, in, Type::kFloat32, Code::kInvalidModel, text, 4);
  };
  fails(Decoder(2), 0, {1, 4, 5, 16}, "1xHxWx17");
  fails(Decoder(2), 1, {1, 4, 4, 34}, "1x4x5x34");
  fails(Decoder(2), 2, {1, 4, 5, 32}, "1x4x5x64");
  fails(Decoder(0), 0, {1, 4, 5, 17}, "'max_detections' is 0");
}

}  // namespace
}  // namespace heddle::core
