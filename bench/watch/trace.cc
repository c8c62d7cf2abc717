// SPDX-License-Identifier: Apache-2.0
#include "trace.h"

#include <fmt/format.h>

#include <algorithm>

namespace heddle::bench {
namespace {

constexpr int kMostRows = 8;  // of bars

char Digit(int64_t n) { return n == 0 ? '.' : n > 9 ? '+' : static_cast<char>('0' + n); }

// Full, at least a quarter, or nothing of the row.
char Bar(double filled) { return filled >= 0.75 ? '#' : filled >= 0.25 ? '-' : ' '; }

template <class Draw>
std::string Row(const std::string& name, const std::vector<Sample>& samples, Draw&& draw) {
  std::string row = fmt::format("{:<10} |", name);
  for (const Sample& sample : samples) row += draw(sample);
  return row + "|\n";
}

}  // namespace

std::string Picture(const std::vector<Sample>& samples, int most) {
  int64_t most_calls = 1;
  for (const Sample& sample : samples) most_calls = std::max(most_calls, sample.calls);
  std::string text = Row("others", samples, [](const Sample& s) { return s.loaded ? '#' : ' '; });
  const int rows = std::clamp(most, 1, kMostRows);
  for (int row = rows; row > 0; --row) {
    const double step = static_cast<double>(most) / rows;
    text += Row(fmt::format("helpers {}", static_cast<int>(row * step + 0.5)), samples,
                [&](const Sample& s) { return Bar(s.helpers / step - (row - 1)); });
  }
  text += Row("calls", samples,
              [&](const Sample& s) { return Digit((9 * s.calls + most_calls / 2) / most_calls); });
  return text + Row("moves", samples, [](const Sample& s) { return Digit(s.moves); });
}

}  // namespace heddle::bench
