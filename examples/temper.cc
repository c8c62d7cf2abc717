// SPDX-License-Identifier: Apache-2.0
// A custom operator of one's own: a softmax whose temperature stands in the model file.
//   temper MODEL.tflite SAMPLES.txt
// Heddle has no kernel called "Temper"; the one below is registered before the model is loaded.
// SAMPLES as for the digits example.
#include <heddle/custom.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace custom = heddle::custom;

namespace {

// softmax(x / temperature) of each row, a tile for a row. One object serves every call of a model,
// from any thread: nothing in it changes once it is made.
class Temper final : public custom::TiledOperator {
 public:
  static heddle::Result<std::unique_ptr<Temper>> Make(const custom::Node& node) {
    const auto refuse = [](const char* why) {
      return heddle::Status(heddle::Code::kInvalidModel, why);
    };
    if (node.input_count() != 1 || node.output_count() != 1)
      return refuse("expected one input and one output");
    if (node.input(0).type() != HEDDLE_FLOAT32 || node.output(0).type() != HEDDLE_FLOAT32)
      return refuse("expected float32");
    float temperature = 0;
    if (node.options().size() != sizeof(temperature))
      return refuse("expected a float32 as options");
    std::memcpy(&temperature, node.options().data(), sizeof(temperature));
    if (!(temperature > 0)) return refuse("expected a temperature above 0");
    auto made = std::make_unique<Temper>();
    made->temperature_ = temperature;
    return made;
  }

  heddle::Status Shapes(const custom::Node& node, std::span<heddle_shape> outputs) const override {
    const std::span<const int32_t> from = node.input(0).shape();
    if (from.empty()) return heddle::Status(heddle::Code::kInvalidArgument, "expected rows");
    outputs[0].rank = static_cast<int32_t>(from.size());
    std::copy(from.begin(), from.end(), outputs[0].dims);
    return heddle::Status();
  }

  custom::Work Plan(const custom::Node& node) const override {
    const int64_t depth = node.input(0).shape().back();
    custom::Work work;
    work.tiles = depth == 0 ? 0 : node.input(0).elements() / depth;
    work.tile_ns = 10.0 * static_cast<double>(depth);
    return work;
  }

  heddle_tile_code Tile(const custom::Node& node, const custom::Call& call, int64_t begin,
                        int64_t end) const override {
    const int64_t depth = node.input(0).shape().back();
    for (int64_t row = begin; row < end; ++row) {
      const float* x = call.input<float>(0) + row * depth;
      float* y = call.output<float>(0) + row * depth;
      const float most = *std::max_element(x, x + depth);
      float sum = 0;
      for (int64_t i = 0; i < depth; ++i) sum += y[i] = std::exp((x[i] - most) / temperature_);
      for (int64_t i = 0; i < depth; ++i) y[i] /= sum;
    }
    return HEDDLE_TILE_OK;
  }

 private:
  float temperature_ = 1;
};

// The first sample's pixels.
std::vector<float> ReadSample(const char* path, int* label) {
  constexpr std::string_view kScale = "0123456789abcdefg";
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.size() != 66) return {};
  *label = line[0] - '0';
  std::vector<float> pixels;
  for (const char c : line.substr(2)) pixels.push_back(static_cast<float>(kScale.find(c)));
  return pixels;
}

heddle::Status Classify(const char* path, const std::vector<float>& pixels, int label) {
  heddle::Engine engine;
  HEDDLE_TRY(custom::Register<Temper>(engine, "Temper"));
  HEDDLE_ASSIGN(const heddle::Model model, engine.Load(path));
  HEDDLE_ASSIGN(const heddle::Outputs out, model.Run({{"image", pixels}}));
  const std::span<const float> scores = out[0].As<float>();
  const auto best = std::max_element(scores.begin(), scores.end());
  std::printf("a %d, read as a %d, tempered to %.1f %%\n", label,
              static_cast<int>(best - scores.begin()), 100.0 * static_cast<double>(*best));
  return heddle::Status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: temper MODEL.tflite SAMPLES.txt\n");
    return 2;
  }
  int label = 0;
  const std::vector<float> pixels = ReadSample(argv[2], &label);
  if (pixels.empty()) {
    std::fprintf(stderr, "temper: %s: not a list of digits\n", argv[2]);
    return 1;
  }
  const heddle::Status status = Classify(argv[1], pixels, label);
  if (!status.ok()) std::fprintf(stderr, "temper: %s\n", status.c_str());
  return status.ok() ? 0 : 1;
}
