// SPDX-License-Identifier: Apache-2.0
#include "trace.h"

#include <gtest/gtest.h>

namespace heddle::bench {
namespace {

TEST(Trace, AColumnASample) {
  EXPECT_EQ(Picture({{false, 3, 10, 0}, {true, 1.5, 5, 2}, {true, 0.1, 0, 12}}, 3),
            "others     | ##|\n"
            "helpers 3  |#  |\n"
            "helpers 2  |#- |\n"
            "helpers 1  |## |\n"
            "calls      |95.|\n"
            "moves      |.2+|\n");
}

TEST(Trace, ManyHelpersShareRows) {
  const std::string text = Picture({{false, 63, 1, 0}, {false, 20, 1, 0}}, 63);
  EXPECT_NE(text.find("helpers 63 |# |\n"), std::string::npos) << text;
  EXPECT_NE(text.find("helpers 24 |#-|\n"), std::string::npos) << text;
  EXPECT_NE(text.find("helpers 16 |##|\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace heddle::bench
