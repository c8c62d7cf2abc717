// SPDX-License-Identifier: Apache-2.0
#include "cli/top.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/numbers.h"
#include "cli/text.h"

namespace heddle::cli {
namespace {

constexpr int kBarWidth = 24;
constexpr size_t kLabelWidth = 60;

}  // namespace

bool IsScoreList(const Array& output) {
  const bool number =
      output.kind == Kind::kFloat || output.kind == Kind::kInt || output.kind == Kind::kUInt;
  return number && !output.shape.empty() && output.shape.back() > 1 &&
         output.elements() == static_cast<size_t>(output.shape.back());
}

std::vector<Score> TopScores(const Array& output, const Port& port, size_t k) {
  const bool quantised = port.quant.quantised() && !port.quant.per_channel();
  std::vector<Score> scores;
  for (size_t i = 0; i < output.elements(); ++i) {
    double value = NumberAt(output, i, port.type == core::Type::kBFloat16);
    if (quantised) value = (value - port.quant.ZeroPoint()) * port.quant.Scale();
    if (!std::isnan(value)) scores.push_back({i, value});
  }
  k = std::min(k, scores.size());
  const auto better = [](const Score& a, const Score& b) {
    return a.value != b.value ? a.value > b.value : a.index < b.index;
  };
  const auto end = scores.begin() + static_cast<std::ptrdiff_t>(k);
  std::partial_sort(scores.begin(), end, scores.end(), better);
  scores.resize(k);
  return scores;
}

std::vector<std::string> SplitLabels(const std::string& text) {
  std::vector<std::string> labels;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string label = text.substr(at, end - at);
    if (label.ends_with('\r')) label.pop_back();
    labels.push_back(std::move(label));
    at = end + 1;
  }
  return labels;
}

std::vector<std::string> LabelsOf(const core::Model& model) {
  const core::AssociatedFile* best = nullptr;
  for (const core::AssociatedFile& file : model.files()) {
    if (!file.name.ends_with(".txt")) continue;
    const bool named = file.name.find("label") != std::string::npos;
    if (best == nullptr || named) best = &file;
    if (named) break;
  }
  return best != nullptr ? SplitLabels(best->content) : std::vector<std::string>();
}

std::string ScoresText(const std::vector<Score>& scores, const std::vector<std::string>& labels) {
  const bool shares = std::all_of(scores.begin(), scores.end(),
                                  [](const Score& s) { return s.value >= 0 && s.value <= 1; });
  const double full = shares || scores.empty() ? 1 : std::fabs(scores.front().value);
  Table table("rlrl");
  for (const Score& score : scores) {
    std::string bar = Bar(score.value / full, kBarWidth);
    const std::string label = score.index < labels.size() ? labels[score.index] : "";
    table.Add({fmt::format("{:.4f}", score.value), std::move(bar), fmt::format("{}", score.index),
               Shortened(label, kLabelWidth)});
  }
  return table.Text("  ");
}

}  // namespace heddle::cli
