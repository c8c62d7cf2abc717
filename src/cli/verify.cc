// SPDX-License-Identifier: Apache-2.0
// `heddle verify`: the options of both its forms.
#include <memory>

#include "cli/verb.h"
#include "cli/verify_model.h"
#include "cli/verify_suite.h"

namespace heddle::cli {
namespace {

struct Given {
  std::string model, suite, numerics, filter, device = "cpu";
  bool json = false;
};

Result<int> Verify(const Given& given) {
  HEDDLE_TRY(CheckDevice(given.device));
  if (!given.suite.empty()) {
    return VerifySuite({given.suite, NumericsOf(given.numerics), given.filter, given.json});
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
