// SPDX-License-Identifier: Apache-2.0
#include "cli/profile.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/type.h"
#include "cli/text.h"

namespace heddle::cli {
namespace {

constexpr int kBarWidth = 20;

double Us(const StepTime& step) { return static_cast<double>(step.ns) * 1e-3; }

}  // namespace

std::string ProfileText(const std::vector<StepTime>& steps) {
  double sum = 0, most = 0;
  for (const StepTime& step : steps) {
    sum += std::max(Us(step), 0.0);
    most = std::max(most, Us(step));
  }
  Table table("rllrrrll");
  table.Add({"op", "step", "to", "us", "share", "GMAC/s", "", "kernel"});
  for (const StepTime& step : steps) {
    const double us = Us(step), rate = us > 0 ? static_cast<double>(step.macs) / us * 1e-3 : 0;
    table.Add({fmt::format("{}", step.op), Printable(step.name), core::Shape(step.shape).ToString(),
               us < 0 ? "-" : fmt::format("{:.1f}", us),
               us < 0 ? "-" : fmt::format("{:.1f} %", 100 * us / sum),
               rate > 0 ? fmt::format("{:.1f}", rate) : "", Bar(us / most, kBarWidth),
               step.kernel});
  }
  return fmt::format("\n{}\nsteps together: {:.3f} ms\n", table.Text(), sum * 1e-3);
}

}  // namespace heddle::cli
