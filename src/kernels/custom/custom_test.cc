// SPDX-License-Identifier: Apache-2.0
// Custom operators: what the conformance cases do not show.
#include <flatbuffers/flexbuffers.h>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

// An operator with options, which live as long as it does.
struct Custom {
  std::vector<uint8_t> options;
  Operator op;

  Custom(std::string name, std::vector<uint8_t> bytes) : options(std::move(bytes)) {
    op.code = OpCode::kCUSTOM;
    op.custom_name = std::move(name);
    op.custom_options = std::as_bytes(std::span(options));
  }
  Custom(const Custom&) = delete;
};

TestTensor FloatsOf(const Shape& shape, std::vector<float> values) {
  return TestTensor::Of<float>(Type::kFloat32, shape, std::move(values));
}
TestTensor IntsOf(const Shape& shape, std::vector<int32_t> values) {
  return TestTensor::Of<int32_t>(Type::kInt32, shape, std::move(values));
}

// --- TFLite_Detection_PostProcess ---

std::vector<uint8_t> DetectionOptions(bool regular, int most, float overlap = 0.5f) {
  flexbuffers::Builder b;
  b.Map([&] {
    b.Int("max_detections", most);
    b.Int("max_classes_per_detection", 1);
    b.Int("detections_per_class", 10);
    b.Bool("use_regular_nms", regular);
    b.Float("nms_score_threshold", 0.1f);
    b.Float("nms_iou_threshold", overlap);
    b.Int("num_classes", 2);
    for (const char* scale : {"y_scale", "x_scale", "h_scale", "w_scale"}) b.Float(scale, 1.0f);
  });
  b.Finish();
  return b.GetBuffer();
}

// Three boxes of size 1: two in one place, one far away.
const std::vector<float> kAnchors = {0, 0, 1, 1, 0, 0.1f, 1, 1, 5, 5, 1, 1};

std::vector<TestTensor> Detect(bool regular, int most, std::vector<float> scores,
                               const RunConfig& config) {
  const Custom custom("TFLite_Detection_PostProcess", DetectionOptions(regular, most));
  std::vector<TestTensor> outputs(4, TestTensor::Output(Type::kFloat32));
  const Status status =
      RunOperation(custom.op,
                   {FloatsOf({1, 3, 4}, std::vector<float>(12, 0)),
                    FloatsOf({1, 3, 2}, std::move(scores)), FloatsOf({3, 4}, kAnchors)},
                   outputs, config);
  EXPECT_TRUE(status.ok()) << status.c_str();
  return outputs;
}

TEST(DetectionPostProcess, SuppressesOverAllClassesOrForEach) {
  const std::vector<float> scores = {0.9f, 0.2f, 0.3f, 0.8f, 0.05f, 0.5f};
  for (const int64_t cut : {0, 1}) {
    const auto fast = Detect(false, 4, scores, {.tiles_per_call = cut});
    EXPECT_EQ(fast[3].As<float>(), std::vector<float>{2});
    EXPECT_EQ(fast[1].As<float>(), (std::vector<float>{0, 1, 0, 0}));
    EXPECT_EQ(fast[2].As<float>(), (std::vector<float>{0.9f, 0.5f, 0, 0}));
    const auto regular = Detect(true, 4, scores, {.tiles_per_call = cut});
    EXPECT_EQ(regular[3].As<float>(), std::vector<float>{3});
    EXPECT_EQ(regular[1].As<float>(), (std::vector<float>{0, 1, 1, 0}));
    EXPECT_EQ(regular[2].As<float>(), (std::vector<float>{0.9f, 0.8f, 0.5f, 0}));
  }
}

TEST(DetectionPostProcess, OfEqualScoresTheEarlierClassAndBoxComeFirst) {
  const auto regular = Detect(true, 2, {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f}, {});
  EXPECT_EQ(regular[1].As<float>(), (std::vector<float>{0, 0}));
  EXPECT_EQ(regular[0].As<float>()[4], 4.5f);  // the second row is the box far away
}

TEST(DetectionPostProcess, Errors) {
  const std::vector<TestTensor> inputs = {FloatsOf({1, 1, 4}, {0, 0, 0, 0}),
                                          FloatsOf({1, 1, 2}, {1, 1}),
                                          FloatsOf({1, 4}, {0, 0, -1, 1})};
  const Custom inverted("TFLite_Detection_PostProcess", DetectionOptions(false, 1));
  ExpectError(inverted.op, inputs, Type::kFloat32, Code::kInvalidArgument,
              "element 0 of 't' is of a box from 0.5, -0.5 to -0.5, 0.5", 4);
  const Custom overlap("TFLite_Detection_PostProcess", DetectionOptions(false, 1, 2.0f));
  ExpectError(overlap.op, inputs, Type::kFloat32, Code::kInvalidModel, "'nms_iou_threshold' is 2",
              4);
  const Custom missing("TFLite_Detection_PostProcess", {});
  ExpectError(missing.op, inputs, Type::kFloat32, Code::kInvalidModel, "'max_detections'", 4);
}

// --- Tensor lists ---

TestTensor RunList(const char* name, const std::vector<TestTensor>& inputs, Type type) {
  const Custom custom(name, {});
  std::vector<TestTensor> outputs = {TestTensor::Output(type)};
  const Status status = RunOperation(custom.op, inputs, outputs);
  EXPECT_TRUE(status.ok()) << name << ": " << status.c_str();
  return outputs[0];
}

