// SPDX-License-Identifier: Apache-2.0
// What people read: aligned tables, bars, numbers with units.
#ifndef HEDDLE_CLI_TEXT_H_
#define HEDDLE_CLI_TEXT_H_

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/type.h"
#include "cli/array.h"

namespace heddle::cli {

// Names in a model file are anyone's: control characters are shown as \x1b, so that a terminal
// obeys nothing that a file says.
std::string Printable(std::string_view text);
// The same, cut to `width` characters with an ellipsis in the middle.
std::string Shortened(std::string_view text, size_t width);

std::string BytesText(uint64_t bytes);                   // "14.0 MB"
std::string CountText(uint64_t count);                   // "300.8 M"
std::string QuantText(float scale, int64_t zero_point);  // "scale 0.0078 zero 128"
// `share` of `width` cells, in eighths: "███▌".
std::string Bar(double share, int width);

// Rows of cells, every column as wide as its widest cell.
class Table {
 public:
  // One letter a column: 'l' or 'r'.
  explicit Table(std::string alignment) : alignment_(std::move(alignment)) {}
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Each line begins with `indent`; nothing trails it.
  std::string Text(std::string_view indent = "") const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

// The numbers of an array; of strings none.
struct Range {
  double low = INFINITY, high = -INFINITY;  // of the finite ones
  size_t not_finite = 0, not_zero = 0;
  bool empty() const { return low > high; }
};
Range RangeOf(const Array& array, core::Type type);
// "min .. max" of the finite elements and how many are not; "true 3 of 12" of booleans.
std::string RangeText(const Array& array, core::Type type);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_TEXT_H_
