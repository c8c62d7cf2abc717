// SPDX-License-Identifier: Apache-2.0
// Models with the inputs and answers that their own authors published (the suites' folder
// zoo/vectors), in both numerics. Skipped where HEDDLE_SUITES names no such folder.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "heddle/engine.h"

namespace heddle {
namespace {

namespace fs = std::filesystem;

std::vector<char> Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
std::vector<T> ReadRaw(const fs::path& path) {
  const std::vector<char> bytes = Read(path);
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

// Every number of a text, whatever stands between them.
template <class T>
std::vector<T> ReadNumbers(const fs::path& path) {
  const std::vector<char> text = Read(path);
  std::vector<T> values;
  for (const char *at = text.data(), *end = at + text.size(); at < end;) {
    T value{};
    const auto [next, error] = std::from_chars(at, end, value);
    if (error == std::errc()) values.push_back(value);
    at = error == std::errc() ? next : at + 1;
  }
  return values;
}

struct Picture {
  int width = 0, height = 0, channels = 0;
  std::vector<uint8_t> pixels;  // RGB or grey, rows from the top
  uint8_t At(int y, int x, int c) const {
    y = std::clamp(y, 0, height - 1), x = std::clamp(x, 0, width - 1);
    return pixels[(static_cast<size_t>(y) * width + x) * channels + c];
  }
};

// Uncompressed, 8 bits a channel, rows from the bottom in BGR.
Picture ReadBmp(const fs::path& path) {
  const std::vector<uint8_t> file = ReadRaw<uint8_t>(path);
  const auto number = [&](size_t at) {
    int32_t value = 0;
    std::memcpy(&value, &file[at], sizeof(value));
    return value;
  };
  Picture image{number(18), number(22), file[28] / 8, {}};
  const size_t used = static_cast<size_t>(image.width) * image.channels, row = (used + 3) / 4 * 4;
  for (int y = image.height - 1; y >= 0; --y) {
    const uint8_t* from = &file[static_cast<size_t>(number(10)) + static_cast<size_t>(y) * row];
    for (size_t i = 0; i < used; ++i) {
      const size_t pixel = i / image.channels * image.channels;
      image.pixels.push_back(from[pixel + image.channels - 1 - i % image.channels]);
    }
  }
  return image;
}

// As the publisher sized it: four neighbours about the middle of a pixel, cut to a byte.
std::vector<uint8_t> Sized(const Picture& image, int height, int width) {
  std::vector<uint8_t> sized;
  const float step_y = static_cast<float>(image.height) / static_cast<float>(height);
  const float step_x = static_cast<float>(image.width) / static_cast<float>(width);
  for (int y = 0; y < height; ++y) {
    const float fy = std::max(0.0f, (static_cast<float>(y) + 0.5f) * step_y - 0.5f);
    const int y0 = static_cast<int>(fy);
    for (int x = 0; x < width; ++x) {
      const float fx = std::max(0.0f, (static_cast<float>(x) + 0.5f) * step_x - 0.5f);
      const int x0 = static_cast<int>(fx);
      const float down = fy - static_cast<float>(y0), right = fx - static_cast<float>(x0);
      for (int c = 0; c < image.channels; ++c) {
        const float top = std::lerp(image.At(y0, x0, c), image.At(y0, x0 + 1, c), right);
        const float low = std::lerp(image.At(y0 + 1, x0, c), image.At(y0 + 1, x0 + 1, c), right);
        sized.push_back(static_cast<uint8_t>(std::lerp(top, low, down)));
      }
    }
  }
  return sized;
}

heddle_tensor_info Input(const Model& model, size_t index) {
  heddle_tensor_info info{};
  info.struct_size = sizeof(info);
  heddle_status_free(heddle_model_input(model.get(), nullptr, index, &info));
  return info;
}

class Vectors : public ::testing::TestWithParam<Numerics> {
 protected:
  void SetUp() override {
    const char* suites = std::getenv("HEDDLE_SUITES");
    if (suites == nullptr) GTEST_SKIP() << "HEDDLE_SUITES is not set";
    zoo_ = fs::path(suites) / "zoo";
    if (!fs::exists(zoo_ / "vectors")) GTEST_SKIP() << "no folder " << zoo_ / "vectors";
  }
  Model Load(const fs::path& path) {
    LoadOptions options;
    options.numerics = GetParam();
    auto model = engine_.Load(path, options);
    if (!model.ok()) throw std::runtime_error(std::string(model.status().message()));
    return std::move(model).value();
  }
  // The model's only input from a picture, its pixels as they are.
  Outputs RunPicture(const Model& model, const fs::path& picture) {
    const heddle_tensor_info info = Input(model, 0);
    const auto pixels = Sized(ReadBmp(zoo_ / "inputs" / picture), info.dims[1], info.dims[2]);
    RunOptions options;
    options.fresh_state = true;
    auto out = model.Run({TensorView(info.name, pixels)}, options);
    if (!out.ok()) throw std::runtime_error(std::string(out.status().message()));
    return std::move(out).value();
  }
  Engine engine_;
  fs::path zoo_;
};

// TensorFlow Lite Micro's SEANet layers: int16 with 8-bit weights.
TEST_P(Vectors, SeanetLayersAreExact) {
  int layers = 0;
  for (const auto& entry : fs::recursive_directory_iterator(zoo_ / "vectors/tflm_seanet")) {
    if (entry.path().extension() != ".tflite") continue;
    SCOPED_TRACE(entry.path().stem());
    const auto with = [&](const std::string& end) {
      return fs::path(entry.path()).replace_filename(entry.path().stem().string() + end);
    };
    const Model model = Load(entry.path());
    std::vector<std::vector<int16_t>> shorts(2);
    std::vector<std::vector<int32_t>> ints(2);
    std::vector<TensorView> inputs;
    for (size_t i = 0; i < 2; ++i) {
      const std::string name = "_input" + std::to_string(i);
      const char* tensor = Input(model, i).name;
      if (fs::exists(with(name + "_int16.csv"))) {
        shorts[i] = ReadNumbers<int16_t>(with(name + "_int16.csv"));
        inputs.emplace_back(tensor, shorts[i]);
      } else if (fs::exists(with(name + "_int32.csv"))) {
        ints[i] = ReadNumbers<int32_t>(with(name + "_int32.csv"));
        inputs.emplace_back(tensor, ints[i]);
      }
    }
    const auto out = model.Run(inputs);
    ASSERT_TRUE(out.ok()) << out.status().message();
    const auto got = (*out)[0].As<int16_t>();
    EXPECT_EQ(std::vector<int16_t>(got.begin(), got.end()),
              ReadNumbers<int16_t>(with("_golden_int16.csv")));
    ++layers;
  }
  EXPECT_EQ(layers, 66);
}

// Android's machine-learning test suite: a recurrent network that remembers over a sentence.
TEST_P(Vectors, SpeechSequencesKeepTheirState) {
  const fs::path folder = zoo_ / "vectors/aosp_mlts/assets/tts_float";
  const Model model = Load(folder.parent_path() / "tts_float.tflite");
  const char* name = Input(model, 0).name;
  constexpr size_t kIn = 334, kOut = 196;
  for (int sentence = 1; sentence <= 9; ++sentence) {
    SCOPED_TRACE(sentence);
    const std::string stem = "arctic_a000" + std::to_string(sentence);
    const auto in = ReadRaw<float>(folder / (stem + ".input"));
    const auto want = ReadRaw<float>(folder / (stem + ".output"));
    ASSERT_EQ(in.size() / kIn, want.size() / kOut);
    auto session = model.NewSession();
    ASSERT_TRUE(session.ok()) << session.status().message();
    double squares = 0;
    for (size_t t = 0; t < in.size() / kIn; ++t) {
      const auto out = session->Run({TensorView(name, std::span(in).subspan(t * kIn, kIn))});
      ASSERT_TRUE(out.ok()) << out.status().message();
      const auto got = (*out)[0].As<float>();
      ASSERT_EQ(got.size(), kOut);
      for (size_t i = 0; i < kOut; ++i) {
        ASSERT_NEAR(got[i], want[t * kOut + i], 2e-4) << "step " << t << ", value " << i;
        squares += (got[i] - want[t * kOut + i]) * (got[i] - want[t * kOut + i]);
      }
    }
    EXPECT_LT(squares / static_cast<double>(want.size()), 1e-9);
  }
}

TEST_P(Vectors, BananaByMobileNets) {
  const fs::path assets = zoo_ / "vectors/aosp_mlts/assets";
  for (const char* variant : {"0.25_128", "0.5_160"}) {
    SCOPED_TRACE(variant);
    const Model model = Load(assets / ("mobilenet_v1_" + std::string(variant) + "_quant.tflite"));
    const std::string size = std::strchr(variant, '_');
    const auto in = ReadRaw<uint8_t>(assets / ("mobilenet_quantized/banana" + size + ".input"));
    const auto want = ReadRaw<uint8_t>(assets / "mobilenet_quantized" /
                                       ("banana_" + std::string(variant) + ".output"));
    const auto out = model.Run({TensorView(Input(model, 0).name, in)});
    ASSERT_TRUE(out.ok()) << out.status().message();
    const auto got = (*out)[0].As<uint8_t>();
    ASSERT_EQ(got.size(), want.size());
    // LiteRT's own kernels of today differ by up to 7 from these of 2018 in its default mode.
    const int most = GetParam() == Numerics::kReference ? 0 : 7;
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], most) << i;
  }
  const Model model = Load(zoo_ / "models/msft-mirror-aosp+platform.test.mlts.models" /
                           "mobilenet_v1_0.25_128.tflite");
  const auto in = ReadRaw<float>(assets / "mobilenet_float/banana_128.input");
  const auto want = ReadRaw<float>(assets / "mobilenet_float/banana_0.25_128.output");
  const auto out = model.Run({TensorView(Input(model, 0).name, in)});
  ASSERT_TRUE(out.ok()) << out.status().message();
  const auto got = (*out)[0].As<float>();
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5) << i;
}

