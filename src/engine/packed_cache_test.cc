// SPDX-License-Identifier: Apache-2.0
#include "engine/packed_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <latch>
#include <string>
#include <vector>

#include "base/testing/temp_tree.h"
#include "engine/background.h"
#include "engine/loaded_model.h"
#include "support/model_builder.h"

namespace heddle::core {
namespace {

namespace fs = std::filesystem;

// Of the instruction sets that pack.
const Isa kBest = SupportedIsas().back();
const PackedCache::Use kUse{Numerics::kFast, kBest};
const std::atomic<bool> kGoOn = false;

// What was posted before is done.
void WaitForBackground() {
  std::latch done(1);
  Background::OfProcess().Post([&](const std::atomic<bool>&) { done.count_down(); });
  done.wait();
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A folded constant, packed weights that are checked when they are taken, and some that are not.
std::string ModelBytes(float weight, int large = 90'000) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 64});
  std::vector<float> values(64 * 64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = weight * static_cast<float>(i % 7);
  const int w = b.Constant<float>("w", {64, 64}, values);
  const int c = b.Constant<float>("c", {64}, std::vector<float>(64, 0.5f));
  const int sum = b.Make("sum", Type::kFloat32, {64});
  b.Op(OpCode::kADD, {c, c}, {sum}, BinaryOptions{});
  const int y = b.Make("y", Type::kFloat32, {1, 64});
  b.Op(OpCode::kFULLY_CONNECTED, {x, w, sum}, {y}, FullyConnectedOptions{});
  const int wide = b.Make("wide", Type::kFloat32, {1, large});
  const int wl = b.Constant<float>("wl", {large, 64},
                                   std::vector<float>(static_cast<size_t>(large) * 64, weight));
  b.Op(OpCode::kFULLY_CONNECTED, {y, wl, -1}, {wide}, FullyConnectedOptions{});
  b.Output(wide);
  const std::vector<std::byte> bytes = b.Build();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class PackedCacheTest : public testing::Test {
 protected:
  PackedCache::Options Options() const {
    PackedCache::Options options;
    options.folder = folder_;
    options.smallest_bytes = 0;
    options.settled_ns = -1'000'000'000;  // the files of a test are young
    return options;
  }
  PackedCache Cache() const { return PackedCache(Options()); }

  Result<std::shared_ptr<LoadedModel>> Load(const std::string& path, bool keep_all = false) const {
    EngineOptions options;
    options.cache = Cache();
    HEDDLE_ASSIGN(auto model, Model::ReadFile(path));
    return LoadedModel::Load(std::make_shared<EngineCore>(options), model, Numerics::kFast,
                             IsaName(kBest), keep_all);
  }
  static std::vector<float> Run(LoadedModel& model) {
    std::vector<float> input(64);
    for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i) * 0.25f - 3;
    heddle_tensor x{};
    x.struct_size = sizeof(x);
    x.rank = HEDDLE_SHAPE_OF_MODEL;
    x.data = input.data();
    x.bytes = input.size() * sizeof(float);
    RunRequest request;
    request.inputs = &x;
    request.input_count = 1;
    Result<Call> call = model.Run(request);
    EXPECT_TRUE(call.ok()) << call.status().message();
    if (!call.ok()) return {};
    heddle_tensor y{};
    y.struct_size = sizeof(y);
    call->Describe(0, &y);
    const auto* values = static_cast<const float*>(y.data);
    return {values, values + y.bytes / sizeof(float)};
  }
  // What this model answers where no cache has a part in it.
  static std::vector<float> Right(const std::string& path) {
    const auto loaded =
        LoadedModel::Load(std::make_shared<EngineCore>(EngineOptions()),
                          Model::ReadFile(path).value(), Numerics::kFast, IsaName(kBest), false);
    return Run(**loaded);
  }
  // Loads once, so that the next one finds it.
  void Keep(const std::string& path) const {
    ASSERT_TRUE(Load(path).ok());
    WaitForBackground();
  }
  std::vector<std::string> Files(const std::string& kind) const {
    std::vector<std::string> paths;
    if (!fs::exists(folder_)) return paths;
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.path().filename().string().starts_with(kind)) paths.push_back(entry.path());
    return paths;
  }
  // Of the only file with packed weights.
  std::string Packed() const {
    const std::vector<std::string> files = Files("heddle-packed-");
    EXPECT_EQ(files.size(), 1u);
    return files.empty() ? "" : files[0];
  }
  static bool IsMapped(const std::string& path) {
    return Contents("/proc/self/maps").find(fs::path(path).filename()) != std::string::npos;
  }
  static void Damage(const std::string& path, size_t at) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }

  TempTree tree_;
  const std::string folder_ = tree_.path("cache/heddle");
};

TEST_F(PackedCacheTest, TheNextLoadTakesWhatWasPacked) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f));
  const std::vector<float> right = Right(path);
  Keep(path);
  EXPECT_EQ(Files("heddle-").size(), 2u);
  const std::string packed = Packed();
  const auto loaded = Load(path);
  ASSERT_TRUE(loaded.ok());
  EXPECT_TRUE(IsMapped(packed));
  EXPECT_EQ(Run(**loaded), right);
  EXPECT_EQ(Run(**loaded), right);
  const auto fresh =
      LoadedModel::Load(std::make_shared<EngineCore>(EngineOptions()),
                        Model::ReadFile(path).value(), Numerics::kFast, IsaName(kBest), false);
  EXPECT_EQ((*loaded)->weights_bytes(), (*fresh)->weights_bytes());
}

