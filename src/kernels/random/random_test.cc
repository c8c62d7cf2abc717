// SPDX-License-Identifier: Apache-2.0
// Known answers of the generators, and what the conformance cases do not show.
#include "kernels/movement/nd_for_test.h"
#include "kernels/random/generator.h"

namespace heddle::core {
namespace {

// From the authors' test vectors of Random123.
TEST(Generator, KnownAnswers) {
  EXPECT_EQ(Philox(0, 0, 0), (Philox4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox(~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}),
            (Philox4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Threefry(0, 0), uint64_t{0x99ba4efe} << 32 | 0x6b200159);
  EXPECT_EQ(Threefry(~uint64_t{0}, ~uint64_t{0}), uint64_t{0xbb002be7} << 32 | 0x1cb996fc);
}

TEST(Random, EverySplitDrawsTheSameNumbers) {
  for (const OpCode code : {OpCode::kRANDOM_UNIFORM, OpCode::kRANDOM_STANDARD_NORMAL}) {
    const Operator op = MakeOp(code, RandomOptions{3, 5});
    std::vector<TestTensor> whole = {TestTensor::Output(Type::kFloat32)};
    ASSERT_TRUE(RunOperation(op, {Ints({3, 1111})}, whole).ok());
    ExpectOutputs(op, {Ints({3, 1111})}, whole);
    double sum = 0, square = 0;
    for (const float v : whole[0].As<float>()) sum += v, square += v * v;
    const bool normal = code == OpCode::kRANDOM_STANDARD_NORMAL;
    EXPECT_NEAR(sum / 3333, normal ? 0 : 0.5, 0.06);
    EXPECT_NEAR(square / 3333, normal ? 1 : 1.0 / 3, 0.06);
  }
}

TEST(Random, BadShapesAreNamed) {
  const Operator op = MakeOp(OpCode::kRANDOM_UNIFORM, RandomOptions{});
  ExpectError(op, {Ints({2, -1})}, Type::kFloat32, Code::kInvalidModel, "holds -1");
}

TEST(BitGenerator, CarriesIntoTheHighWord) {
  const Operator op = MakeOp(OpCode::kSTABLEHLO_RNG_BIT_GENERATOR, RngOptions{});
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kUInt64),
                                     TestTensor::Output(Type::kUInt32)};
  outputs[1].shape = {8};
  const TestTensor state = TestTensor::Of<uint64_t>(Type::kUInt64, {3}, {7, ~uint64_t{0}, 41});
  ASSERT_TRUE(RunOperation(op, {state}, outputs).ok());
  EXPECT_EQ(outputs[0].As<uint64_t>(), (std::vector<uint64_t>{7, 1, 42}));
  const Philox4 second = Philox(7, 0, 42);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(outputs[1].As<uint32_t>()[4 + i], second[i]);
}

}  // namespace
}  // namespace heddle::core
