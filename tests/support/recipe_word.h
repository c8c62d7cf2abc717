// SPDX-License-Identifier: Apache-2.0
// The words that recipes of random nodes are written in (node_recipes.inc, custom_recipes.inc).
#ifndef HEDDLE_TESTS_SUPPORT_RECIPE_WORD_H_
#define HEDDLE_TESTS_SUPPORT_RECIPE_WORD_H_

#include <string_view>
#include <vector>

namespace heddle::core {

inline std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t at = text.find(separator);
    if (at != 0) parts.push_back(text.substr(0, at));
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  }
  return parts;
}

// "T[b,c]k(1,2)" taken apart.
struct Word {
  char letter = '-';
  std::vector<std::string_view> sizes, values;
  std::string_view flags;

  explicit Word(std::string_view text) : letter(text[0]) {
    text.remove_prefix(1);
    sizes = Take(text, '[', ']');
    const size_t open = text.find('(');
    flags = text.substr(0, open);
    if (open != std::string_view::npos) text.remove_prefix(open);
    values = Take(text, '(', ')');
  }
  bool Is(char flag) const { return flags.find(flag) != std::string_view::npos; }

 private:
  static std::vector<std::string_view> Take(std::string_view& text, char open, char close) {
    if (text.empty() || text[0] != open) return {};
    const size_t end = text.find(close);
    auto parts = Split(text.substr(1, end - 1), ',');
    text.remove_prefix(end + 1);
    return parts;
  }
};

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_RECIPE_WORD_H_