TEST_F(PackedCacheTest, ItIsKnownByItsBytesUnderAnyName) {
  Keep(tree_.Write("m.tflite", ModelBytes(0.5f)));
  const std::string copy = tree_.Write("copy.tflite", ModelBytes(0.5f));
  Keep(copy);
  EXPECT_EQ(Files("heddle-packed-").size(), 1u);
  EXPECT_EQ(Files("heddle-file-").size(), 2u);
  const auto loaded = Load(copy);
  EXPECT_TRUE(IsMapped(Packed()));
}

TEST_F(PackedCacheTest, AFileThatChangedIsAnotherModel) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f));
  Keep(path);
  // In place: the same inode and size.
  tree_.Write("m.tflite", ModelBytes(0.25f));
  const std::vector<float> right = Right(path);
  const auto loaded = Load(path);
  EXPECT_FALSE(IsMapped(Packed()));
  EXPECT_EQ(Run(**loaded), right);
  WaitForBackground();
  EXPECT_EQ(Files("heddle-packed-").size(), 2u);
  EXPECT_EQ(Files("heddle-file-").size(), 1u);
  EXPECT_EQ(Run(**Load(path)), right);
}

TEST_F(PackedCacheTest, AFileThatChangesMeanwhileIsNotKept) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f));
  const auto model = Model::ReadFile(path).value();
  tree_.Write("m.tflite", ModelBytes(0.25f));
  EXPECT_EQ(Cache().Keep(*model, kUse, {}, kGoOn).code(), Code::kFailedPrecondition);
  EXPECT_TRUE(Files("heddle-").empty());
}

TEST_F(PackedCacheTest, AFileThatChangedJustNowIsNotKnownByItsLook) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f));
  const auto model = Model::ReadFile(path).value();
  PackedCache::Options options = Options();
  options.settled_ns = int64_t{3600} * 1'000'000'000;  // this test takes less
  EXPECT_FALSE(PackedCache(options).Takes(*model));
  EXPECT_TRUE(Cache().Takes(*model));
  options = Options();
  options.smallest_bytes = ModelBytes(0.5f).size() + 1;
  EXPECT_FALSE(PackedCache(options).Takes(*model));
  options = Options();
  options.build = "";
  EXPECT_FALSE(PackedCache(options).Takes(*model));
  EXPECT_EQ(PackedCache::Options().settled_ns, 2'000'000'000);
}

