// SPDX-License-Identifier: Apache-2.0
// Reads the first digit of a list:  stranger MODEL SAMPLES
#include <heddle/engine.h>
#include <heddle/version.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

static heddle::Result<int> Guess(const char* path, const std::vector<float>& image) {
  heddle::Engine engine;
  HEDDLE_ASSIGN(auto model, engine.Load(path));
  HEDDLE_ASSIGN(auto out, model.Run({{"image", image}}));
  const auto scores = out[0].As<float>();
  return static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::string line;
  std::getline(std::ifstream(argv[2]), line);
  std::vector<float> image;
  for (const char c : line.substr(2))
    image.push_back(static_cast<float>(std::string_view("0123456789abcdefg").find(c)));
  const auto guess = Guess(argv[1], image);
  if (!guess.ok()) {
    std::fprintf(stderr, "stranger: %s\n", guess.status().c_str());
    return 1;
  }
  std::printf("heddle %s: expected %c, read %d\n", HEDDLE_VERSION_STRING, line[0], *guess);
  return *guess == line[0] - '0' ? 0 : 1;
}