TEST(TensorList, KeepsItems) {
  const TestTensor shape = IntsOf({2}, {-1, 2});
  TestTensor list = RunList("FlexTensorListReserve", {shape, IntsOf({}, {3})}, Type::kVariant);
  list = RunList("FlexTensorListSetItem", {list, IntsOf({}, {1}), FloatsOf({1, 2}, {5, 6})},
                 Type::kVariant);
  list = RunList("FlexTensorListSetItem", {list, IntsOf({}, {2}), FloatsOf({1, 2}, {7, 8})},
                 Type::kVariant);
  const TestTensor stack = RunList("FlexTensorListStack", {list, shape}, Type::kFloat32);
  EXPECT_EQ(stack.shape, (Shape{3, 1, 2}));
  EXPECT_EQ(stack.As<float>(), (std::vector<float>{0, 0, 5, 6, 7, 8}));
  const TestTensor item =
      RunList("FlexTensorListGetItem", {list, IntsOf({}, {2}), shape}, Type::kFloat32);
  EXPECT_EQ(item.As<float>(), (std::vector<float>{7, 8}));
  EXPECT_EQ(RunList("FlexTensorListLength", {list}, Type::kInt32).As<int32_t>()[0], 3);
  const TestTensor again = RunList("FlexTensorListFromTensor", {stack, shape}, Type::kVariant);
  EXPECT_EQ(RunList("FlexTensorListStack", {again, shape}, Type::kFloat32).data, stack.data);
}

TEST(TensorList, Errors) {
  const Custom set("FlexTensorListSetItem", {}), stack("FlexTensorListStack", {});
  const TestTensor any = IntsOf({}, {-1});
  const TestTensor list =
      RunList("FlexTensorListFromTensor", {FloatsOf({2, 2}, {1, 2, 3, 4}), any}, Type::kVariant);
  const auto fails = [&](const std::vector<TestTensor>& inputs, const char* text) {
    ExpectError(set.op, inputs, Type::kVariant, Code::kInvalidArgument, text);
  };
  fails({list, IntsOf({}, {2}), FloatsOf({2}, {1, 2})},
        "'t' is 2, which is no item of a list of 2");
  fails({list, IntsOf({0}, {}), FloatsOf({2}, {1, 2})}, "expected one value");
  fails({list, IntsOf({}, {0}), FloatsOf({3}, {1, 2, 3})}, "size 3 in dimension 0, expected 2");
  fails({list, IntsOf({}, {0}), IntsOf({2}, {1, 2})}, "int32, expected float32");
  TestTensor cut = list;
  cut.data.pop_back();
  fails({cut, IntsOf({}, {0}), FloatsOf({2}, {1, 2})}, "no tensor list");
  const TestTensor halves = TestTensor::Of<uint8_t>(Type::kInt4, {2, 3}, {0x21, 0x43, 0x65});
  const Custom from("FlexTensorListFromTensor", {});
  ExpectError(from.op, {halves, any}, Type::kVariant, Code::kUnsupported, "int4");
  const TestTensor empty = RunList("FlexTensorListReserve", {any, IntsOf({}, {3})}, Type::kVariant);
  ExpectError(stack.op, {empty, any}, Type::kFloat32, Code::kInvalidArgument, "none was set");
}

// --- MaxPoolingWithArgmax2D, MaxUnpooling2D ---

std::vector<uint8_t> PoolWords(std::vector<int32_t> words) {
  std::vector<uint8_t> bytes(words.size() * 4);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

TEST(MaxUnpooling, PutsTheLargestValuesBack) {
  const Custom pool("MaxPoolingWithArgmax2D", PoolWords({1, 2, 2, 2, 2, 0}));
  const Custom unpool("MaxUnpooling2D", PoolWords({1, 2, 2, 2, 2, 0}));
  const TestTensor image = FloatsOf({1, 2, 4, 1}, {1, 2, 7, 3, 5, 4, 6, 0});
  for (const Type type : {Type::kInt32, Type::kFloat32}) {
    std::vector<TestTensor> pooled = {TestTensor::Output(Type::kFloat32), TestTensor::Output(type)};
    ASSERT_TRUE(RunOperation(pool.op, {image}, pooled).ok());
    EXPECT_EQ(pooled[0].As<float>(), (std::vector<float>{5, 7}));
    std::vector<TestTensor> whole = {TestTensor::Output(Type::kFloat32)};
    ASSERT_TRUE(RunOperation(unpool.op, pooled, whole).ok());
    EXPECT_EQ(whole[0].shape, image.shape);
    EXPECT_EQ(whole[0].As<float>(), (std::vector<float>{0, 0, 7, 0, 5, 0, 0, 0}));
  }
  ExpectError(unpool.op, {FloatsOf({1, 1, 1, 1}, {1}), IntsOf({1, 1, 1, 1}, {4})}, Type::kFloat32,
              Code::kInvalidArgument, "element 0 of 't' is 4, expected 0 or more and less than 4");
}

// --- Convolution2DTransposeBias ---

TEST(TransposeConvBias, IsAsLargeAsItsPaddingSays) {
  for (const int32_t padding : {1, 2}) {
    const Custom custom("Convolution2DTransposeBias", PoolWords({padding, 2, 2}));
    std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
    const Status status = RunOperation(custom.op,
                                       {FloatsOf({1, 1, 2, 1}, {1, 2}),
                                        FloatsOf({1, 3, 3, 1}, std::vector<float>(9, 1)).Constant(),
                                        FloatsOf({1}, {10}).Constant()},
                                       outputs);
    ASSERT_TRUE(status.ok()) << status.c_str();
    EXPECT_EQ(outputs[0].shape, padding == 1 ? (Shape{1, 1, 4, 1}) : (Shape{1, 3, 5, 1}));
    const std::vector<float> row = {11, 11, 13, 12, 12};
    const std::vector<float> values = outputs[0].As<float>();
    for (size_t x = 0; x < (padding == 1 ? 4 : 5); ++x) EXPECT_EQ(values[x], row[x]) << x;
  }
}

}  // namespace
}  // namespace heddle::core