TEST_F(PackedCacheTest, OtherNumericsIsaOrBuildIsAnotherEntry) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f));
  Keep(path);
  const auto model = Model::ReadFile(path).value();
  EXPECT_TRUE(Cache().Find(*model, kUse).ok());
  EXPECT_FALSE(Cache().Find(*model, {Numerics::kReference, kBest}).ok());
  const Isa other = kBest == Isa::kPlain ? Isa::kNeonDot : Isa::kPlain;
  EXPECT_FALSE(Cache().Find(*model, {Numerics::kFast, other}).ok());
  PackedCache::Options options = Options();
  options.build += "0";
  EXPECT_FALSE(PackedCache(options).Find(*model, kUse).ok());
  // A file of another entry under this one's name says whose it is.
  const std::string packed = Packed();
  std::string name = packed;
  name.replace(name.find("-fast-"), 6, "-reference-");
  fs::copy_file(packed, name);
  EXPECT_FALSE(Cache().Find(*model, {Numerics::kReference, kBest}).ok());
}

TEST_F(PackedCacheTest, DamagedWeightsAreNeverRun) {
  if (kBest == Isa::kPlain) GTEST_SKIP() << "the plain kernels pack nothing";
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f));
  const std::vector<float> right = Right(path);
  Keep(path);
  const std::string whole = Contents(Packed());
  const float one = 0.5f, folded = 1.0f;
  std::string large(64, '\0'), small(64, '\0');
  for (int i = 0; i < 16; ++i) std::memcpy(&large[i * 4], &one, 4);
  for (int i = 0; i < 16; ++i) std::memcpy(&small[i * 4], &folded, 4);
  const size_t in_large = whole.rfind(large), in_small = whole.find(small);
  ASSERT_NE(in_large, std::string::npos);
  ASSERT_NE(in_small, std::string::npos);
  for (const size_t at : {size_t{10}, in_small, in_large, whole.size() - 1}) {
    Damage(Packed(), at);
    const auto loaded = Load(path);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    EXPECT_EQ(Run(**loaded), right) << at;
    WaitForBackground();
    EXPECT_TRUE(Contents(Packed()) == whole) << "written again, " << at;
  }
}

TEST_F(PackedCacheTest, WhatIsCutOrEmptyIsPackedAnew) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f, 100));
  const std::vector<float> right = Right(path);
  Keep(path);
  const std::string whole = Contents(Packed()), look = Files("heddle-file-")[0];
  for (const size_t size : {size_t{0}, size_t{47}, size_t{100}, whole.size() - 1}) {
    fs::resize_file(Packed(), size);
    EXPECT_EQ(Run(**Load(path)), right) << size;
    WaitForBackground();
    EXPECT_TRUE(Contents(Packed()) == whole) << size;
  }
  const std::string text = Contents(look);
  for (const std::string& lie : {std::string(), text.substr(1), text + "0",
                                 text.substr(0, text.size() - 64) + std::string(64, '/')}) {
    std::ofstream(look) << lie;
    EXPECT_FALSE(Cache().Find(*Model::ReadFile(path).value(), kUse).ok()) << lie;
    EXPECT_EQ(Run(**Load(path)), right);
    WaitForBackground();
    EXPECT_EQ(Contents(look), text);
  }
}

TEST_F(PackedCacheTest, AFolderThatOthersMayEnterIsLeftAlone) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f, 100));
  Keep(path);
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  EXPECT_FALSE(Cache().Find(*Model::ReadFile(path).value(), kUse).ok());
  fs::remove(Packed());
  const auto loaded = Load(path);
  ASSERT_TRUE(loaded.ok());
  WaitForBackground();
  EXPECT_TRUE(Files("heddle-packed-").empty());
}

