// SPDX-License-Identifier: Apache-2.0
#include "plan/weight_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "base/testing/temp_tree.h"

namespace heddle::core {
namespace {

TEST(WeightStore, OneCopyPerSourceAndLayout) {
  WeightStore store(1 << 20);
  int filled = 0;
  const auto fill = [&](std::byte* data) {
    ++filled;
    data[0] = std::byte{42};
  };
  const int a = 0, b = 0;
  const std::byte* first = *store.Pack(&a, "rows", 100, fill);
  EXPECT_EQ(*store.Pack(&a, "rows", 100, fill), first);
  EXPECT_NE(*store.Pack(&a, "columns", 100, fill), first);
  EXPECT_NE(*store.Pack(&b, "rows", 100, fill), first);
  EXPECT_EQ(filled, 3);
  EXPECT_EQ(store.bytes(), 300u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0u);
}

TEST(WeightStore, TheLimitHoldsBeforeMemoryIsTaken) {
  WeightStore store(1000);
  const int a = 0;
  const auto never = [](std::byte*) { ADD_FAILURE() << "filled past the limit"; };
  EXPECT_EQ(store.Pack(&a, "big", size_t{1} << 50, never).status().code(),
            Code::kResourceExhausted);
}

TEST(WeightStore, WhatFailsToBeMadeIsMadeAgain) {
  const auto budget = std::make_shared<MemoryBudget>(1 << 20);
  WeightStore store(1 << 20, 0, budget);
  const int a = 0;
  const auto fails = [](std::byte* d) {
    d[5] = std::byte{1};
    return Status(Code::kResourceExhausted, "no scratch");
  };
  const auto throws = [](std::byte*) -> Status { throw std::bad_alloc(); };
  const std::byte* first = *store.Pack(&a, "first", 100, [](std::byte* d) { d[0] = std::byte{7}; });
  EXPECT_EQ(store.TryPack(&a, "rows", 100, fails).status().message(), "no scratch");
  EXPECT_EQ(store.TryPack(&a, "rows", 100, throws).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(store.bytes(), 100u);
  EXPECT_EQ(budget->used(), 100u);
  const std::byte* made = *store.TryPack(&a, "rows", 100, [](std::byte* d) {
    EXPECT_EQ(d[5], std::byte{0}) << "of the attempt that failed";
    d[6] = std::byte{2};
    return Status();
  });
  EXPECT_EQ(made[6], std::byte{2});
  EXPECT_EQ(first[0], std::byte{7});
  EXPECT_EQ(budget->used(), 200u);
}

TEST(WeightStore, SomebodyElseMayFillTheParts) {
  WeightStore store(1 << 20);
  const int a = 0;
  const auto fill = [&](std::byte* to) {
    FillParts(store, 7, 10, [to](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) to[part * 10] = static_cast<std::byte>(part);
    });
  };
  const std::byte* alone = *store.Pack(&a, "alone", 70, fill);
  std::vector<std::pair<int64_t, int64_t>> asked;
  store.FillBy([&](int64_t parts, int64_t part_bytes, const FillRange& range) {
    asked.emplace_back(parts, part_bytes);
    for (int64_t part = parts; part > 0; --part) range(part - 1, part);
  });
  const std::byte* shared = *store.Pack(&a, "shared", 70, fill);
  EXPECT_TRUE(std::equal(alone, alone + 70, shared));
  EXPECT_EQ(shared[60], std::byte{6});
  EXPECT_EQ(asked, (std::vector<std::pair<int64_t, int64_t>>{{7, 10}}));
}

TEST(WeightStore, WhatIsSpentIsGoneAndMadeAnew) {
  constexpr size_t kBytes = 100'000;
  const auto budget = std::make_shared<MemoryBudget>(1 << 20);
  WeightStore store(1 << 20, 0, budget);
  const int a = 0;
  const auto ones = [&](std::byte* to) { std::memset(to, 1, kBytes); };
  const std::byte* spent = *store.Pack(&a, "spent", kBytes, ones);
  const std::byte* kept = *store.Pack(&a, "kept", kBytes, ones);
  ASSERT_TRUE(store.Seal().ok());
  store.Spend({spent + 64, kBytes - 64});
  store.Spend({spent, kBytes / 2});
  EXPECT_EQ(store.bytes(), 2 * kBytes) << "a part of it";
  store.Spend({spent, kBytes});
  EXPECT_EQ(store.bytes(), kBytes);
  EXPECT_EQ(budget->used(), kBytes);
  EXPECT_EQ(spent[kBytes / 2], std::byte{0}) << "its pages are the system's";
  EXPECT_EQ(kept[0], std::byte{1});
  EXPECT_EQ(kept[kBytes - 1], std::byte{1});
  const std::byte* again = *store.Pack(&a, "spent", kBytes, ones);
  EXPECT_EQ(again[kBytes / 2], std::byte{1});
  EXPECT_EQ(*store.Pack(&a, "kept", kBytes, ones), kept);
}

TEST(WeightStore, AfterSealOldBlobsStandAndNewOnesFit) {
  WeightStore store(1 << 20);
  const int a = 0;
  const std::byte* first = *store.Pack(&a, "first", 10, [](std::byte* d) { d[9] = std::byte{7}; });
  ASSERT_TRUE(store.Seal().ok());
  const std::byte* second =
      *store.Pack(&a, "second", 10, [](std::byte* d) { d[0] = std::byte{8}; });
  EXPECT_EQ(first[9], std::byte{7});
  EXPECT_EQ(second[0], std::byte{8});
}

// A process that has packed, and another one that finds what it wrote: sources lie elsewhere.
class TakenWeights : public testing::Test {
 protected:
  static constexpr size_t kLarge = size_t{20} << 20;  // looked at before the first run only
  struct Sources {
    int a = 0, b = 0, nameless = 0;
    WeightStore::SourceName Name() {
      return [this](const void* source) -> std::string {
        return source == &a ? "a" : source == &b ? "b" : "";
      };
    }
  };

