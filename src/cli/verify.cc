// SPDX-License-Identifier: Apache-2.0
// `heddle verify`: the options of both its forms.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "cli/verify_model.h"
#include "cli/verify_suite.h"

namespace heddle::cli {
namespace {

struct Given {
  std::string model, suite, numerics, filter, device = "cpu";
  std::vector<std::string> again;
  bool json = false;
};

Again AgainOf(const std::vector<std::string>& ways) {
  const auto asked = [&](const char* way) { return std::ranges::count(ways, way) > 0; };
  return {asked("resized"), asked("threads"), asked("poisoned")};
}

Result<int> Verify(const Given& given) {
  HEDDLE_TRY(CheckDevice(given.device));
  if (!given.suite.empty()) {
    return VerifySuite(
        {given.suite, NumericsOf(given.numerics), given.filter, AgainOf(given.again), given.json});
  }
  VerifyOptions options{given.model, {}, given.json};
  if (!given.numerics.empty()) options.numerics = NumericsOf(given.numerics);
  return VerifyModel(options);
}

}  // namespace

void AddVerify(CLI::App& app, Action& action) {
  CLI::App* verb =
      AddVerb(app, "verify", "Check a model's kernels, or a suite's models against goldens.",
              "heddle verify --suite zoo/SUITE.tsv --filter '*mobilenet*'");
  auto given = std::make_shared<Given>();
  CLI::Option* model =
      verb->add_option("MODEL", given->model,
                       "Its kernels of every ISA against the plain ones, bit for bit")
          ->option_text(" ");
  CLI::Option* suite = verb->add_option("--suite", given->suite, "Run the cases of a SUITE.tsv")
                           ->option_text("F")
                           ->excludes(model);
  verb->add_option("--filter", given->filter, "Only models whose path is like this, with * and ?")
      ->option_text("GLOB")
      ->needs(suite);
  verb->add_option("--again", given->again,
                   "Run each case again: after other batch sizes, by 8 threads at once, in\n"
                   "memory full of other bytes; each answer must be the first one's bits")
      ->option_text("resized,threads,poisoned")
      ->delimiter(',')
      ->check(CLI::IsMember({"resized", "threads", "poisoned"}))
      ->needs(suite);
  AddNumerics(verb, given->numerics);
  AddDevice(verb, given->device);
  AddJson(verb, given->json);
  verb->callback([given, &action] {
    if (given->model.empty() == given->suite.empty()) {
      throw CLI::ValidationError("MODEL or --suite is required");
    }
    action = [given] { return Verify(*given); };
  });
}

}  // namespace heddle::cli
