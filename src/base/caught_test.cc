// SPDX-License-Identifier: Apache-2.0
#include "base/caught.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace heddle::core {
namespace {

TEST(Caught, WhatIsReturnedPasses) {
  EXPECT_TRUE(Caught([] { return Status(); }).ok());
  EXPECT_EQ(Caught([] { return Status(Code::kNotFound, "none"); }).code(), Code::kNotFound);
  auto made = Caught([]() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); });
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(**made, 7);
}

TEST(Caught, NoMemoryIsResourceExhausted) {
  const Status none = Caught([]() -> Status { throw std::bad_alloc(); });
  EXPECT_EQ(none.code(), Code::kResourceExhausted);
  EXPECT_EQ(none.message(), "out of memory");
  EXPECT_TRUE(IsOutOfMemory(none));
  EXPECT_FALSE(IsOutOfMemory(Status()));
  EXPECT_FALSE(IsOutOfMemory(Status(Code::kResourceExhausted, "out of memory")));
  const Result<int> too_long = Caught([]() -> Result<int> {
    std::vector<int64_t> values;
    values.reserve(values.max_size() + 1);
    return 1;
  });
  EXPECT_EQ(too_long.status().code(), Code::kResourceExhausted);
}

TEST(Caught, AnythingElseIsInternal) {
  const Status wrong = Caught([]() -> Status { throw std::runtime_error("a broken heddle"); });
  EXPECT_EQ(wrong.code(), Code::kInternal);
  EXPECT_EQ(wrong.message(), "a broken heddle");
  EXPECT_EQ(Caught([]() -> Status { throw 1; }).code(), Code::kInternal);
}

}  // namespace
}  // namespace heddle::core
