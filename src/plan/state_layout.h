// SPDX-License-Identifier: Apache-2.0
// StateLayout: what a Model remembers from call to call, and whose it is.
#ifndef HEDDLE_PLAN_STATE_LAYOUT_H_
#define HEDDLE_PLAN_STATE_LAYOUT_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/model.h"

namespace heddle::core {

// Immutable.
//
// 1. A resource that one CALL_ONCE initialiser writes, and nothing else, belongs to the Model: it
// is computed once, whoever calls. All else belongs to a session.
// 2. A memory is a variable tensor, or what an operator keeps for itself. Random generators alone
// make no Model stateful: a call without a session starts them anew.
struct StateLayout {
  struct Memory {
    int subgraph = 0;
    int tensor = -1;  // variable, or
    int op = -1;      // operator
    size_t bytes = 0;
    std::byte fill{0};  // of every byte at first
  };
  std::vector<Memory> memories;
  std::map<std::pair<int, int>, int> variables, operators;  // (subgraph, index): of `memories`
  std::vector<bool> of_model;                               // by resource
  std::vector<int> initialisers;     // subgraphs that CALL_ONCE names, in order of appearance
  std::vector<bool> writes_session;  // by initialiser: some resource of a session
  std::vector<std::string> named;    // by subgraph: the first session state that it or what it
                                     // calls touches, for errors; empty: none
  std::vector<bool> touches;         // by subgraph: any state at all, the Model's too
  uint64_t fingerprint = 0;          // of all that decides what a saved state means

  static StateLayout Of(const Model& model);
  // The memory of a variable tensor or of an operator; -1: none.
  int VariableOf(int subgraph, int tensor) const;
  int OperatorOf(int subgraph, int op) const;
};

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_STATE_LAYOUT_H_
