// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"

#include <fmt/format.h>

#include <cmath>

namespace heddle::cli {
namespace {

// Length of the UTF-8 sequence at the front of `text`; 0: it is none. Names come from model files.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (length < 3) return length;
  const uint8_t second = byte(1);
  const bool bad = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                   (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return bad ? 0 : length;
}

}  // namespace

void JsonWriter::Separate() {
  if (after_key_ || levels_.empty()) {
    after_key_ = false;
    return;
  }
  Level& level = levels_.back();
  if (!level.empty) out_ += level.array ? ", " : ",";
  if (!level.array) NewLine();
  level.empty = false;
}

void JsonWriter::Quote(std::string_view text) {
  out_ += '"';
  while (!text.empty()) {
    const char c = text.front();
    size_t length = Utf8Length(text);
    if (length == 0) {
      out_ += "\xEF\xBF\xBD";  // U+FFFD
      length = 1;
    } else if (c == '"' || c == '\\') {
      out_ += {'\\', c};
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
      out_ += fmt::format("\\u{:04x}", c);
    } else {
      out_ += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out_ += '"';
}

JsonWriter& JsonWriter::Begin(char bracket) {
  const bool own_line = !levels_.empty() && levels_.back().array && bracket == '{';
  Separate();
  if (own_line) NewLine();
  out_ += bracket;
  levels_.push_back({bracket == '[', true});
  return *this;
}

JsonWriter& JsonWriter::End(char bracket) {
  const Level level = levels_.back();
  levels_.pop_back();
  if (bracket == '}' && !level.empty) NewLine();
  out_ += bracket;
  if (levels_.empty()) out_ += '\n';
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  Separate();
  Quote(key);
  out_ += ": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::Value(std::string_view text) {
  Separate();
  Quote(text);
  return *this;
}

JsonWriter& JsonWriter::Value(double number) {
  return Raw(std::isfinite(number) ? fmt::format("{}", number) : "null");
}

JsonWriter& JsonWriter::Raw(std::string_view text) {
  Separate();
  out_ += text;
  return *this;
}

}  // namespace heddle::cli
