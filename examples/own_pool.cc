// SPDX-License-Identifier: Apache-2.0
// An application that has a pool of its own, oneTBB here, lets it compute Heddle's steps.
//   own_pool MODEL.tflite
// Needs the float32 digits model; a batch of random images stands for the application's work.
#include <heddle/engine.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iterator>
#include <random>
#include <string_view>
#include <vector>

namespace {

constexpr int kImages = 1024, kSide = 8, kRounds = 20;

class TbbExecutor final : public heddle::Executor {
 public:
  int threads() const override { return arena_.max_concurrency(); }

  // Isolated: while this call waits for its parts, its thread begins nothing else of the
  // application's.
  void Run(int parts, const std::function<void()>& part) override {
    ++regions_;
    arena_.execute([&] {
      tbb::this_task_arena::isolate([&] {
        tbb::parallel_for(
            0, parts,
            [&](int) {
              ++parts_;
              part();
            },
            tbb::simple_partitioner());
      });
    });
  }

  int regions() const { return regions_; }
  int parts() const { return parts_; }

 private:
  tbb::task_arena arena_{std::max(2, tbb::this_task_arena::max_concurrency())};
  std::atomic<int> regions_{0}, parts_{0};
};

int Fail(const char* what, std::string_view why) {
  std::fprintf(stderr, "own_pool: %s: %.*s\n", what, static_cast<int>(why.size()), why.data());
  return 1;
}

heddle::Result<std::vector<float>> Scores(const heddle::Model& model,
                                          const std::vector<float>& images) {
  heddle::TensorView input{"image", images};
  input.rank = 4;
  const int32_t shape[] = {kImages, kSide, kSide, 1};
  std::copy(std::begin(shape), std::end(shape), input.dims);
  HEDDLE_ASSIGN(const auto out, model.Run({input}));
  const auto scores = out[0].As<float>();
  return std::vector<float>(scores.begin(), scores.end());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: own_pool MODEL.tflite\n");
    return 2;
  }
  TbbExecutor pool;
  heddle::Options options;
  options.executor = &pool;
  const heddle::Engine on_tbb(options), on_heddle;
  const auto model = on_tbb.Load(argv[1]), same_model = on_heddle.Load(argv[1]);
  if (!model.ok()) return Fail(argv[1], model.status().message());
  if (!same_model.ok()) return Fail(argv[1], same_model.status().message());

  std::mt19937 random(1);
  std::vector<float> images(size_t{kImages} * kSide * kSide);
  for (float& pixel : images) pixel = static_cast<float>(random() % 17);
  const auto expected = Scores(*same_model, images);
  if (!expected.ok()) return Fail("a call failed", expected.status().message());
  for (int round = 0; round < kRounds; ++round) {
    const auto scores = Scores(*model, images);
    if (!scores.ok()) return Fail("a call failed", scores.status().message());
    if (*scores != *expected) return Fail("scores", "not those of Heddle's own threads");
  }
  std::printf("%d calls of %d images: oneTBB ran %d parts of %d steps\n", kRounds, kImages,
              pool.parts(), pool.regions());
  std::puts("the same bits as on Heddle's own threads");
  return pool.parts() > 0 ? 0 : Fail("oneTBB", "was not asked");
}
