// SPDX-License-Identifier: Apache-2.0
#include "cli/npy.h"

#include <algorithm>
#include <charconv>

#include "base/errors.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;
using core::Unsupported;

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicBytes = 6;
constexpr size_t kMaxItem = 1 << 20;
constexpr size_t kMaxRank = 32;  // numpy's own limit

struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

// The header is a Python dict of three known keys; anything else is refused.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Result<Header> Parse() {
    Header header;
    bool seen[3] = {};
    if (!Eat('{')) return Bad();
    while (!Eat('}')) {
      std::string key;
      if (!QuotedString(key) || !Eat(':')) return Bad();
      bool ok = false;
      if (key == "descr") {
        ok = seen[0] = QuotedString(header.descr);
      } else if (key == "fortran_order") {
        ok = seen[1] = Bool(header.fortran);
      } else if (key == "shape") {
        ok = seen[2] = Tuple(header.shape);
      }
      if (!ok) return Bad();
      if (!Eat(',') && !Peek('}')) return Bad();
    }
    if (!seen[0] || !seen[1] || !seen[2]) return Bad();
    return header;
  }

 private:
  Status Bad() const {
    return InvalidArgument("npy header is not understood at byte {}: '{}'", at_,
                           text_.substr(0, 120));
  }
  void Skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool Peek(char c) {
    Skip();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool Eat(char c) {
    if (!Peek(c)) return false;
    ++at_;
    return true;
  }
  bool QuotedString(std::string& out) {
    const char quote = Peek('"') ? '"' : '\'';
    if (!Eat(quote)) return false;
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) return false;
    out = text_.substr(at_, end - at_);
    at_ = end + 1;
    return true;
  }
  bool Bool(bool& out) {
    Skip();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      out = word == "True";
      return true;
    }
    return false;
  }
  bool Tuple(std::vector<int64_t>& out) {
    if (!Eat('(')) return false;
    while (!Eat(')')) {
      Skip();
      int64_t size = 0;
      const char* begin = text_.data() + at_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0 || out.size() == kMaxRank) return false;
      out.push_back(size);
      at_ += static_cast<size_t>(end - begin);
      if (Peek('L')) ++at_;  // Python 2 wrote long integers so
      if (!Eat(',') && !Peek(')')) return false;
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

bool KnownItem(Kind kind, size_t item) {
  switch (kind) {
    case Kind::kBool:
      return item == 1;
    case Kind::kInt:
    case Kind::kUInt:
      return item == 1 || item == 2 || item == 4 || item == 8;
    case Kind::kFloat:
      return item == 2 || item == 4 || item == 8;
    case Kind::kComplex:
      return item == 8 || item == 16;
    case Kind::kBytes:
      return item <= kMaxItem;
    case Kind::kUnicode:
      return item <= kMaxItem;
  }
  return false;
}

Status SetType(const std::string& descr, Array& array) {
  const Status refused = Unsupported("npy element type '{}' is not read", descr);
  if (descr.size() < 3) return refused;
  size_t count = 0;
  const auto [end, error] = std::from_chars(descr.data() + 2, descr.data() + descr.size(), count);
  if (error != std::errc() || end != descr.data() + descr.size() || count > kMaxItem) {
    return refused;
  }
  array.kind = static_cast<Kind>(descr[1]);
  array.item = array.kind == Kind::kUnicode ? 4 * count : count;
  const bool bytes_only = array.item == 1 || array.kind == Kind::kBytes;
  if (!KnownItem(array.kind, array.item) || (descr[0] != '<' && !(descr[0] == '|' && bytes_only))) {
    return refused;
  }
  return Status();
}

// False when the product passes 2^62.
bool CheckedBytes(const Array& array, size_t* bytes) {
  uint64_t total = array.item;
  for (const int64_t size : array.shape) {
    if (size == 0) {
      *bytes = 0;
      return true;
    }
  }
  for (const int64_t size : array.shape) {
    if (__builtin_mul_overflow(total, static_cast<uint64_t>(size), &total)) return false;
    if (total >> 62) return false;
  }
  *bytes = total;
  return true;
}

void FromFortran(std::span<const std::byte> from, Array& array) {
  const size_t n = array.elements();
  std::vector<int64_t> index(array.shape.size(), 0);
  for (size_t i = 0; i < n; ++i) {  // i counts in Fortran order, the first axis fastest
    size_t to = 0;
    for (size_t d = 0; d < index.size(); ++d) {
      to = to * static_cast<size_t>(array.shape[d]) + static_cast<size_t>(index[d]);
    }
    std::memcpy(array.data.data() + to * array.item, from.data() + i * array.item, array.item);
    for (size_t d = 0; d < index.size() && ++index[d] == array.shape[d]; ++d) index[d] = 0;
  }
}

}  // namespace

