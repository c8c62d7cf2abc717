// SPDX-License-Identifier: Apache-2.0
// The time of each step of a call.
#ifndef HEDDLE_ENGINE_PROFILE_H_
#define HEDDLE_ENGINE_PROFILE_H_

#include <string>
#include <vector>

#include "engine/loaded_model.h"
#include "plan/work.h"

namespace heddle::core {

struct StepTime {
  int op = 0;
  std::string name;
  const char* kernel = "";
  Shape shape;  // of output 0
  Work work;
  int64_t ns = -1;  // below 0: not a step that can be run by itself
};

// Runs the steps of what `request` asks for one by one on this thread, each many times on the
// values that a whole run gave it, so its operands are in the cache more often than in a call. The
// median is what counts. Takes the memory of a second copy of the model meanwhile. Of the request
// inputs and signature count; state is a fresh one.
Result<std::vector<StepTime>> ProfileSteps(LoadedModel& model, const RunRequest& request);

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_PROFILE_H_
