// SPDX-License-Identifier: Apache-2.0
// Which subgraph calls which.
#include <algorithm>

#include "model/reader.h"
#include "model/source.h"

namespace heddle::core {
namespace {

// A call runs inside its caller's: this bounds the stack of a running thread.
constexpr int kMaxNesting = 32;

// Both of these, or as many branches as the operator says.
int CalledAtLeast(OpCode code) {
  switch (code) {
    case OpCode::kIF:
    case OpCode::kWHILE:
    case OpCode::kSTABLEHLO_WHILE:
      return 2;
    case OpCode::kSTABLEHLO_CASE:
    case OpCode::kSTABLEHLO_CUSTOM_CALL:
      return 0;
    default:
      return 1;
  }
}

using Graph = std::vector<std::vector<int32_t>>;

Status CollectCalls(const std::vector<Subgraph>& subgraphs, Graph& calls) {
  for (size_t s = 0; s < subgraphs.size(); ++s) {
    for (size_t i = 0; i < subgraphs[s].operators.size(); ++i) {
      const Operator& op = subgraphs[s].operators[i];
      for (int32_t called : CalledSubgraphs(op)) {
        if (called < 0 || static_cast<size_t>(called) >= subgraphs.size())
          return InvalidModel("subgraph {}, op {} {}: calls subgraph {}, expected 0 to {}", s, i,
                              Short(op.Name()), called, int64_t(subgraphs.size()) - 1);
        calls[s].push_back(called);
      }
    }
  }
  return Status();
}

}  // namespace

std::vector<int32_t> CalledSubgraphs(const Operator& op) {
  if (const auto* options = std::get_if<SubgraphOptions>(&op.options)) {
    std::vector<int32_t> called = options->branches;
    const int least = CalledAtLeast(op.code);
    if (least >= 1) called.push_back(options->first);
    if (least >= 2) called.push_back(options->second);
    return called;
  }
  return std::visit(
      [](const auto& options) -> std::vector<int32_t> {
        if constexpr (requires { options.body; }) return {options.body};
        return {};
      },
      op.options);
}

Status CheckCalls(const std::vector<Subgraph>& subgraphs) {
  Graph calls(subgraphs.size());
  HEDDLE_TRY(CollectCalls(subgraphs, calls));

  // Callers before what they call; a subgraph that never has all its callers done is on a cycle, or
  // is called from one.
  std::vector<int64_t> callers(calls.size());
  for (const auto& called : calls)
    for (int32_t to : called) ++callers[to];
  std::vector<int32_t> ready;
  for (size_t s = 0; s < calls.size(); ++s)
    if (callers[s] == 0) ready.push_back(static_cast<int32_t>(s));
  std::vector<int> depth(calls.size());
  for (size_t done = 0; done < ready.size(); ++done) {
    const int32_t from = ready[done];
    for (int32_t to : calls[from]) {
      depth[to] = std::max(depth[to], depth[from] + 1);
      if (depth[to] > kMaxNesting)
        return Unsupported("subgraph {}: called {} levels deep, expected at most {}", to, depth[to],
                           kMaxNesting);
      if (--callers[to] == 0) ready.push_back(to);
    }
  }
  for (size_t s = 0; s < calls.size(); ++s)
    if (callers[s] != 0)
      return InvalidModel("subgraph {}: calls itself or is called by one that does", s);
  return Status();
}

}  // namespace heddle::core
