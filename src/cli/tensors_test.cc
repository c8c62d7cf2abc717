// SPDX-License-Identifier: Apache-2.0
#include "cli/tensors.h"

#include <gtest/gtest.h>

namespace heddle::cli {
namespace {

using core::Type;

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int v : values) bytes.push_back(static_cast<std::byte>(v));
  return bytes;
}

TEST(Tensors, SubByteElementsArePackedLowBitsFirst) {
  const Array array{Kind::kInt, 1, {3}, Bytes({1, -2, 7})};
  const auto tensor = ToTensor(array, Type::kInt4, "x");
  ASSERT_TRUE(tensor.ok()) << tensor.status().message();
  EXPECT_EQ(tensor->data, Bytes({0xE1, 0x07}));
  EXPECT_EQ(ToArray(tensor->view())->data, array.data);
  const Array twos{Kind::kInt, 1, {5}, Bytes({1, -2, -1, 0, 1})};
  const auto packed = ToTensor(twos, Type::kInt2, "x");
  ASSERT_TRUE(packed.ok());
  EXPECT_EQ(packed->data, Bytes({0b00111001, 1}));
  EXPECT_EQ(ToArray(packed->view())->data, twos.data);
}

TEST(Tensors, StringsBothWays) {
  const Array array{Kind::kBytes, 3, {2, 1}, Bytes({'a', 'b', 0, 'x', 'y', 'z'})};
  const auto tensor = ToTensor(array, Type::kString, "s");
  ASSERT_TRUE(tensor.ok()) << tensor.status().message();
  EXPECT_EQ(tensor->data,
            Bytes({2, 0, 0, 0, 16, 0, 0, 0, 18, 0, 0, 0, 21, 0, 0, 0, 'a', 'b', 'x', 'y', 'z'}));
  const auto back = ToArray(tensor->view());
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(back->data, array.data);
  EXPECT_EQ(back->shape, array.shape);
}

TEST(Tensors, UnicodeBecomesUtf8) {
  const Array array{Kind::kUnicode, 8, {1}, Bytes({0xE9, 0, 0, 0, 0x00, 0xF6, 0x01, 0})};
  const auto tensor = ToTensor(array, Type::kString, "s");
  ASSERT_TRUE(tensor.ok());
  const auto strings = DecodeStrings(tensor->data);
  ASSERT_TRUE(strings.ok());
  EXPECT_EQ(*strings, std::vector<std::string>{"\xC3\xA9\xF0\x9F\x98\x80"});
}

TEST(Tensors, BrokenStringsAreRefused) {
  EXPECT_FALSE(DecodeStrings(Bytes({5, 0, 0, 0})).ok());
  EXPECT_FALSE(DecodeStrings(Bytes({1, 0, 0, 0, 12, 0, 0, 0, 13, 0, 0, 0})).ok());
  EXPECT_FALSE(DecodeStrings(Bytes({1, 0, 0, 0, 12, 0, 0, 0, 4, 0, 0, 0})).ok());
  EXPECT_FALSE(DecodeStrings(Bytes({255, 255, 255, 255, 0, 0, 0, 0})).ok());
  EXPECT_TRUE(DecodeStrings({})->empty());
}

TEST(Tensors, TypesMustFit) {
  const Array floats{Kind::kFloat, 4, {1}, Bytes({0, 0, 0, 0})};
  EXPECT_EQ(ToTensor(floats, Type::kInt32, "x").status().message(),
            "input 'x' has f4 values, expected i4 (int32)");
  EXPECT_TRUE(ToTensor({Kind::kUInt, 2, {1}, Bytes({0x80, 0x3F})}, Type::kBFloat16, "x").ok());
  EXPECT_FALSE(
      ToTensor({Kind::kFloat, 4, {1, 1, 1, 1, 1, 1, 1, 1, 1}, floats.data}, Type::kFloat32, "x")
          .ok());
  EXPECT_FALSE(ToTensor({Kind::kFloat, 4, {0, int64_t{1} << 31}, {}}, Type::kFloat32, "x").ok());
}

}  // namespace
}  // namespace heddle::cli