struct Photo {
  const char* model;
  const char* picture;
  size_t label;
  float score;  // at least
  size_t top;   // among so many
};

// What Coral's own tests ask of these models on these photos.
TEST_P(Vectors, CoralClassifiersSeeWhatIsThere) {
  constexpr Photo kPhotos[] = {{"mobilenet_v1_0.25_128_quant", "cat.bmp", 283, 0.25f, 3},
                               {"mobilenet_v1_0.75_192_quant", "cat.bmp", 283, 0.35f, 3},
                               {"mobilenet_v2_1.0_224_quant", "cat.bmp", 286, 0.7f, 3},
                               {"tf2_mobilenet_v2_1.0_224_ptq", "cat.bmp", 286, 0.6f, 3},
                               {"keras_lstm_mnist_ptq", "mnist_nine.bmp", 9, 0.7f, 1}};
  for (const Photo& photo : kPhotos) {
    SCOPED_TRACE(photo.model);
    const Model model =
        Load(zoo_ / "models/google-coral+test_data" / (std::string(photo.model) + ".tflite"));
    const Outputs out = RunPicture(model, photo.picture);
    const auto scores = out[0].As<uint8_t>();
    ASSERT_GT(scores.size(), photo.label);
    EXPECT_GE(scores[photo.label] / 256.0f, photo.score);
    const auto above = std::count_if(scores.begin(), scores.end(),
                                     [&](uint8_t s) { return s > scores[photo.label]; });
    EXPECT_LT(above, static_cast<std::ptrdiff_t>(photo.top));
  }
}

