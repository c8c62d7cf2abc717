// SPDX-License-Identifier: Apache-2.0
// The largest scores of an output, with their labels.
#ifndef HEDDLE_CLI_TOP_H_
#define HEDDLE_CLI_TOP_H_

#include <string>
#include <vector>

#include "cli/ports.h"

namespace heddle::cli {

struct Score {
  size_t index = 0;
  double value = 0;  // dequantised where the output is quantised
};

// Whether an output is one list of scores: numbers, all sizes but the last one 1.
bool IsScoreList(const Array& output);
// The k largest, the largest first; of equal ones the earlier first. NaN is no score.
std::vector<Score> TopScores(const Array& output, const Port& port, size_t k);

// A label a line.
std::vector<std::string> SplitLabels(const std::string& text);
// The labels in a model's own files; empty: it brings none.
std::vector<std::string> LabelsOf(const core::Model& model);

// A line a score, with a bar: a share of 1 where all are probabilities, else of the largest.
std::string ScoresText(const std::vector<Score>& scores, const std::vector<std::string>& labels);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_TOP_H_
