// SPDX-License-Identifier: Apache-2.0
// Digits, drawn in the terminal and read by several threads through one model object.
//   digits MODEL.tflite SAMPLES.txt [THREADS]
// SAMPLES: a line per image, the label and 64 digits for pixels from 0 to g (16). Needs the float32
// model.
#include <heddle/engine.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr size_t kSide = 8, kPixels = kSide * kSide, kClasses = 10, kShown = 4;

struct Sample {
  int label = 0;
  std::vector<float> pixels;
};

// What one thread found: the scores of every sample, or why there are none.
struct Answers {
  heddle::Status status;
  std::vector<float> scores;
};

std::vector<Sample> ReadSamples(const char* path) {
  constexpr std::string_view kScale = "0123456789abcdefg";
  std::vector<Sample> samples;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.size() != kPixels + 2 || line[0] < '0' || line[0] > '9') return {};
    Sample sample{line[0] - '0', {}};
    for (const char c : line.substr(2)) sample.pixels.push_back(static_cast<float>(kScale.find(c)));
    samples.push_back(std::move(sample));
  }
  return samples;
}

void Classify(const heddle::Model& model, const std::vector<Sample>& samples, Answers& answers) {
  for (const Sample& sample : samples) {
    auto out = model.Run({{"image", sample.pixels}});
    if (!out.ok()) {
      answers.status = out.status();
      return;
    }
    const auto scores = (*out)[0].As<float>();
    answers.scores.insert(answers.scores.end(), scores.begin(), scores.end());
  }
}

size_t Guess(const Answers& answers, size_t sample) {
  const auto first = answers.scores.begin() + static_cast<ptrdiff_t>(sample * kClasses);
  return static_cast<size_t>(std::max_element(first, first + kClasses) - first);
}

// A row of images side by side, two characters a pixel, and what the model says of each.
void Draw(const std::vector<Sample>& samples, const Answers& answers, size_t first) {
  constexpr const char* kShades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
  for (size_t y = 0; y < kSide; ++y) {
    for (size_t i = first; i < first + kShown; ++i) {
      for (size_t x = 0; x < kSide; ++x)
        std::fputs(kShades[static_cast<size_t>(samples[i].pixels[y * kSide + x]) / 4], stdout);
      std::fputs("   ", stdout);
    }
    std::putchar('\n');
  }
  for (size_t i = first; i < first + kShown; ++i) {
    const size_t guess = Guess(answers, i);
    std::printf("  a %zu (%5.1f %%)     ", guess, 100.0 * answers.scores[i * kClasses + guess]);
  }
  std::fputs("\n\n", stdout);
}

int Fail(const char* what, std::string_view why) {
  std::fprintf(stderr, "digits: %s: %.*s\n", what, static_cast<int>(why.size()), why.data());
  return 1;
}

int Report(const std::vector<Sample>& samples, const std::vector<Answers>& answers,
           double seconds) {
  for (const Answers& a : answers)
    if (!a.status.ok()) return Fail("a call failed", a.status.message());
  Draw(samples, answers[0], 0);
  Draw(samples, answers[0], kShown);
  size_t right = 0;
  for (size_t i = 0; i < samples.size(); ++i)
    right += Guess(answers[0], i) == static_cast<size_t>(samples[i].label);
  const bool agree = std::all_of(answers.begin(), answers.end(),
                                 [&](const Answers& a) { return a.scores == answers[0].scores; });
  const auto n = static_cast<double>(samples.size());
  std::printf("%zu digits, %zu read rightly (%.1f %%), %.0f digits a second\n", samples.size(),
              right, 100.0 * static_cast<double>(right) / n,
              n * static_cast<double>(answers.size()) / seconds);
  std::printf("%zu thread%s, one model: %s\n", answers.size(), answers.size() == 1 ? "" : "s",
              agree ? "all agree, bit for bit" : "THEY DISAGREE");
  return agree ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  size_t threads = 4;
  const bool usable = argc == 3 || argc == 4;
  if (argc == 4) std::from_chars(argv[3], argv[3] + std::string_view(argv[3]).size(), threads);
  if (!usable || threads < 1 || threads > 256) {
    std::fprintf(stderr, "usage: digits MODEL.tflite SAMPLES.txt [THREADS, 1 to 256]\n");
    return 2;
  }
  const std::vector<Sample> samples = ReadSamples(argv[2]);
  if (samples.size() < 2 * kShown) return Fail(argv[2], "not a list of at least 8 digits");

  heddle::Engine engine;
  const auto model = engine.Load(argv[1]);
  if (!model.ok()) return Fail(argv[1], model.status().message());

  std::vector<Answers> answers(threads);
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> crew;
    for (Answers& own : answers)
      crew.emplace_back([&model, &samples, &own] { Classify(*model, samples, own); });
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return Report(samples, answers, took.count());
}