TEST_P(Vectors, CoralPoseIsWhereItWasPublished) {
  const Model model =
      Load(zoo_ / "models/google-coral+test_data" / "movenet_single_pose_lightning_ptq.tflite");
  const Outputs out = RunPicture(model, "squat.bmp");
  const auto got = out[0].As<float>();  // y, x, score of each of 17 points
  const auto want =
      ReadNumbers<double>(zoo_ / "vectors/coral/movenet_single_pose_lightning_ptq_reference.csv");
  ASSERT_EQ(got.size(), 17u * 3);
  ASSERT_EQ(want.size(), 17u * 6);  // pose, its score, point, score, x, y
  int sure = 0;
  for (size_t k = 0; k < 17; ++k) {
    if (want[k * 6 + 3] <= 0.4 || got[k * 3 + 2] <= 0.4) continue;
    ++sure;
    EXPECT_NEAR(got[k * 3], want[k * 6 + 5], 0.04) << k;
    EXPECT_NEAR(got[k * 3 + 1], want[k * 6 + 4], 0.04) << k;
  }
  EXPECT_GE(sure, 17 / 2);
}

// Broken, odd and some valid models of other projects' tests.
TEST_P(Vectors, MalformedFilesEndInAnAnswerOrAnError) {
  Options limits;
  limits.memory_limit_bytes = uint64_t{256} << 20;
  const Engine engine(limits);
  int files = 0, refused = 0;
  for (const auto& entry : fs::directory_iterator(zoo_ / "vectors/malformed")) {
    SCOPED_TRACE(entry.path().filename());
    ++files;
    LoadOptions options;
    options.numerics = GetParam();
    const auto start = std::chrono::steady_clock::now();
    const auto model = engine.Load(entry.path(), options);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
    if (!model.ok()) {
      EXPECT_FALSE(model.status().message().empty());
      ++refused;
      continue;
    }
    std::vector<TensorView> inputs;
    std::vector<std::vector<std::byte>> zeros;
    size_t count = 0;
    heddle_status_free(heddle_model_input_count(model->get(), nullptr, &count));
    for (size_t i = 0; i < count; ++i) {
      const heddle_tensor_info info = Input(*model, i);
      size_t bytes = heddle_type_bits(info.type) / 8;
      for (int axis = 0; axis < info.rank; ++axis) {
        bytes *= static_cast<size_t>(std::clamp(info.dims[axis], 1, 1000));
      }
      zeros.emplace_back(bytes);
      TensorView& in = inputs.emplace_back();
      in.name = info.name, in.type = info.type, in.rank = HEDDLE_SHAPE_OF_MODEL;
      in.data = zeros.back().data(), in.bytes = bytes;
    }
    RunOptions run;
    run.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    const auto out = model->Run(inputs, run);
    if (!out.ok()) EXPECT_FALSE(out.status().message().empty());
  }
  EXPECT_EQ(files, 12);
  EXPECT_GE(refused, 6);  // what is no model at all
}

INSTANTIATE_TEST_SUITE_P(, Vectors, ::testing::Values(Numerics::kFast, Numerics::kReference),
                         [](const auto& param) {
                           return param.param == Numerics::kFast ? "fast" : "reference";
                         });

}  // namespace
}  // namespace heddle
