// SPDX-License-Identifier: Apache-2.0
#include "plan/packed_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/hash.h"
#include "base/testing/temp_tree.h"

namespace heddle::core {
namespace {

constexpr std::string_view kKey = "digits-fast-avx2";
const std::string kWarp(300, 'a'), kWeft(64, 'b');

std::vector<NamedBlob> Blobs() {
  return {{"warp", std::as_bytes(std::span(kWarp))},
          {"weft", std::as_bytes(std::span(kWeft))},
          {"none", {}}};
}

std::string Written(std::string_view key = kKey) {
  const std::vector<NamedBlob> blobs = Blobs();
  const PackedParts parts(key, blobs);
  std::string file;
  for (const std::span<const std::byte> part : parts.all())
    file.append(reinterpret_cast<const char*>(part.data()), part.size());
  EXPECT_EQ(file.size(), parts.bytes());
  return file;
}

class PackedFileTest : public testing::Test {
 protected:
  Result<PackedFile> Open(const std::string& content) {
    HEDDLE_ASSIGN(MappedFile file, MappedFile::Open(tree_.Write("packed", content)));
    return PackedFile::Open(std::move(file), kKey);
  }
  // As one that means to deceive writes it: what it says of itself holds.
  static void Sign(std::string* file) {
    constexpr size_t kHead = 48, kHeadBytesAt = 16, kChecksumAt = 40;
    uint64_t head_bytes = 0, checksum = 0;
    std::memcpy(&head_bytes, file->data() + kHeadBytesAt, sizeof(head_bytes));
    std::memcpy(file->data() + kChecksumAt, &checksum, sizeof(checksum));
    if (head_bytes < kHead || head_bytes > file->size()) return;
    const auto all = std::as_bytes(std::span(*file));
    checksum = ContentHash(all.subspan(kHead, head_bytes - kHead), ContentHash(all.first(kHead)));
    std::memcpy(file->data() + kChecksumAt, &checksum, sizeof(checksum));
  }
  static bool Inside(const PackedFile& file, size_t bytes) {
    for (const char* name : {"warp", "weft", "none"}) {
      const PackedFile::Blob* blob = file.Find(name);
      if (blob != nullptr && blob->bytes.size() > bytes) return false;
      if (blob != nullptr) blob->Intact();  // a fault where it lies outside
    }
    return true;
  }

  TempTree tree_;
};

TEST_F(PackedFileTest, BlobsComeBackUnderTheirNames) {
  const Result<PackedFile> file = Open(Written());
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->count(), 3u);
  for (const NamedBlob& blob : Blobs()) {
    const PackedFile::Blob* found = file->Find(blob.name);
    ASSERT_NE(found, nullptr) << blob.name;
    EXPECT_TRUE(std::ranges::equal(found->bytes, blob.bytes)) << blob.name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(found->bytes.data()) % 64, 0u);
    EXPECT_TRUE(found->Intact());
  }
  EXPECT_EQ(file->Find("war"), nullptr);
}

TEST_F(PackedFileTest, OfAnotherKeyIsRefused) {
  EXPECT_FALSE(Open(Written("digits-fast-avx512")).ok());
  EXPECT_FALSE(Open(Written("")).ok());
}

TEST_F(PackedFileTest, CutAnywhereIsRefused) {
  const std::string file = Written();
  for (size_t n = 0; n < file.size(); ++n) EXPECT_FALSE(Open(file.substr(0, n)).ok()) << n;
  EXPECT_FALSE(Open(file + '\0').ok());
}

TEST_F(PackedFileTest, AnyOtherByteIsSeen) {
  const std::string file = Written();
  uint64_t head_bytes = 0;
  std::memcpy(&head_bytes, file.data() + 16, sizeof(head_bytes));
  for (size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] ^= 0x10;
    const Result<PackedFile> opened = Open(damaged);
    if (i < head_bytes) {
      EXPECT_FALSE(opened.ok()) << i;
      continue;
    }
    ASSERT_TRUE(opened.ok()) << i;
    const bool padding = file[i] == '\0';
    EXPECT_EQ(opened->Find("warp")->Intact() && opened->Find("weft")->Intact(), padding) << i;
  }
}

TEST_F(PackedFileTest, ASignedLieStaysInsideTheFile) {
  const std::string file = Written();
  uint64_t head_bytes = 0;
  std::memcpy(&head_bytes, file.data() + 16, sizeof(head_bytes));
  int opened = 0;
  for (size_t i = 8; i < head_bytes; ++i) {
    for (const char lie : {'\x01', '\x40', '\x7f', '\xff'}) {
      std::string damaged = file;
      damaged[i] = lie;
      Sign(&damaged);
      const Result<PackedFile> result = Open(damaged);
      if (!result.ok()) continue;
      ++opened;
      EXPECT_TRUE(Inside(*result, file.size())) << i;
    }
  }
  EXPECT_GT(opened, 0) << "names may differ, so Sign works";
}

}  // namespace
}  // namespace heddle::core
