// SPDX-License-Identifier: Apache-2.0
// `--profile` of run and bench: the time of each step, and what it could be at this core's peaks.
#ifndef HEDDLE_CLI_PROFILE_H_
#define HEDDLE_CLI_PROFILE_H_

#include <span>
#include <string>
#include <vector>

#include "base/peaks.h"
#include "cli/json.h"
#include "engine/profile.h"
#include "heddle/engine.h"

namespace heddle::cli {

struct Profile {
  core::Isa isa = core::Isa::kPlain;  // of the model's kernels
  core::Peaks peaks;
  std::vector<core::StepTime> steps;
};

// `signature` nullptr: the main graph. The peaks are measured first, on the same thread.
Result<Profile> MeasureProfile(const Model& model, std::span<const TensorView> inputs,
                               const char* signature);

std::string PeaksText(const core::Peaks& peaks);
std::string ProfileText(const Profile& profile);
// The fields "profile" and "peaks" of an object that is open.
void WriteProfile(JsonWriter& json, const Profile& profile);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_PROFILE_H_
