// SPDX-License-Identifier: Apache-2.0
// What a file says that hides a mistake, and what it remembers. Nothing is run and nothing made.
#ifndef HEDDLE_PLAN_AUDIT_H_
#define HEDDLE_PLAN_AUDIT_H_

#include <string>
#include <vector>

#include "model/model.h"
#include "plan/state_layout.h"

namespace heddle::core {

enum class Severity : uint8_t {
  kNote,     // worth knowing before feeding it
  kWarning,  // runs, but likely not as it was meant
  kError,    // would fail
};
const char* SeverityName(Severity severity);  // "note", "warning", "error"

struct Finding {
  Severity severity = Severity::kNote;
  std::string text;  // names the thing, what was expected and what was found
};

// The worst first. What the reader refuses needs no finding; what a kernel refuses is told by
// Program::Compile.
std::vector<Finding> AuditModel(const Model& model);

// What a session of the model keeps, by name: "variable tensor 'h'".
std::vector<std::string> StateNames(const Model& model, const StateLayout& layout);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_AUDIT_H_
