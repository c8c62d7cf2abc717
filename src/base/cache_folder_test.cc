// SPDX-License-Identifier: Apache-2.0
#include "base/cache_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/testing/temp_tree.h"

namespace heddle::core {
namespace {

using Parts = std::vector<std::span<const std::byte>>;
const std::atomic<bool> kGoOn = false;

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string Text(const Result<MappedFile>& file) {
  if (!file.ok()) return std::string(file.status().message());
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

Status Put(const CacheFolder& folder, const std::string& name, const std::string& text) {
  HEDDLE_ASSIGN(const CacheFolder::Lock lock, folder.TryLock());
  return folder.Write(lock, name, Parts{Bytes(text)}, kGoOn);
}

void SetAge(const std::string& path, int64_t seconds) {
  const timespec then{time(nullptr) - seconds, 0};
  const timespec times[] = {then, then};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

int64_t Age(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return time(nullptr) - info.st_mtim.tv_sec;
}

size_t CountFiles(const std::string& folder) {
  const std::filesystem::directory_iterator begin(folder);
  return static_cast<size_t>(std::distance(begin, std::filesystem::directory_iterator()));
}

// For the time of its life.
class Variables {
 public:
  void Set(const char* name, const char* value) {
    const char* before = std::getenv(name);
    before_.emplace_back(name,
                         before == nullptr ? std::nullopt : std::optional<std::string>(before));
    value == nullptr ? unsetenv(name) : setenv(name, value, 1);
  }
  ~Variables() {
    for (auto it = before_.rbegin(); it != before_.rend(); ++it)
      it->second ? setenv(it->first, it->second->c_str(), 1) : unsetenv(it->first);
  }

 private:
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

TEST(CacheFolder, WhereTheUserHasIt) {
  Variables variables;
  variables.Set("HOME", "/people/ada");
  variables.Set("XDG_CACHE_HOME", nullptr);
  variables.Set("HEDDLE_CACHE", nullptr);
  EXPECT_EQ(CacheFolder::OfUser(), "/people/ada/.cache/heddle");
  variables.Set("XDG_CACHE_HOME", "relative");  // as the rules of that variable have it
  EXPECT_EQ(CacheFolder::OfUser(), "/people/ada/.cache/heddle");
  variables.Set("XDG_CACHE_HOME", "/caches");
  EXPECT_EQ(CacheFolder::OfUser(), "/caches/heddle");
  variables.Set("HEDDLE_CACHE", "/else/where");
  EXPECT_EQ(CacheFolder::OfUser(), "/else/where");
  variables.Set("HEDDLE_CACHE", "off");
  EXPECT_EQ(CacheFolder::OfUser(), "");
  variables.Set("HEDDLE_CACHE", "");
  variables.Set("XDG_CACHE_HOME", nullptr);
  variables.Set("HOME", nullptr);
  EXPECT_EQ(CacheFolder::OfUser(), "");
}

TEST(CacheFolder, IsMadeForItsUserAlone) {
  const TempTree tree;
  const std::string path = tree.path("caches/heddle");
  EXPECT_EQ(CacheFolder::Open(path).status().code(), Code::kNotFound);
  ASSERT_TRUE(CacheFolder::Make(path).ok());
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0700u);
  EXPECT_TRUE(CacheFolder::Make(path).ok()) << "it is there already";
  // Two levels and no more.
  EXPECT_EQ(CacheFolder::Make(tree.path("a/b/c")).status().code(), Code::kNotFound);
}

TEST(CacheFolder, WhatOthersOwnOrEnterIsRefused) {
  const TempTree tree;
  const std::string path = tree.path("heddle");
  ASSERT_TRUE(CacheFolder::Make(path).ok());
  EXPECT_EQ(CacheFolder::Open(path, geteuid() + 1).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(CacheFolder::Make(path, geteuid() + 1).status().code(), Code::kFailedPrecondition);
  for (const mode_t mode : {0710, 0701, 0770, 0777}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_EQ(CacheFolder::Open(path).status().code(), Code::kFailedPrecondition) << mode;
  }
  ASSERT_EQ(chmod(path.c_str(), 0700), 0);
  EXPECT_TRUE(CacheFolder::Open(path).ok());
  ASSERT_EQ(symlink(path.c_str(), tree.path("link").c_str()), 0);
  EXPECT_FALSE(CacheFolder::Open(tree.path("link")).ok());
}

TEST(CacheFolder, RootMakesNoneInAnotherUsersFolder) {
  if (geteuid() == 0) {
    const TempTree tree;
    ASSERT_EQ(chown(tree.root().c_str(), 65534, 65534), 0);
    EXPECT_FALSE(CacheFolder::Make(tree.path("heddle")).ok());
    EXPECT_EQ(CountFiles(tree.root()), 0u);
  } else {
    const TempTree tree;
    EXPECT_FALSE(CacheFolder::Make(tree.path("heddle"), 0).ok());
    EXPECT_EQ(CountFiles(tree.root()), 0u);
  }
}

TEST(CacheFolder, WhatIsWrittenIsMapped) {
  const TempTree tree;
  const Result<CacheFolder> folder = CacheFolder::Make(tree.path("heddle"));
  ASSERT_TRUE(folder.ok()) << folder.status().message();
  const std::string a = "warp ", b = "", c(10 << 20, 'w');
  {
    const auto lock = folder->TryLock();
    ASSERT_TRUE(lock.ok());
    EXPECT_EQ(folder->TryLock().status().code(), Code::kFailedPrecondition) << "one at a time";
    ASSERT_TRUE(folder->Write(*lock, "heddle-x", Parts{Bytes(a), Bytes(b), Bytes(c)}, kGoOn).ok());
  }
  const Result<MappedFile> before = folder->Map("heddle-x");
  EXPECT_TRUE(Text(before) == a + c);
  ASSERT_TRUE(Put(*folder, "heddle-x", "weft").ok());
  EXPECT_EQ(Text(folder->Map("heddle-x")), "weft");
  EXPECT_TRUE(Text(before) == a + c) << "who has mapped it keeps it";
  folder->Remove("heddle-x");
  EXPECT_EQ(folder->Map("heddle-x").status().code(), Code::kNotFound);
}

TEST(CacheFolder, AForeignFileIsNotMapped) {
  const TempTree tree;
  const std::string path = tree.path("heddle");
  const Result<CacheFolder> folder = CacheFolder::Make(path);
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(Put(*folder, "heddle-x", "weft").ok());
  const std::string file = path + "/heddle-x";
  for (const mode_t mode : {0620, 0602}) {
    ASSERT_EQ(chmod(file.c_str(), mode), 0);
    EXPECT_EQ(folder->Map("heddle-x").status().code(), Code::kFailedPrecondition) << mode;
  }
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  ASSERT_TRUE(folder->Map("heddle-x").ok());
  ASSERT_EQ(symlink(file.c_str(), (path + "/heddle-link").c_str()), 0);
  EXPECT_FALSE(folder->Map("heddle-link").ok());
  ASSERT_EQ(mkfifo((path + "/heddle-pipe").c_str(), 0600), 0);
  EXPECT_FALSE(folder->Map("heddle-pipe").ok());
  if (geteuid() != 0) return;  // nobody else may give a file away
  ASSERT_EQ(chown(file.c_str(), 65534, 65534), 0);
  EXPECT_EQ(folder->Map("heddle-x").status().code(), Code::kFailedPrecondition);
}

TEST(CacheFolder, AFullDiskLeavesWhatWasThere) {
  const TempTree tree;
  const std::string path = tree.path("heddle");
  const Result<CacheFolder> folder = CacheFolder::Make(path);
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(Put(*folder, "heddle-x", "weft").ok());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{size_t{1} << 20, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = Put(*folder, "heddle-x", std::string(3 << 20, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), Code::kResourceExhausted) << status.message();
  EXPECT_EQ(Text(folder->Map("heddle-x")), "weft");
  EXPECT_EQ(CountFiles(path), 1u) << "nothing half written stays";
}

TEST(CacheFolder, AWriterThatIsToldToStopLeavesNothing) {
  const TempTree tree;
  const Result<CacheFolder> folder = CacheFolder::Make(tree.path("heddle"));
  ASSERT_TRUE(folder.ok());
  const auto lock = folder->TryLock();
  ASSERT_TRUE(lock.ok());
  const std::atomic<bool> stop = true;
  const std::string text = "weft";
  EXPECT_EQ(folder->Write(*lock, "heddle-x", Parts{Bytes(text)}, stop).code(), Code::kCancelled);
  EXPECT_EQ(CountFiles(tree.path("heddle")), 0u);
}

TEST(CacheFolder, WhatWasUsedLongestAgoGoesFirst) {
  const TempTree tree;
  const std::string path = tree.path("heddle");
  const Result<CacheFolder> folder = CacheFolder::Make(path);
  ASSERT_TRUE(folder.ok());
  int64_t age = 4;
  for (const char* name : {"heddle-old", "heddle-used", "heddle-newer", "heddle-newest"}) {
    ASSERT_TRUE(Put(*folder, name, std::string(100, 'x')).ok());
    SetAge(path + "/" + name, age-- * 100'000);
  }
  EXPECT_GT(Age(path + "/heddle-used"), 200'000);
  ASSERT_TRUE(folder->Map("heddle-used").ok());
  EXPECT_LT(Age(path + "/heddle-used"), 1000);
  tree.Write("heddle/heddle-new-killed", "what a writer that was killed left");
  tree.Write("heddle/letters", std::string(1000, 'l'));  // of somebody who put them here
  const auto lock = folder->TryLock();
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE(folder->Trim(*lock, 299).ok());
  EXPECT_FALSE(folder->Map("heddle-old").ok());
  EXPECT_FALSE(folder->Map("heddle-newer").ok());
  EXPECT_TRUE(folder->Map("heddle-used").ok());
  EXPECT_TRUE(folder->Map("heddle-newest").ok());
  EXPECT_EQ(CountFiles(path), 3u) << "the letters are not ours to remove";
}

TEST(CacheFolder, ALockEndsWithItsHolderThoughAChildHasIt) {
  const TempTree tree;
  const Result<CacheFolder> folder = CacheFolder::Make(tree.path("heddle"));
  ASSERT_TRUE(folder.ok());
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  auto taken = folder->TryLock();
  ASSERT_TRUE(taken.ok());
  std::optional<CacheFolder::Lock> lock(std::move(taken).value());
  const pid_t child = fork();
  if (child == 0) {
    close(pipe_ends[1]);
    char byte;
    _exit(read(pipe_ends[0], &byte, 1) == 0 ? 0 : 1);  // lives until the parent closes its end
  }
  lock.reset();
  EXPECT_TRUE(folder->TryLock().ok());
  close(pipe_ends[1]);
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
}

}  // namespace
}  // namespace heddle::core