  struct Packed {
    const std::byte *rows, *derived, *folded, *nameless, *large;
  };
  Packed PackAll(WeightStore& store, Sources& s) {
    const auto fill = [&](size_t n, int with) {
      return [this, n, with](std::byte* to) {
        ++filled_;
        std::memset(to, with, n);
      };
    };
    Packed p{};
    p.rows = *store.Pack(&s.a, "rows", 100, fill(100, 1));
    p.derived = *store.Pack(p.rows + 4, "panels", 200, fill(200, 2));
    p.folded = *store.TryPack(&s.b, "fold", 50, [&](std::byte* to) {
      fill(50, 3)(to);
      return Status();
    });
    p.nameless = *store.Pack(&s.nameless, "rows", 10, fill(10, 4));
    p.large = *store.Pack(&s.b, "rows", kLarge, fill(kLarge, 5));
    EXPECT_TRUE(store.Seal().ok());
    return p;
  }

  void Write() {
    WeightStore store(kLarge * 2);
    Sources sources;
    store.NameSources(sources.Name(), std::nullopt);
    PackAll(store, sources);
    const std::vector<NamedBlob> blobs = store.Named();
    ASSERT_EQ(blobs.size(), 4u) << "all but the nameless";
    const PackedParts parts("key", blobs);
    for (const std::span<const std::byte> part : parts.all())
      file_.append(reinterpret_cast<const char*>(part.data()), part.size());
    filled_ = 0;
  }
  std::optional<PackedFile> Open() {
    Result<PackedFile> file =
        PackedFile::Open(MappedFile::Open(tree_.Write("packed", file_)).value(), "key");
    EXPECT_TRUE(file.ok()) << file.status().message();
    return std::move(file).value();
  }
  void ExpectRight(const Packed& p) {
    EXPECT_EQ(p.rows[99], std::byte{1});
    EXPECT_EQ(p.derived[199], std::byte{2});
    EXPECT_EQ(p.folded[49], std::byte{3});
    EXPECT_EQ(p.nameless[9], std::byte{4});
    EXPECT_EQ(p.large[kLarge - 1], std::byte{5});
  }

