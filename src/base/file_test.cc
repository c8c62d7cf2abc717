// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/testing/temp_tree.h"

namespace heddle::core {
namespace {

std::string Text(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

size_t PageBytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Pages of `memory` that the system holds in RAM.
size_t ResidentPages(const AnonymousMemory& memory) {
  std::vector<unsigned char> state((memory.size() + PageBytes() - 1) / PageBytes());
  EXPECT_EQ(mincore(memory.data(), memory.size(), state.data()), 0) << strerror(errno);
  return std::count_if(state.begin(), state.end(), [](unsigned char s) { return s & 1; });
}

TEST(SystemError, CodeAndText) {
  EXPECT_EQ(SystemError(ENOENT, "x").code(), Code::kNotFound);
  EXPECT_EQ(SystemError(ENOMEM, "x").code(), Code::kResourceExhausted);
  EXPECT_EQ(SystemError(EACCES, "x").code(), Code::kFailedPrecondition);
  EXPECT_EQ(SystemError(ENOENT, "cannot spin").message(), "cannot spin: No such file or directory");
}

TEST(ReadFile, WholeFileUpToTheCap) {
  TempTree tree;
  std::string content(3 * PageBytes() + 17, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 131 >> 3);
  const std::string path = tree.Write("weights", content);
  Result<AnonymousMemory> read = ReadFile(path, content.size());
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_TRUE(Text(read->bytes()) == content);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(read->data()) % 64, 0u);

  const Status over = ReadFile(path, content.size() - 1).status();
  EXPECT_EQ(over.code(), Code::kResourceExhausted);
  EXPECT_TRUE(Contains(over.message(), path)) << over.message();
  EXPECT_TRUE(Contains(over.message(), std::to_string(content.size()))) << over.message();
}

TEST(ReadFile, IsAPrivateCopy) {
  TempTree tree;
  const std::string path = tree.Write("weights", "before");
  Result<AnonymousMemory> read = ReadFile(path, 100);
  ASSERT_TRUE(read.ok());
  tree.Write("weights", "behind");
  EXPECT_EQ(Text(read->bytes()), "before");
}

TEST(ReadFile, EmptyFile) {
  TempTree tree;
  const std::string path = tree.Write("empty", "");
  Result<AnonymousMemory> read = ReadFile(path, 0);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->size(), 0u);
}

// A file that tells a size other than what reading it yields, as one that is being written would.
TEST(ReadFile, SizeThatIsNotTrue) {
  struct stat info;
  ASSERT_EQ(stat("/proc/version", &info), 0);
  ASSERT_EQ(info.st_size, 0);
  const Status status = ReadFile("/proc/version", 1 << 20).status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_TRUE(Contains(status.message(), "changed")) << status.message();
}

TEST(ReadFileAndMappedFile, ErrorsNameThePathAndTheReason) {
  TempTree tree;
  const std::string missing = tree.path("missing");
  const std::string pipe = tree.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const auto check = [&](const std::string& path, Code code, std::string_view reason) {
    for (const Status& status : {ReadFile(path, 100).status(), MappedFile::Open(path).status()}) {
      EXPECT_EQ(status.code(), code) << status.message();
      EXPECT_TRUE(Contains(status.message(), path)) << status.message();
      EXPECT_TRUE(Contains(status.message(), reason)) << status.message();
    }
  };
  check(missing, Code::kNotFound, "No such file or directory");
  check(tree.root(), Code::kInvalidArgument, "directory");
  check(pipe, Code::kInvalidArgument, "pipe");  // and does not wait for a writer
}

TEST(MappedFile, ShowsTheFile) {
  TempTree tree;
  const std::string content(PageBytes() + 5, 'q');
  Result<MappedFile> mapped = MappedFile::Open(tree.Write("file", content));
  ASSERT_TRUE(mapped.ok()) << mapped.status().message();
  EXPECT_TRUE(Text(mapped->bytes()) == content);
  tree.Remove("file");  // the mapping keeps the bytes
  MappedFile moved = std::move(mapped).value();
  EXPECT_TRUE(Text(moved.bytes()) == content);
  EXPECT_EQ(mapped->bytes().size(), 0u);  // NOLINT(bugprone-use-after-move): promised

  Result<MappedFile> empty = MappedFile::Open(tree.Write("empty", ""));
  ASSERT_TRUE(empty.ok()) << empty.status().message();
  EXPECT_TRUE(empty->bytes().empty());
}

TEST(ReadText, OfFilesThatTellNoSize) {
  Result<std::string> stat = ReadText("/proc/self/stat", 1 << 20);
  ASSERT_TRUE(stat.ok()) << stat.status().message();
  EXPECT_TRUE(stat->starts_with(std::to_string(getpid()))) << *stat;
}

TEST(ReadText, Cap) {
  TempTree tree;
  const std::string content(10000, 'x');
  const std::string path = tree.Write("text", content);
  ASSERT_TRUE(ReadText(path, 10000).ok());
  EXPECT_EQ(*ReadText(path, 10000), content);
  EXPECT_EQ(ReadText(path, 9999).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(ReadText(tree.path("none"), 10).status().code(), Code::kNotFound);
  EXPECT_EQ(*ReadText(tree.Write("empty", ""), 0), "");
}

TEST(AnonymousMemory, ZeroAtFirstAndMoves) {
  Result<AnonymousMemory> memory = AnonymousMemory::Allocate(10000);
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(Text(memory->bytes()), std::string(10000, '\0'));
  memory->data()[9999] = std::byte{7};
  AnonymousMemory moved = std::move(memory).value();
  EXPECT_EQ(moved.data()[9999], std::byte{7});
  EXPECT_EQ(moved.size(), 10000u);
  EXPECT_EQ(memory->data(), nullptr);  // NOLINT(bugprone-use-after-move): promised
  moved = AnonymousMemory();
  EXPECT_EQ(moved.size(), 0u);
}

TEST(AnonymousMemory, TooMuchIsAnError) {
  const Status status = AnonymousMemory::Allocate(size_t{1} << 60).status();
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_TRUE(Contains(status.message(), std::to_string(size_t{1} << 60))) << status.message();
}

TEST(AnonymousMemory, ShrinkKeepsTheFirstBytesAndHandsTheRestBack) {
  for (const size_t size : {10 * PageBytes(), size_t{5} << 20}) {
    Result<AnonymousMemory> memory = AnonymousMemory::Allocate(size);
    ASSERT_TRUE(memory.ok());
    std::byte* const data = memory->data();
    data[PageBytes()] = std::byte{7};
    memory->Shrink(PageBytes() + 1);
    EXPECT_EQ(memory->data(), data);
    EXPECT_EQ(memory->size(), PageBytes() + 1);
    EXPECT_EQ(memory->bytes().back(), std::byte{7});
    unsigned char state = 0;
    EXPECT_EQ(mincore(data + 2 * PageBytes(), PageBytes(), &state), -1);
    EXPECT_EQ(errno, ENOMEM) << "the pages behind are still there";
    memory->Shrink(0);
    EXPECT_EQ(memory->data(), nullptr);
  }
}

// What a touched byte at the very end costs is bounded, however large pages are.
TEST(AnonymousMemory, TakesLittleMoreThanAsked) {
  for (const size_t size : {(size_t{2} << 20) + 1, size_t{3} << 20}) {
    Result<AnonymousMemory> memory = AnonymousMemory::Allocate(size);
    ASSERT_TRUE(memory.ok());
    const size_t eighth = size + size / 8 + PageBytes();
    std::byte* const beyond = memory->data() + eighth / PageBytes() * PageBytes();
    unsigned char state = 0;
    EXPECT_EQ(mincore(beyond, PageBytes(), &state), -1) << size;
  }
}

TEST(AnonymousMemory, GiveBackTakesOnlyWholePagesOfTheRange) {
  const size_t page = PageBytes();
  Result<AnonymousMemory> memory = AnonymousMemory::Allocate(8 * page - 100);
  ASSERT_TRUE(memory.ok());
  std::fill_n(memory->data(), memory->size(), std::byte{1});
  ASSERT_EQ(ResidentPages(*memory), 8u);
  ASSERT_TRUE(memory->GiveBack(1, 3 * page).ok());  // pages 1 and 2, not 0 and 3
  EXPECT_EQ(ResidentPages(*memory), 6u);
  EXPECT_EQ(memory->data()[page - 1], std::byte{1});
  EXPECT_EQ(memory->data()[3 * page], std::byte{1});
  EXPECT_EQ(memory->data()[page], std::byte{0});
  ASSERT_TRUE(memory->GiveBack(10, 20).ok());
  EXPECT_EQ(memory->data()[10], std::byte{1});
  ASSERT_TRUE(memory->GiveBack(6 * page, 2 * page - 100).ok());  // up to the end: the last, too
  EXPECT_EQ(memory->data()[7 * page], std::byte{0});
}

TEST(AnonymousMemoryDeathTest, SealedMemoryCannotBeWritten) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Result<AnonymousMemory> memory = AnonymousMemory::Allocate(100);
  ASSERT_TRUE(memory.ok());
  volatile std::byte* data = memory->data();
  data[5] = std::byte{3};
  ASSERT_TRUE(memory->Seal().ok());
  EXPECT_TRUE(data[5] == std::byte{3});
  EXPECT_DEATH(data[5] = std::byte{4}, "");
}

}  // namespace
}  // namespace heddle::core