std::string Array::TypeText() const {
  return fmt::format("{}{}", static_cast<char>(kind), kind == Kind::kUnicode ? item / 4 : item);
}

std::string Array::ShapeText() const {
  if (shape.empty()) return "scalar";
  return fmt::format("{}", fmt::join(shape, "x"));
}

Result<NpyHead> ParseNpyHead(std::span<const std::byte> bytes) {
  if (bytes.size() < kMagicBytes + 4 || std::memcmp(bytes.data(), kMagic, kMagicBytes) != 0) {
    return InvalidArgument("not an npy file: it does not begin with \\x93NUMPY");
  }
  const auto byte = [&](size_t i) { return static_cast<size_t>(bytes[i]); };
  const size_t version = byte(kMagicBytes);
  if (version < 1 || version > 3) return Unsupported("npy version {} is not 1, 2 or 3", version);
  const size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start) return InvalidArgument("npy file ends in its header");
  size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > bytes.size() - start) return InvalidArgument("npy file ends in its header");

  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + start, length);
  HEDDLE_ASSIGN(Header header, HeaderParser(text).Parse());
  NpyHead head;
  HEDDLE_TRY(SetType(header.descr, head.array));
  head.array.shape = std::move(header.shape);
  head.fortran = header.fortran;
  head.bytes = start + length;
  return head;
}

Status CheckBody(const NpyHead& head, uint64_t file_bytes) {
  size_t wanted = 0;
  const uint64_t body = file_bytes - std::min<uint64_t>(file_bytes, head.bytes);
  if (CheckedBytes(head.array, &wanted) && wanted == body) return Status();
  return InvalidArgument("npy array of shape {} and type {} does not have the {} bytes it holds",
                         head.array.ShapeText(), head.array.TypeText(), body);
}

Result<Array> ParseNpy(std::span<const std::byte> bytes) {
  HEDDLE_ASSIGN(NpyHead head, ParseNpyHead(bytes));
  HEDDLE_TRY(CheckBody(head, bytes.size()));
  Array& array = head.array;
  const auto body = bytes.subspan(head.bytes);
  array.data.resize(body.size());
  if (head.fortran && array.shape.size() > 1) {
    FromFortran(body, array);
  } else if (!body.empty()) {
    std::memcpy(array.data.data(), body.data(), body.size());
  }
  return std::move(array);
}

std::vector<std::byte> FormatNpy(const Array& array) {
  const char order = array.item == 1 || array.kind == Kind::kBytes ? '|' : '<';
  std::string shape;
  for (const int64_t size : array.shape) shape += fmt::format("{}, ", size);
  if (array.shape.size() > 1) shape.resize(shape.size() - 2);
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   order, array.TypeText(), shape);
  header.resize((header.size() + 10 + 64) / 64 * 64 - 10, ' ');
  header.back() = '\n';
  std::string text(kMagic, kMagicBytes);
  text += {1, 0, static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  text += header;
  std::vector<std::byte> out(text.size() + array.data.size());
  std::memcpy(out.data(), text.data(), text.size());
  if (!array.data.empty()) {
    std::memcpy(out.data() + text.size(), array.data.data(), array.data.size());
  }
  return out;
}

}  // namespace heddle::cli
