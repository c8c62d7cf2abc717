// SPDX-License-Identifier: Apache-2.0
#include "model/zip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

#include "support/small_models.h"

namespace heddle::core {
namespace {

using Bytes = std::vector<std::byte>;

void Put(Bytes& to, uint64_t value, int size) {
  for (int i = 0; i < size; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void Put(Bytes& to, const std::string& text) {
  for (char c : text) to.push_back(static_cast<std::byte>(c));
}

std::string Deflate(const std::string& text) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

struct File {
  std::string name, content;
  bool packed = false;
  uint32_t claimed = UINT32_MAX;  // size: UINT32_MAX for the true one
};

// The fields that the local and the central header share, from "flags" to the length of "extra".
void PutHeader(Bytes& to, const File& file, const std::string& data) {
  Put(to, 0, 2);
  Put(to, file.packed ? 8 : 0, 2);
  Put(to, 0, 4);
  Put(to,
      static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(file.content.data()),
                                  static_cast<uInt>(file.content.size()))),
      4);
  Put(to, static_cast<uint32_t>(data.size()), 4);
  Put(to, file.claimed != UINT32_MAX ? file.claimed : static_cast<uint32_t>(file.content.size()),
      4);
  Put(to, static_cast<uint32_t>(file.name.size()), 2);
  Put(to, 0, 2);
}

// `offset`: what the archive's offsets count from is this many bytes before its first one.
Bytes Archive(const std::vector<File>& files, uint32_t offset = 0) {
  Bytes all, directory;
  for (const File& file : files) {
    const std::string data = file.packed ? Deflate(file.content) : file.content;
    const uint32_t local = static_cast<uint32_t>(all.size()) + offset;
    Put(all, 0x04034b50, 4);
    Put(all, 20, 2);
    PutHeader(all, file, data);
    Put(all, file.name);
    Put(all, data);
    Put(directory, 0x02014b50, 4);
    Put(directory, 20, 4);
    PutHeader(directory, file, data);
    for (int i = 0; i < 3; ++i) Put(directory, 0, i == 2 ? 6 : 2);
    Put(directory, local, 4);
    Put(directory, file.name);
  }
  const uint32_t begin = static_cast<uint32_t>(all.size()) + offset;
  all.insert(all.end(), directory.begin(), directory.end());
  Put(all, 0x06054b50, 4);
  Put(all, 0, 4);
  for (int i = 0; i < 2; ++i) Put(all, static_cast<uint32_t>(files.size()), 2);
  Put(all, static_cast<uint32_t>(directory.size()), 4);
  Put(all, begin, 4);
  Put(all, 0, 2);
  return all;
}

const std::string kLabels = "cat\ndog\nheddle\n";

TEST(ZipTest, StoredAndDeflatedFiles) {
  const std::string text(100000, 'w');
  const auto files = ReadArchive(Archive({{"labels.txt", kLabels}, {"vocab.txt", text, true}}));
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].name, "labels.txt");
  EXPECT_EQ(files[0].content, kLabels);
  EXPECT_EQ(files[1].name, "vocab.txt");
  EXPECT_EQ(files[1].content, text);
}

TEST(ZipTest, BehindAModelWithOffsetsOfTheFileOrOfTheArchive) {
  const Bytes model = Small().Build();
  for (const uint32_t offset : {0u, static_cast<uint32_t>(model.size())}) {
    SCOPED_TRACE(offset);
    Bytes whole = model;
    const Bytes archive = Archive({{"labels.txt", kLabels, true}}, offset);
    whole.insert(whole.end(), archive.begin(), archive.end());
    const auto read = Model::ReadBytes(whole);
    ASSERT_TRUE(read.ok()) << read.status().message();
    ASSERT_EQ((*read)->files().size(), 1u);
    EXPECT_EQ((*read)->files()[0].content, kLabels);
  }
}

TEST(ZipTest, FoldersAndWhatIsTooLargeAreLeftOut) {
  const std::string large((16u << 20) + 1, '\0');
  const auto files =
      ReadArchive(Archive({{"folder/", ""}, {"large.bin", large, true}, {"labels.txt", kLabels}}));
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].name, "labels.txt");
}

TEST(ZipTest, AtMost64MegabytesAnd64Files) {
  const std::string large(16u << 20, '\0');
  EXPECT_EQ(ReadArchive(Archive(std::vector<File>(5, {"bomb", large, true}))).size(), 4u);
  EXPECT_EQ(ReadArchive(Archive(std::vector<File>(70, {"small", kLabels}))).size(), 64u);
}

TEST(ZipTest, ABrokenArchiveIsNoArchive) {
  EXPECT_TRUE(ReadArchive({}).empty());
  EXPECT_TRUE(ReadArchive(Bytes(100)).empty());
  // Sizes that the content does not have.
  for (const bool packed : {false, true}) {
    EXPECT_TRUE(ReadArchive(Archive({{"labels.txt", kLabels, packed, 3}})).empty());
    EXPECT_TRUE(ReadArchive(Archive({{"labels.txt", kLabels, packed, 16u << 20}})).empty());
  }
  // A byte of the content that its checksum does not fit.
  Bytes wrong = Archive({{"labels.txt", kLabels}});
  wrong[30 + 10] ^= std::byte{1};
  EXPECT_TRUE(ReadArchive(wrong).empty());
}

TEST(ZipTest, DamageIsSurvived) {
  const uint64_t seed = 4711;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const Bytes whole = Archive({{"labels.txt", kLabels}, {"vocab.txt", kLabels + kLabels, true}});
  int fewer = 0;
  for (int i = 0; i < 5000; ++i) {
    Bytes bytes = whole;
    bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    fewer += ReadArchive(bytes).size() < 2;
  }
  EXPECT_GT(fewer, 1000);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_TRUE(ReadArchive(std::span(whole).first(size)).empty()) << size;
}

}  // namespace
}  // namespace heddle::core
