// SPDX-License-Identifier: Apache-2.0
// A second model looks again, a pixel further, at what the first one is unsure of. Instead of a
// thread for each model and bounded queues between them.
//   pipeline FIRST.tflite SECOND.tflite [IMAGES]
#include <heddle/pipeline.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

struct Image {
  std::vector<float> pixels, shifted;
};
using Inputs = std::vector<heddle::TensorView>;

static heddle::Status Whole(Image& image, const heddle::Outputs&, Inputs& inputs) {
  inputs = {{nullptr, image.pixels}};
  return heddle::Status();
}

static heddle::Status IfUnsure(Image& image, const heddle::Outputs& before, Inputs& inputs) {
  const auto scores = before[0].As<float>();
  if (*std::max_element(scores.begin(), scores.end()) > 0.9f) return heddle::Status();
  image.shifted = image.pixels;
  std::rotate(image.shifted.begin(), image.shifted.begin() + 1, image.shifted.end());
  inputs = {{nullptr, image.shifted}};
  return heddle::Status();
}

static heddle::Status Run(const char* first, const char* second, size_t images) {
  const heddle::Engine engine;
  HEDDLE_ASSIGN(const heddle::Model quick, engine.Load(first));
  HEDDLE_ASSIGN(const heddle::Model thorough, engine.Load(second));
  heddle::Queue queue;
  heddle::Pipeline<Image> pipeline(queue, {{quick, Whole}, {thorough, IfUnsure}}, {.depth = 8});
  const auto start = std::chrono::steady_clock::now();
  std::jthread camera([&] {
    for (size_t i = 0; i < images; ++i) {
      std::vector<float> pixels(64, 0.0f);
      for (size_t k = i % 7; k < 64; k += 1 + i % 5) pixels[k] = 4.0f;
      if (!pipeline.Put({std::move(pixels), {}}).ok()) break;
    }
    pipeline.Close();
  });
  size_t right = 0, twice = 0;
  while (const auto done = pipeline.Take()) {
    right += done->outputs.ok();
    twice += !done->item.shifted.empty();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%zu images, %zu of them looked at twice, %.0f a second, 8 inside at most\n", right,
              twice, static_cast<double>(right) / took.count());
  return heddle::Status();
}

int main(int argc, char** argv) {
  return argc < 3 ||
         !Run(argv[1], argv[2], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1000).ok();
}