TEST_F(PackedCacheTest, TheCapKeepsTheLatest) {
  if (kBest == Isa::kPlain) GTEST_SKIP() << "the plain kernels pack nothing";
  const std::string first = tree_.Write("1.tflite", ModelBytes(0.5f, 100));
  const std::string second = tree_.Write("2.tflite", ModelBytes(0.25f, 100));
  Keep(first);
  PackedCache::Options options = Options();
  options.most_bytes = 5 * fs::file_size(Packed()) / 2;
  for (const std::string& file : Files("heddle-"))  // long ago
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(2));
  const auto keep = [&](const std::string& path, size_t bytes) {
    const std::string blob(bytes, 'x');
    const std::vector<NamedBlob> blobs{{"x", std::as_bytes(std::span(blob))}};
    return PackedCache(options).Keep(*Model::ReadFile(path).value(), kUse, blobs, kGoOn);
  };
  EXPECT_EQ(keep(second, options.most_bytes).code(), Code::kResourceExhausted);
  EXPECT_EQ(Files("heddle-packed-").size(), 1u) << "nothing went for what does not fit";
  EXPECT_TRUE(keep(second, options.most_bytes / 2 - 1000).ok());
  const std::string third = tree_.Write("3.tflite", ModelBytes(0.125f, 100));
  EXPECT_TRUE(keep(third, options.most_bytes / 2 - 1000).ok());
  EXPECT_FALSE(Cache().Find(*Model::ReadFile(first).value(), kUse).ok());
  EXPECT_TRUE(Cache().Find(*Model::ReadFile(third).value(), kUse).ok());
  uint64_t bytes = 0;
  for (const std::string& file : Files("heddle-")) bytes += fs::file_size(file);
  EXPECT_LE(bytes, options.most_bytes);
}

TEST_F(PackedCacheTest, ManyProcessesWriteAtOnce) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f, 100));
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    alarm(60);
    const auto model = Model::ReadFile(path).value();
    const std::string blob(300'000, 'x');
    const std::vector<NamedBlob> blobs{{"x", std::as_bytes(std::span(blob))}};
    bool right = true;
    for (int turn = 0; turn < 30; ++turn) {
      const Status kept = Cache().Keep(*model, kUse, blobs, kGoOn);
      right = right && (kept.ok() || kept.code() == Code::kFailedPrecondition);  // another writes
      const Result<PackedFile> found = Cache().Find(*model, kUse);
      if (found.ok()) right = right && found->Find("x")->Intact();
      if (turn % 5 == 4) Cache().Reject(*model, kUse);
    }
    _exit(right ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  EXPECT_TRUE(Files("heddle-new-").empty());
}

TEST_F(PackedCacheTest, WhoAsksForEveryTensorOrHasNoFileTakesNone) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f, 100));
  ASSERT_TRUE(Load(path, true).ok());
  const std::string bytes = Contents(path);
  EngineOptions options;
  options.cache = Cache();
  const auto model = Model::ReadBytes(std::as_bytes(std::span(bytes))).value();
  ASSERT_TRUE(LoadedModel::Load(std::make_shared<EngineCore>(options), model, Numerics::kFast,
                                IsaName(kBest), false)
                  .ok());
  WaitForBackground();
  EXPECT_TRUE(Files("heddle-").empty());
}

TEST_F(PackedCacheTest, WhatIsPackedInNoTimeIsNotKept) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f, 100));
  const auto model = Model::ReadFile(path).value();
  PackedCache::Options options = Options();
  const auto weights = std::make_shared<WeightStore>(1 << 20);
  weights->NameSources([](const void*) { return "a"; }, std::nullopt);
  const int source = 0;
  ASSERT_TRUE(weights->Pack(&source, "rows", 1000, [](std::byte*) {}).ok());
  ASSERT_TRUE(weights->Seal().ok());
  options.smallest_bytes = 1001;
  PackedCache(options).KeepLater(model, kUse, weights);
  WaitForBackground();
  EXPECT_TRUE(Files("heddle-").empty());
  options.smallest_bytes = 1000;
  PackedCache(options).KeepLater(model, kUse, weights);
  WaitForBackground();
  EXPECT_EQ(Files("heddle-").size(), 2u);
}

// What is written may be all that is left of an engine.
TEST_F(PackedCacheTest, TheEngineMayEndFirst) {
  const std::string path = tree_.Write("m.tflite", ModelBytes(0.5f, 100));
  std::latch ended(1);
  Background::OfProcess().Post([&](const std::atomic<bool>&) { ended.wait(); });
  ASSERT_TRUE(Load(path).ok());  // and is gone
  ended.count_down();
  WaitForBackground();
  EXPECT_TRUE(Cache().Find(*Model::ReadFile(path).value(), kUse).ok());
}

}  // namespace
}  // namespace heddle::core
