// SPDX-License-Identifier: Apache-2.0
#include "base/build_id.h"

#include <gtest/gtest.h>

namespace heddle::core {
namespace {

// As long as a SHA-1, which CMakeLists.txt asks the linker for.
TEST(BuildId, TheLinkerMadeOne) {
  const std::string id = BuildId();
  EXPECT_EQ(id.size(), 40u) << id;
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
  EXPECT_EQ(BuildId(), id);
}

}  // namespace
}  // namespace heddle::core
