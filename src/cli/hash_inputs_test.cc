// SPDX-License-Identifier: Apache-2.0
#include "cli/hash_inputs.h"

#include <gtest/gtest.h>

#include "base/half.h"

namespace heddle::cli {
namespace {

using core::Type;

template <class T>
std::vector<T> Values(uint32_t k, Type type, int count) {
  const Result<OwnedTensor> tensor = HashInput(k, type, core::Shape{count}, "x");
  EXPECT_TRUE(tensor.ok()) << tensor.status().message();
  std::vector<T> values(tensor->data.size() / sizeof(T));
  std::memcpy(values.data(), tensor->data.data(), tensor->data.size());
  return values;
}

// Computed with Python from the rule's text.
TEST(HashInputs, KnownHashes) {
  EXPECT_EQ(ElementHash(0, 0), 0x1efee872u);
  EXPECT_EQ(ElementHash(0, 1), 0xe577f3aau);
  EXPECT_EQ(ElementHash(18, 12345), 0x2f757aceu);
}

TEST(HashInputs, EveryTypeOfTheRule) {
  EXPECT_EQ(Values<float>(0, Type::kFloat32, 2),
            (std::vector<float>{-0.7578458786010742f, 0.7927230596542358f}));
  EXPECT_EQ(Values<uint8_t>(0, Type::kUInt8, 4), (std::vector<uint8_t>{30, 229, 20, 39}));
  EXPECT_EQ(Values<int8_t>(0, Type::kInt8, 4), (std::vector<int8_t>{30, -27, 20, 39}));
  EXPECT_EQ(Values<int16_t>(0, Type::kInt16, 4), (std::vector<int16_t>{7934, -6793, 5334, 10112}));
  EXPECT_EQ(Values<uint8_t>(0, Type::kBool, 4), (std::vector<uint8_t>{0, 1, 0, 0}));
  EXPECT_EQ(Values<int32_t>(0, Type::kInt32, 4), (std::vector<int32_t>{14, 5, 4, 7}));
  EXPECT_EQ(Values<uint64_t>(0, Type::kUInt64, 4), (std::vector<uint64_t>{14, 5, 4, 7}));
}

TEST(HashInputs, TypesThatTheRuleLeavesOpen) {
  const std::vector<float> floats = Values<float>(1, Type::kFloat32, 8);
  const std::vector<uint16_t> halves = Values<uint16_t>(1, Type::kFloat16, 8);
  const std::vector<uint16_t> brains = Values<uint16_t>(1, Type::kBFloat16, 8);
  EXPECT_EQ(Values<float>(1, Type::kComplex64, 4), floats);
  for (size_t i = 0; i < floats.size(); ++i) {
    EXPECT_NEAR(core::HalfToFloat(halves[i]), floats[i], 0x1p-12) << i;
    EXPECT_NEAR(core::BfloatToFloat(brains[i]), floats[i], 0x1p-9) << i;
  }
  // Two a byte, the first in the low bits.
  const std::vector<uint8_t> bytes = Values<uint8_t>(1, Type::kUInt8, 3);
  EXPECT_EQ(Values<uint8_t>(1, Type::kInt4, 3),
            (std::vector<uint8_t>{static_cast<uint8_t>(bytes[0] >> 4 | (bytes[1] & 0xF0)),
                                  static_cast<uint8_t>(bytes[2] >> 4)}));
  EXPECT_EQ(HashInput(0, Type::kResource, core::Shape{1}, "r").status().code(), Code::kUnsupported);
}

}  // namespace
}  // namespace heddle::cli
