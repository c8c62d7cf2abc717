// SPDX-License-Identifier: Apache-2.0
#include "support/custom_options.h"

#include <flatbuffers/flexbuffers.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "support/recipe_word.h"

namespace heddle::core {
namespace {

class OptionsMaker {
 public:
  OptionsMaker(const std::function<int32_t(std::string_view)>& sum_of, bool slips, Choices& choices)
      : sum_of_(sum_of), slips_(slips), c_(choices) {}

  std::vector<uint8_t> Make(std::string_view words) {
    std::vector<uint8_t> bytes;
    if (words.starts_with('=')) {
      bytes = Integers(Word(words));
    } else if (!words.empty()) {
      bytes = Map(words);
    }
    if (!bytes.empty() && Slips()) bytes[c_.Random() % bytes.size()] = Byte();
    if (!bytes.empty() && Slips()) bytes.resize(c_.Random() % bytes.size());
    return bytes;
  }

 private:
  bool Slips() { return slips_ && c_.OneIn(40); }
  uint8_t Byte() { return static_cast<uint8_t>(c_.Random()); }

  std::vector<uint8_t> Integers(const Word& word) {
    std::vector<uint8_t> bytes;
    for (std::string_view value : word.values) {
      const auto integer = static_cast<int32_t>(Integer(value));
      const auto* begin = reinterpret_cast<const uint8_t*>(&integer);
      bytes.insert(bytes.end(), begin, begin + sizeof(integer));
    }
    return bytes;
  }

  std::vector<uint8_t> Map(std::string_view words) {
    flexbuffers::Builder b;
    b.Map([&] {
      for (std::string_view word : Split(words, ' ')) {
        const size_t colon = word.find(':');
        const std::string name(word.substr(0, colon));
        if (!Slips()) Add(b, name.c_str(), Word(word.substr(colon + 1)));
      }
    });
    b.Finish();
    return b.GetBuffer();
  }

  void Add(flexbuffers::Builder& b, const char* name, const Word& word) {
    static constexpr char kKinds[] = {'i', 'f', 'b', 't'};
    switch (Slips() ? c_.Of(kKinds) : word.letter) {
      case 'i':
        return b.Int(name, Integer(word.values.empty() ? "?" : word.values[0]));
      case 'f':
        return b.Float(name, Float());
      case 'b':
        return b.Bool(name, c_.OneIn(2));
      case 'v':
        b.TypedVector(name, [&] {
          for (std::string_view value : word.values) b.Int(Integer(value));
        });
        return;
      default:
        b.String(name, "text");
    }
  }

  int64_t Integer(std::string_view sum) {
    static constexpr int64_t kWild[] = {-1, 0, 1 << 20, INT32_MAX, INT32_MIN, INT64_MAX};
    return Slips() ? c_.Of(kWild) : sum_of_(sum);
  }
  float Float() {
    static constexpr float kSound[] = {0.5f, 0.1f, 0.3f, 0.9f, 1.0f};
    static constexpr float kWild[] = {0,
                                      -1,
                                      1e30f,
                                      1e-40f,
                                      std::numeric_limits<float>::infinity(),
                                      std::numeric_limits<float>::quiet_NaN()};
    return Slips() ? c_.Of(kWild) : c_.Of(kSound);
  }

  const std::function<int32_t(std::string_view)>& sum_of_;
  bool slips_;
  Choices& c_;
};

}  // namespace

std::vector<std::byte> CustomOptions(std::string_view words,
                                     const std::function<int32_t(std::string_view)>& sum_of,
                                     bool slips, Choices& choices) {
  const std::vector<uint8_t> bytes = OptionsMaker(sum_of, slips, choices).Make(words);
  std::vector<std::byte> options(bytes.size());
  if (!bytes.empty()) std::memcpy(options.data(), bytes.data(), bytes.size());
  return options;
}

}  // namespace heddle::core
