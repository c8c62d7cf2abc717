// SPDX-License-Identifier: Apache-2.0
#include "cli/compare.h"

#include <gtest/gtest.h>

#include <cmath>

namespace heddle::cli {
namespace {

constexpr float kNan = NAN, kInf = INFINITY;

template <class T>
Array Of(Kind kind, std::vector<T> values) {
  Array array{kind,
              sizeof(T),
              {static_cast<int64_t>(values.size())},
              std::vector<std::byte>(values.size() * sizeof(T))};
  if (!values.empty()) std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}
Array Floats(std::vector<float> values) { return Of(Kind::kFloat, std::move(values)); }
Array Bytes(std::vector<int8_t> values) { return Of(Kind::kInt, std::move(values)); }

Difference Differ(const Array& output, const Array& golden, const Array* other = nullptr,
                  Tolerance tolerance = {}, bool bfloat16 = false) {
  std::vector<Golden> goldens{{&golden, 1}};
  if (other != nullptr) goldens.push_back({other, 1});
  const Result<Difference> difference = Compare(output, bfloat16, goldens, tolerance);
  EXPECT_TRUE(difference.ok()) << difference.status().message();
  return *difference;
}

TEST(Compare, FloatsAreRelativeToRangeOrLargest) {
  EXPECT_DOUBLE_EQ(Differ(Floats({4, 8.5f}), Floats({4, 8})).largest, 0.5 / 8);
  EXPECT_DOUBLE_EQ(Differ(Floats({-4, 8.5f}), Floats({-4, 8})).largest, 0.5 / 12);
  EXPECT_DOUBLE_EQ(Differ(Floats({-9, -8.5f}), Floats({-9, -8})).largest, 0.5 / 9);
  EXPECT_EQ(Differ(Floats({0, 0}), Floats({0, 0})).largest, 0);
  EXPECT_EQ(Differ(Floats({0, 1e-9f}), Floats({0, 0})).largest, kInf);
  EXPECT_EQ(Differ(Floats({-0.0f}), Floats({0})).largest, 0);
}

TEST(Compare, NonFiniteAgreesInClassAndSign) {
  EXPECT_EQ(Differ(Floats({kNan, kInf, -kInf}), Floats({kNan, kInf, -kInf})).largest, 0);
  EXPECT_EQ(Differ(Floats({kInf}), Floats({-kInf})).largest, kInf);
  EXPECT_EQ(Differ(Floats({kInf}), Floats({kNan})).largest, kInf);
  EXPECT_EQ(Differ(Floats({1}), Floats({kNan})).largest, kInf);
  EXPECT_EQ(Differ(Floats({kNan}), Floats({1})).largest, kInf);
  // The scale is that of the finite elements.
  EXPECT_DOUBLE_EQ(Differ(Floats({kInf, 3, 4.5f}), Floats({kInf, 3, 4})).largest, 0.125);
}

TEST(Compare, IntegersCountQuanta) {
  EXPECT_EQ(Differ(Bytes({-128, 5}), Bytes({127, 5})).largest, 255);
  EXPECT_EQ(Differ(Bytes({-128, 5}), Bytes({127, 5})).equal_share, 0.5);
  const Array low = Of<int64_t>(Kind::kInt, {INT64_MIN}),
              high = Of<int64_t>(Kind::kInt, {INT64_MAX});
  EXPECT_EQ(Differ(low, high).largest, 0x1p64);
  EXPECT_EQ(Differ(Of<uint64_t>(Kind::kUInt, {UINT64_MAX}), Of<uint64_t>(Kind::kUInt, {0})).largest,
            0x1p64);
  EXPECT_EQ(Differ(Of<uint8_t>(Kind::kBool, {1}), Of<uint8_t>(Kind::kBool, {0})).largest, 1);
}

TEST(Compare, ToleranceIsInclusive) {
  EXPECT_EQ(Differ(Bytes({4}), Bytes({5}), nullptr, {1, false}).why, "");
  EXPECT_EQ(Differ(Bytes({3}), Bytes({5}), nullptr, {1, false}).why,
            "differs by 2 at element 0, tolerance 1, 0.00 % equal");
}

TEST(Compare, EachElementMayTakeTheNearerGolden) {
  const Array one = Bytes({10, 20, 30}), other = Bytes({13, 23, 33});
  EXPECT_EQ(Differ(Bytes({10, 23, 32}), one, &other).largest, 1);
  EXPECT_EQ(Differ(Floats({kNan, 1}), Floats({kNan, 7}), nullptr).largest, 6.0 / 7);
  const Array infinite = Floats({kNan, 7}), finite = Floats({0, 1});
  EXPECT_EQ(Differ(Floats({kNan, 1}), infinite, &finite).largest, 0);
}

TEST(Compare, BrainFloatsCountUlps) {
  const auto brains = [](std::vector<uint16_t> v) { return Of(Kind::kUInt, std::move(v)); };
  const Tolerance two{2, true};
  EXPECT_EQ(Differ(brains({0x3F82}), brains({0x3F80}), nullptr, two, true).why, "");
  EXPECT_EQ(Differ(brains({0x3F83}), brains({0x3F80}), nullptr, two, true).largest, 3);
  EXPECT_EQ(Differ(brains({0x8001}), brains({0x0001}), nullptr, two, true).largest, 2);
  EXPECT_EQ(Differ(brains({0x8000}), brains({0x0000}), nullptr, two, true).largest, 0);
  EXPECT_EQ(Differ(brains({0x7F80}), brains({0x7F7F}), nullptr, two, true).largest, kInf);
  // With a plain number they are floats like others.
  EXPECT_DOUBLE_EQ(Differ(brains({0x3FC0}), brains({0x3F80}), nullptr, {0.5, false}, true).largest,
                   0.5);
}

TEST(Compare, HalvesDoublesAndComplexNumbersAreFloats) {
  EXPECT_EQ(Differ(Of<double>(Kind::kFloat, {2, 3}), Of<double>(Kind::kFloat, {2, 4})).largest,
            0.25);
  Array half = Of<uint16_t>(Kind::kFloat, {0x3C00, 0x4000});  // 1, 2
  EXPECT_EQ(Differ(half, Of<uint16_t>(Kind::kFloat, {0x3C00, 0x4400})).largest, 0.5);
  Array complex = Floats({1, 2, 3, 4}), golden = Floats({1, 2, 3, 8});
  for (Array* a : {&complex, &golden}) *a = {Kind::kComplex, 8, {2}, a->data};
  EXPECT_DOUBLE_EQ(Differ(complex, golden).largest, 0.5);
}

TEST(Compare, StringsAreEqualOrNot) {
  Array narrow{Kind::kBytes, 2, {2}, {}}, wide{Kind::kBytes, 4, {2}, {}};
  narrow.data = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}, std::byte{0}};
  wide.data = {std::byte{'a'}, std::byte{'b'}, std::byte{0}, std::byte{0},
               std::byte{'c'}, std::byte{0},   std::byte{0}, std::byte{0}};
  EXPECT_EQ(Differ(narrow, wide).largest, 0);
  wide.data[5] = std::byte{'d'};
  EXPECT_EQ(Differ(narrow, wide).largest, kInf);
}

