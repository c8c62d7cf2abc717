// SPDX-License-Identifier: Apache-2.0
#include "plan/place_copies.h"

#include <algorithm>

#include "kernels/movement/strided_copy.h"

namespace heddle::core {
namespace {

constexpr size_t kSmallBytes = 64 << 10;  // stays in the second cache, whoever keeps it alive
constexpr size_t kLeastShare = 4;

bool HasDuplicates(std::vector<int> values) {
  std::sort(values.begin(), values.end());
  return std::adjacent_find(values.begin(), values.end()) != values.end();
}

}  // namespace

std::vector<PartOfWhole> OutputsInInputs(const Node& node, const Step& step) {
  std::vector<PartOfWhole> parts;
  std::vector<int> outputs;
  for (const CopyRun& run : CopyRunsOf(step)) {
    outputs.push_back(run.output);
    parts.push_back({node.outputs[static_cast<size_t>(run.output)],
                     node.inputs[static_cast<size_t>(run.input)], run.in});
  }
  if (parts.size() != node.outputs.size() || HasDuplicates(std::move(outputs))) parts.clear();
  return parts;
}

std::vector<PartOfWhole> InputsInOutput(const Node& node, const Step& step,
                                        const std::vector<PlanValue>& values) {
  std::vector<PartOfWhole> parts;
  std::vector<int> inputs;
  for (const CopyRun& run : CopyRunsOf(step)) {
    const int v = node.inputs[static_cast<size_t>(run.input)];
    const bool whole = run.in == 0 && static_cast<size_t>(run.bytes) == values[v].bytes;
    if (!whole || node.outputs.size() != 1) return {};
    inputs.push_back(v);
    parts.push_back({v, node.outputs[0], run.out});
  }
  if (HasDuplicates(std::move(inputs))) parts.clear();
  return parts;
}

bool WorthAView(size_t view_bytes, size_t whole_bytes) {
  return whole_bytes <= kSmallBytes || view_bytes >= whole_bytes / kLeastShare;
}

Location Behind(Location location, int64_t bytes) {
  switch (location.place) {
    case Place::kAbsent:
      break;
    case Place::kConstant:
      location.constant += bytes;
      break;
    case Place::kArena:
      location.index += bytes;
      break;
    case Place::kInput:
    case Place::kOutput:
    case Place::kState:
    case Place::kEarlier:
      location.offset += bytes;
      break;
  }
  return location;
}

}  // namespace heddle::core
