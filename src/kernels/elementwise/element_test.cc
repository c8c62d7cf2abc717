// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/element.h"

#include <gtest/gtest.h>

#include <array>

namespace heddle::core {
namespace {

template <class Element>
void StoreAndLoad(int lo, int hi) {
  std::array<uint8_t, 8> bytes;
  bytes.fill(0xa5);  // what was there before does not shine through
  const int count = hi - lo + 1;
  for (int i = 0; i < count; ++i) Element::Store(bytes.data(), i, static_cast<int8_t>(hi - i));
  for (int i = 0; i < count; ++i) EXPECT_EQ(Element::Load(bytes.data(), i), hi - i);
  if (count < 16) EXPECT_EQ(bytes[count / Element::kPerByte], 0xa5);
}

TEST(Packed, EveryValueComesBack) {
  StoreAndLoad<Packed<4, true>>(-8, 7);
  StoreAndLoad<Packed<4, false>>(0, 15);
  StoreAndLoad<Packed<2, true>>(-2, 1);
  const uint8_t byte = 0b11'10'01'00;  // low bits first
  EXPECT_EQ((Packed<2, true>::Load(&byte, 1)), 1);
  EXPECT_EQ((Packed<2, true>::Load(&byte, 2)), -2);
  EXPECT_EQ((Packed<4, true>::Load(&byte, 0)), 4);
  EXPECT_EQ((Packed<4, true>::Load(&byte, 1)), -2);
}

}  // namespace
}  // namespace heddle::core