TEST(Compare, FormsMustAgree) {
  EXPECT_EQ(Differ(Bytes({1}), Floats({1})).why, "type i1, expected f4");
  EXPECT_EQ(Differ(Floats({1}), Floats({1, 2})).why, "shape 1, expected 2");
  EXPECT_EQ(Differ(Floats({}), Floats({})).equal_share, 1);
}

TEST(Compare, StrideTakesEverySthElement) {
  const Array output = Bytes({0, 1, 2, 3, 4, 5, 6}), golden = Bytes({0, 3, 9});
  const Golden third{&golden, 3};
  EXPECT_EQ(Compare(output, false, {&third, 1}, {})->largest, 3);
  const Golden fourth{&golden, 4};
  EXPECT_NE(Compare(output, false, {&fourth, 1}, {})->why, "");
  const std::vector<Golden> mixed{third, fourth};
  EXPECT_FALSE(Compare(output, false, mixed, {}).ok());
}

TEST(Compare, ParsesTolerances) {
  const auto parsed = ParseTolerances("2e-05,bf16:2,0");
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->size(), 3u);
  EXPECT_EQ((*parsed)[0].value, 2e-05);
  EXPECT_FALSE((*parsed)[0].bf16_ulps);
  EXPECT_EQ((*parsed)[1].value, 2);
  EXPECT_TRUE((*parsed)[1].bf16_ulps);
  for (const char* bad : {"", "1,", "x", "-1", "bf16:", "nan", "1;2"}) {
    EXPECT_FALSE(ParseTolerances(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace heddle::cli
