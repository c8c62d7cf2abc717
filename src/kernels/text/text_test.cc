// SPDX-License-Identifier: Apache-2.0
#include "kernels/movement/nd_for_test.h"
#include "kernels/movement/strings.h"

namespace heddle::core {
namespace {

TestTensor Sentence(const std::string& text) {
  const std::vector<int32_t> words = {1, 12, static_cast<int32_t>(12 + text.size())};
  TestTensor t;
  t.type = Type::kString;
  t.shape = {1};
  t.data.resize(12 + text.size());
  std::memcpy(t.data.data(), words.data(), 12);
  std::memcpy(t.data.data() + 12, text.data(), text.size());
  return t;
}

std::vector<std::string> Groups(const std::string& text, SkipGramOptions options) {
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kString)};
  const Status status =
      RunOperation(MakeOp(OpCode::kSKIP_GRAM, options), {Sentence(text)}, outputs);
  EXPECT_TRUE(status.ok()) << status.c_str();
  const StringTensor strings(outputs[0].data.data());
  std::vector<std::string> groups;
  for (int64_t i = 0; i < strings.count(); ++i)
    groups.emplace_back(reinterpret_cast<const char*>(strings.bytes(i)),
                        static_cast<size_t>(strings.length(i)));
  return groups;
}

using Strings = std::vector<std::string>;

TEST(SkipGramTest, GroupsInOrder) {
  EXPECT_EQ(Groups("the quick\t brown fox", {2, 1, false}),
            (Strings{"the quick", "the brown", "quick brown", "quick fox", "brown fox"}));
  EXPECT_EQ(Groups("a b c", {2, 0, true}), (Strings{"a b", "a", "b c", "b", "c"}));
  EXPECT_EQ(Groups("a b c", {3, 0, false}), (Strings{"a b c"}));
  EXPECT_EQ(Groups("a b", {3, 0, true}), Strings());
  EXPECT_EQ(Groups("", {1, 0, false}), Strings());
  EXPECT_EQ(Groups("a ", {1, 0, false}), (Strings{"a"}));
}

TEST(SkipGramTest, GroupsThatAreNone) {
  ExpectError(MakeOp(OpCode::kSKIP_GRAM, SkipGramOptions{0, 0, false}), {Sentence("a")},
              Type::kString, Code::kInvalidModel, "groups of 0 words");
}

TEST(LshProjectionTest, ItemsOfEveryLengthClass) {
  // What LiteRT 2.3 answers: three bits for each of 21 items of so many words.
  constexpr std::pair<int, uint64_t> kBits[] = {
      {1, 0xED252C6B73E1901u},   {3, 0x72ECE49D3B64C20Du},  {4, 0x6B8EA5BE82D64Eu},
      {7, 0x1B630F1CDD653EBCu},  {8, 0x1EC4BA8FCD183F30u},  {15, 0x5E79125E9F97F75Au},
      {16, 0x5869C266827F7D98u}, {31, 0x7574C6C8440F660u},  {32, 0x6F8BBD636F63502Au},
      {33, 0x157F469D87E3B4EFu}, {100, 0x654EC69AA1730769u}};
  const TestTensor seeds = TestTensor::Of<float>(
      Type::kFloat32, {1, 3}, {0.4633667469024658f, 0.17823614180088043f, -0.27472081780433655f});
  const Operator op = MakeOp(OpCode::kLSH_PROJECTION, LshOptions{LshKind::kDense});
  for (const auto& [words, expected] : kBits) {
    uint64_t bits = 0;
    for (int item = 0; item < 21; ++item) {
      std::vector<int32_t> values(words);
      for (int i = 0; i < words; ++i) values[i] = i * 7919 + item * 1000003;
      std::vector<TestTensor> outputs = {TestTensor::Output(Type::kInt32)};
      const Status status = RunOperation(
          op, {seeds, TestTensor::Of<int32_t>(Type::kInt32, {1, words}, values)}, outputs);
      ASSERT_TRUE(status.ok()) << status.c_str();
      for (const int32_t bit : outputs[0].As<int32_t>()) bits = bits << 1 | (bit != 0 ? 1u : 0u);
    }
    EXPECT_EQ(bits, expected) << words << " words";
  }
}

TEST(LshProjectionTest, WeightsForOtherItems) {
  ExpectError(MakeOp(OpCode::kLSH_PROJECTION, LshOptions{LshKind::kDense}),
              {TestTensor::Of<float>(Type::kFloat32, {1, 1}, {1}),
               TestTensor::Of<int32_t>(Type::kInt32, {2}, {1, 2}),
               TestTensor::Of<float>(Type::kFloat32, {1}, {1})},
              Type::kInt32, Code::kInvalidModel, "expected 2 (items)");
}

}  // namespace
}  // namespace heddle::core
