// SPDX-License-Identifier: Apache-2.0
// Writes one JSON document, indented, keys in the order they are given.
#ifndef HEDDLE_CLI_JSON_H_
#define HEDDLE_CLI_JSON_H_

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heddle::cli {

// Begin and End calls must pair up; inside an object every value follows a Key.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Begin('{'); }
  JsonWriter& EndObject() { return End('}'); }
  JsonWriter& BeginArray() { return Begin('['); }
  JsonWriter& EndArray() { return End(']'); }
  JsonWriter& Key(std::string_view key);

  JsonWriter& Value(std::string_view text);
  JsonWriter& Value(const char* text) { return Value(std::string_view(text)); }
  JsonWriter& Value(double number);  // infinity and NaN, which JSON lacks, become null
  JsonWriter& Value(bool value) { return Raw(value ? "true" : "false"); }
  template <std::integral T>
  JsonWriter& Value(T number) {
    return Raw(std::to_string(number));
  }
  template <class T>
  JsonWriter& Value(const std::vector<T>& values) {
    BeginArray();
    for (const T& value : values) Value(value);
    return EndArray();
  }
  template <class T>
  JsonWriter& Field(std::string_view key, const T& value) {
    return Key(key).Value(value);
  }

  const std::string& text() const { return out_; }

 private:
  struct Level {
    bool array = false, empty = true;
  };
  JsonWriter& Begin(char bracket);
  JsonWriter& End(char bracket);
  JsonWriter& Raw(std::string_view text);
  void Separate();
  void Quote(std::string_view text);
  void NewLine() { out_.append("\n").append(2 * levels_.size(), ' '); }

  std::string out_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_JSON_H_
