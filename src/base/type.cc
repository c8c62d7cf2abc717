// SPDX-License-Identifier: Apache-2.0
#include "base/type.h"

namespace heddle::core {
namespace {

struct TypeRow {
  const char* name;
  uint8_t bits;
};

// Indexed by the format's number.
constexpr TypeRow kTypes[] = {
    {"float32", 32}, {"float16", 16},     {"int32", 32},  {"uint8", 8},      {"int64", 64},
    {"string", 0},   {"bool", 8},         {"int16", 16},  {"complex64", 64}, {"int8", 8},
    {"float64", 64}, {"complex128", 128}, {"uint64", 64}, {"resource", 32},  {"variant", 0},
    {"uint32", 32},  {"uint16", 16},      {"int4", 4},    {"bfloat16", 16},  {"int2", 2},
    {"uint4", 4},
};
constexpr int kTypeCount = sizeof(kTypes) / sizeof(kTypes[0]);

}  // namespace

const char* TypeName(Type type) {
  const int i = static_cast<int>(type);
  return i >= 0 && i < kTypeCount ? kTypes[i].name : "none";
}

size_t TypeBits(Type type) {
  const int i = static_cast<int>(type);
  return i >= 0 && i < kTypeCount ? kTypes[i].bits : 0;
}

bool Shape::CheckedElements(int64_t* elements) const {
  int64_t n = 1;
  bool zero = false;
  for (int i = 0; i < rank_; ++i) {
    if (dims_[i] < 0) return false;
    zero |= dims_[i] == 0;
  }
  for (int i = 0; i < rank_ && !zero; ++i) {
    if (__builtin_mul_overflow(n, static_cast<int64_t>(dims_[i]), &n) || n > (int64_t{1} << 58))
      return false;
  }
  *elements = zero ? 0 : n;
  return true;
}

std::string Shape::ToString() const {
  if (rank_ == 0) return "scalar";
  std::string text;
  for (int i = 0; i < rank_; ++i) {
    if (i > 0) text += 'x';
    text += std::to_string(dims_[i]);
  }
  return text;
}

}  // namespace heddle::core
