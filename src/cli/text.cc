// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/numbers.h"

namespace heddle::cli {
namespace {

// Characters, as UTF-8 counts them; wide ones are taken as one.
size_t Width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string WithUnit(double value, double step, const char* const* units, size_t count,
                     uint64_t exact) {
  size_t unit = 0;
  while (value >= step && unit + 1 < count) {
    value /= step;
    ++unit;
  }
  return unit == 0 ? fmt::format("{}{}", exact, units[0])
                   : fmt::format("{:.1f}{}", value, units[unit]);
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string Shortened(std::string_view text, size_t width) {
  std::string all = Printable(text);
  if (Width(all) <= width) return all;
  const auto at = [&](size_t character) {  // its first byte
    size_t i = 0;
    for (size_t seen = 0; i < all.size(); ++i) {
      if ((all[i] & 0xC0) != 0x80 && seen++ == character) break;
    }
    return i;
  };
  const size_t head = width / 2, tail = width - 1 - head;
  return all.substr(0, at(head)) + "…" + all.substr(at(Width(all) - tail));
}

std::string BytesText(uint64_t bytes) {
  static constexpr const char* kUnits[] = {" B", " kB", " MB", " GB", " TB"};
  return WithUnit(static_cast<double>(bytes), 1000, kUnits, 5, bytes);
}

std::string CountText(uint64_t count) {
  static constexpr const char* kUnits[] = {"", " k", " M", " G", " T"};
  return WithUnit(static_cast<double>(count), 1000, kUnits, 5, count);
}

std::string QuantText(float scale, int64_t zero_point) {
  return fmt::format("scale {:.6g} zero {}", scale, zero_point);
}

std::string Bar(double share, int width) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double clamped = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
  const int eighths = static_cast<int>(std::lround(clamped * width * 8));
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  return bar + kEighths[eighths % 8];
}

std::string Table::Text(std::string_view indent) const {
  std::vector<size_t> widths(alignment_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], Width(row[c]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line(indent);
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string pad(widths[c] - Width(row[c]), ' ');
      if (c > 0) line += "  ";
      line += alignment_[c] == 'r' ? pad + row[c] : row[c] + pad;
    }
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

Range RangeOf(const Array& array, core::Type type) {
  Range range;
  if (array.kind == Kind::kBytes || array.kind == Kind::kUnicode) return range;
  const bool bfloat16 = type == core::Type::kBFloat16;
  const size_t n = array.elements() * PartsOf(array);
  for (size_t i = 0; i < n; ++i) {
    const double v = NumberAt(array, i, bfloat16);
    range.not_zero += v != 0;
    if (!std::isfinite(v)) {
      ++range.not_finite;
      continue;
    }
    range.low = std::min(range.low, v);
    range.high = std::max(range.high, v);
  }
  return range;
}

std::string RangeText(const Array& array, core::Type type) {
  const Range range = RangeOf(array, type);
  if (array.kind == Kind::kBool)
    return fmt::format("true {} of {}", range.not_zero, array.elements());
  std::string text = range.empty() ? "" : fmt::format("{:.6g} .. {:.6g}", range.low, range.high);
  if (range.not_finite > 0)
    text += fmt::format("{}{} not finite", text.empty() ? "" : ", ", range.not_finite);
  return text;
}

}  // namespace heddle::cli
