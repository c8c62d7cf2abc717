// SPDX-License-Identifier: Apache-2.0
// `heddle verify`, of both its forms.
#include <algorithm>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "cli/verbs.h"
#include "cli/verify_model.h"
#include "cli/verify_suite.h"

namespace heddle::cli {
namespace {

Again AgainOf(const std::vector<std::string>& ways) {
  const auto asked = [&](const char* way) { return std::ranges::count(ways, way) > 0; };
  return {asked("resized"), asked("threads"), asked("poisoned")};
}

}  // namespace

Result<int> Do(const VerifyGiven& given) {
  HEDDLE_TRY(CheckDevice(given.device));
  if (!given.suite.empty()) {
    return VerifySuite(
        {given.suite, NumericsOf(given.numerics), given.filter, AgainOf(given.again), given.json});
  }
  VerifyOptions options{given.model, {}, given.json};
  if (!given.numerics.empty()) options.numerics = NumericsOf(given.numerics);
  return VerifyModel(options);
}

}  // namespace heddle::cli
