// SPDX-License-Identifier: Apache-2.0
#include "cli/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "cli/numbers.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Unit { kQuanta, kRelative, kUlps, kText };

Unit UnitOf(const Array& a, bool bfloat16, const Tolerance& tolerance) {
  if (a.kind == Kind::kBytes || a.kind == Kind::kUnicode) return Unit::kText;
  if (bfloat16) return tolerance.bf16_ulps ? Unit::kUlps : Unit::kRelative;
  return a.kind == Kind::kFloat || a.kind == Kind::kComplex ? Unit::kRelative : Unit::kQuanta;
}

double Quanta(const Array& a, size_t i, const Array& b, size_t j) {
  const uint64_t x = IntegerAt(a, i), y = IntegerAt(b, j);
  const bool x_less =
      a.kind == Kind::kInt ? static_cast<int64_t>(x) < static_cast<int64_t>(y) : x < y;
  return static_cast<double>(x_less ? y - x : x - y);
}

bool TextEqual(const Array& a, size_t i, const Array& b, size_t j) {
  const auto text = [](const Array& array, size_t k) {
    std::string_view s(reinterpret_cast<const char*>(array.data.data()) + k * array.item,
                       array.item);
    return s.substr(0, s.find_last_not_of('\0') + 1);
  };
  return text(a, i) == text(b, j);
}

// Distance of non-finite numbers: none when they agree in class and sign.
double ClassDistance(double x, double y) {
  if (std::isnan(x) && std::isnan(y)) return 0;
  return x == y ? 0 : kInfinity;
}

// A bfloat16 as a number that counts units in the last place, the same for +0 and -0.
int Ordinal(uint16_t bits) {
  const int magnitude = bits & 0x7FFF;
  return bits >> 15 ? -magnitude : magnitude;
}

double ScaleOf(const Array& golden) {
  double low = kInfinity, high = -kInfinity;
  for (size_t i = 0; i < golden.elements() * PartsOf(golden); ++i) {
    const double v = FloatAt(golden, i);
    if (!std::isfinite(v)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  return low > high ? 0 : std::max({high - low, std::fabs(low), std::fabs(high)});
}

// Part i of the output against part j of the golden, in the unit of the tolerance.
double Distance(Unit unit, const Array& output, size_t i, const Array& golden, size_t j,
                double scale) {
  if (unit == Unit::kText) return TextEqual(output, i, golden, j) ? 0 : kInfinity;
  if (unit == Unit::kQuanta) return Quanta(output, i, golden, j);
  const double x = FloatAt(output, i), y = FloatAt(golden, j);
  if (!std::isfinite(x) || !std::isfinite(y)) return ClassDistance(x, y);
  if (unit == Unit::kUlps) {
    return std::abs(Ordinal(output.At<uint16_t>(i)) - Ordinal(golden.At<uint16_t>(j)));
  }
  return x == y ? 0 : std::fabs(x - y) / scale;
}

std::string WrongForm(const Array& output, const Golden& golden) {
  const Array& g = *golden.values;
  const bool text = output.kind == Kind::kBytes && g.kind == Kind::kBytes;
  if (output.kind != g.kind || (output.item != g.item && !text)) {
    return fmt::format("type {}, expected {}", output.TypeText(), g.TypeText());
  }
  if (golden.stride == 1 && output.shape != g.shape) {
    return fmt::format("shape {}, expected {}", output.ShapeText(), g.ShapeText());
  }
  const size_t expected = (output.elements() + golden.stride - 1) / golden.stride;
  if (g.elements() != expected) {
    return fmt::format("{} elements, every {}-th of which cannot be {}", output.elements(),
                       golden.stride, g.elements());
  }
  return "";
}

}  // namespace

Result<std::vector<Tolerance>> ParseTolerances(std::string_view text) {
  std::vector<Tolerance> tolerances;
  for (bool more = true; more;) {
    const size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    std::string_view field = text.substr(0, comma);
    text.remove_prefix(more ? comma + 1 : text.size());
    Tolerance t;
    if (field.starts_with("bf16:")) {
      t.bf16_ulps = true;
      field.remove_prefix(5);
    }
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), t.value);
    if (error != std::errc() || end != field.data() + field.size() || !(t.value >= 0)) {
      return InvalidArgument("tolerance '{}' is not a number or bf16:number", field);
    }
    tolerances.push_back(t);
  }
  return tolerances;
}

Result<Difference> Compare(const Array& output, bool bfloat16, std::span<const Golden> goldens,
                           const Tolerance& tolerance) {
  const Unit unit = UnitOf(output, bfloat16, tolerance);
  std::vector<double> scales;
  for (const Golden& golden : goldens) {
    if (golden.stride != goldens[0].stride) {
      return InvalidArgument("goldens of one output have strides {} and {}", goldens[0].stride,
                             golden.stride);
    }
    std::string wrong = WrongForm(output, golden);
    if (!wrong.empty()) return Difference{kInfinity, 0, std::move(wrong)};
    scales.push_back(unit == Unit::kRelative ? ScaleOf(*golden.values) : 0);
  }
  Difference difference;
  const size_t parts = goldens[0].values->elements() * PartsOf(output);
  size_t equal = 0, worst = 0;
  for (size_t j = 0; j < parts; ++j) {
    // Strided parts of complex numbers stay together.
    const size_t n = PartsOf(output), i = j / n * goldens[0].stride * n + j % n;
    double nearest = kInfinity;
    for (size_t g = 0; g < goldens.size(); ++g) {
      const double d = Distance(unit, output, i, *goldens[g].values, j, scales[g]);
      nearest = std::min(nearest, d);
    }
    equal += nearest == 0;
    if (nearest <= difference.largest) continue;
    difference.largest = nearest;
    worst = i;
  }
  if (parts > 0) difference.equal_share = static_cast<double>(equal) / static_cast<double>(parts);
  if (difference.largest > tolerance.value) {
    difference.why = fmt::format(
        "differs by {:.3g} at element {}, tolerance {:.3g}, {:.2f} % equal", difference.largest,
        worst / PartsOf(output), tolerance.value, 100 * difference.equal_share);
  }
  return difference;
}

}  // namespace heddle::cli