  TempTree tree_;
  std::string file_;
  int filled_ = 0;
};

TEST_F(TakenWeights, NothingWithANameIsPackedAgain) {
  Write();
  const auto budget = std::make_shared<MemoryBudget>(kLarge * 2);
  WeightStore store(kLarge * 2, 0, budget);
  Sources sources;
  store.NameSources(sources.Name(), Open());
  ExpectRight(PackAll(store, sources));
  EXPECT_EQ(filled_, 1) << "the nameless";
  EXPECT_EQ(store.bytes(), 360u + kLarge) << "as if all had been packed here";
  EXPECT_EQ(budget->used(), store.bytes());
  EXPECT_TRUE(store.Named().empty()) << "nothing new";
  EXPECT_FALSE(store.checked());
  EXPECT_TRUE(store.Check());
  EXPECT_TRUE(store.checked());
}

TEST_F(TakenWeights, WhatIsDamagedIsPackedAgain) {
  Write();
  file_[file_.find(std::string(50, '\3'))] = '\0';
  WeightStore store(kLarge * 2);
  Sources sources;
  store.NameSources(sources.Name(), Open());
  EXPECT_TRUE(store.intact());
  ExpectRight(PackAll(store, sources));
  EXPECT_EQ(filled_, 2) << "the nameless and the damaged";
  EXPECT_FALSE(store.intact());
}

TEST_F(TakenWeights, WhatIsLargeAndDamagedIsSeenBeforeItRuns) {
  Write();
  file_[file_.find(std::string(1000, '\5')) + kLarge / 2] ^= 1;
  const auto budget = std::make_shared<MemoryBudget>(kLarge * 2);
  WeightStore store(kLarge * 2, 0, budget);
  Sources sources;
  store.NameSources(sources.Name(), Open());
  PackAll(store, sources);
  EXPECT_TRUE(store.intact()) << "nobody has looked";
  EXPECT_FALSE(store.Check());
  store.Forget();
  EXPECT_EQ(budget->used(), 0u);
  filled_ = 0;
  ExpectRight(PackAll(store, sources));
  EXPECT_EQ(filled_, 5);
  EXPECT_TRUE(store.checked() && store.Check());
}

TEST_F(TakenWeights, AfterTheCheckAllIsLookedAtWhenItIsTaken) {
  Write();
  file_[file_.find(std::string(1000, '\5')) + kLarge / 2] ^= 1;
  WeightStore store(kLarge * 2);
  Sources sources;
  store.NameSources(sources.Name(), Open());
  EXPECT_TRUE(store.Check()) << "nothing is taken";
  ExpectRight(PackAll(store, sources));
  EXPECT_TRUE(store.checked());
  EXPECT_FALSE(store.intact());
}

TEST_F(TakenWeights, AnotherLayoutOrLengthIsPackedHere) {
  Write();
  WeightStore store(kLarge * 2);
  Sources sources;
  store.NameSources(sources.Name(), Open());
  const auto fill = [&](std::byte*) { ++filled_; };
  ASSERT_TRUE(store.Pack(&sources.a, "columns", 100, fill).ok());
  ASSERT_TRUE(store.Pack(&sources.b, "fold", 51, fill).ok());
  EXPECT_EQ(filled_, 2);
}

TEST(WeightStoreDeathTest, AWriteToASealedWeightIsAFault) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  WeightStore store(1 << 20);
  const int a = 0;
  const std::byte* blob = *store.Pack(&a, "rows", 100, [](std::byte* d) { d[0] = std::byte{1}; });
  ASSERT_TRUE(store.Seal().ok());
  EXPECT_DEATH(*const_cast<volatile std::byte*>(blob) = std::byte{2}, "");
}

}  // namespace
}  // namespace heddle::core
