// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/clock.h"
#include "base/errors.h"
#include "cli/case_run.h"
#include "cli/compare.h"
#include "cli/golden_set.h"
#include "cli/suite.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;

void Fail(CaseResult& result, std::string why) {
  if (result.verdict != Verdict::kPassed) return;  // the first reason is the one to tell
  result.verdict = Verdict::kFailed;
  result.why = std::move(why);
}

CaseResult Refused(const Status& status) {
  const bool unsupported = status.code() == Code::kUnsupported;
  return {unsupported ? Verdict::kUnsupported : Verdict::kFailed,
          std::string(status.message()),
          {},
          {}};
}

// Holds the outputs of one call against their goldens.
Status Judge(const Ports& ports, const Outputs& outputs, const GoldenSet& goldens, int call,
             Numerics numerics, const std::vector<Tolerance>& tolerances, CaseResult& result) {
  for (int k = 0; k < goldens.outputs(); ++k) {
    const std::vector<Golden> against = goldens.GoldensOf(k, call, numerics);
    if (against.empty()) continue;
    const auto i = static_cast<size_t>(k);
    const std::string where =
        fmt::format("output {}{}", k, call > 0 ? fmt::format(" of call {}", call) : "");
    if (i >= outputs.size()) {
      Fail(result, fmt::format("{}: the model has {} outputs", where, outputs.size()));
      continue;
    }
    if (i >= tolerances.size()) {
      return InvalidArgument("the suite gives {} tolerances, the golden has output {}",
                             tolerances.size(), k);
    }
    HEDDLE_ASSIGN(const Array output, ToArray(outputs[i]));
    const bool bfloat16 = ports.outputs[i].type == core::Type::kBFloat16;
    HEDDLE_ASSIGN(const Difference d, Compare(output, bfloat16, against, tolerances[i]));
    result.difference[i] = std::max(result.difference[i], d.largest);
    result.equal_share[i] = std::min(result.equal_share[i], d.equal_share);
    if (!d.why.empty()) Fail(result, where + ": " + d.why);
  }
  return Status();
}

// An answer that changes from run to run is told before one that is wrong every time.
void JudgeAgain(const FirstRun& first, const Again& again, CaseResult& result) {
  std::string why = RunAgain(first, again);
  if (why.empty()) return;
  result.verdict = Verdict::kFailed;
  result.why = std::move(why);
}

Status RunValid(const Engine& engine, const std::string& folder, const SuiteRow& row,
                const CaseOptions& options, CaseResult& result) {
  const std::string path = folder + row.model;
  const bool fast = options.numerics == Numerics::kFast;
  HEDDLE_ASSIGN(const CaseModel model, CaseModel::Load(engine, path, options.numerics));
  HEDDLE_ASSIGN(const GoldenSet goldens, GoldenSet::Read(folder + row.golden));
  HEDDLE_ASSIGN(const std::vector<Tolerance> tolerances,
                ParseTolerances(fast ? row.tolerance_fast : row.tolerance_reference));
  if (goldens.outputs() == 0) return InvalidArgument("the golden has no outputs");
  HEDDLE_ASSIGN(const std::vector<CaseCall> calls, CallsOf(model, goldens));
  HEDDLE_ASSIGN(CaseRun run, CaseRun::Open(model, calls.size()));
  result.difference.assign(static_cast<size_t>(goldens.outputs()), 0);
  result.equal_share.assign(static_cast<size_t>(goldens.outputs()), 1);
  FirstRun first{engine, path, options.numerics, model, calls, {}};
  const int64_t start_ns = core::SystemClock().NowNs();
  for (int i = 0; i < goldens.calls(); ++i) {
    const CaseCall& call = calls[static_cast<size_t>(i)];
    HEDDLE_ASSIGN(const Outputs outputs, run.Run(call.ports, call.inputs));
    HEDDLE_TRY(Judge(call.ports, outputs, goldens, i, options.numerics, tolerances, result));
    if (options.again.any()) first.answers.push_back(AnswerOf(outputs));
  }
  if (!options.again.any()) return Status();
  const std::string left_out = WhyNotAgain(core::SystemClock().NowNs() - start_ns, options.again);
  if (left_out.empty()) {
    JudgeAgain(first, options.again, result);
  } else if (result.why.empty()) {
    result.why = left_out;
  }
  return Status();
}

// What an invalid model is refused with, at load or at the first run.
Status RunInvalid(const Engine& engine, const std::string& folder, const SuiteRow& row,
                  Numerics numerics) {
  HEDDLE_ASSIGN(const CaseModel model, CaseModel::Load(engine, folder + row.model, numerics));
  GoldenSet goldens;
  if (!row.golden.empty()) {
    HEDDLE_ASSIGN(goldens, GoldenSet::Read(folder + row.golden));
  }
  HEDDLE_ASSIGN(const std::vector<CaseCall> calls, CallsOf(model, goldens));
  HEDDLE_ASSIGN(CaseRun run, CaseRun::Open(model, 1));
  return run.Run(calls[0].ports, calls[0].inputs).status();
}

}  // namespace

CaseResult RunCase(const Engine& engine, const std::string& folder, const SuiteRow& row,
                   const CaseOptions& options) {
  CaseResult result;
  if (row.invalid) {
    const Status status = RunInvalid(engine, folder, row, options.numerics);
    if (status.ok()) Fail(result, "ran without an error, expected to be refused");
    // A file that is missing, a defect of ours or a call that does not end is no refusal.
    const Code code = status.code();
    if (code == Code::kNotFound || code == Code::kInternal || code == Code::kDeadlineExceeded) {
      Fail(result, fmt::format("refused for the wrong reason: {}", status.message()));
    }
    return result;
  }
  const Status status = RunValid(engine, folder, row, options, result);
  if (!status.ok()) return Refused(status);
  return result;
}

}  // namespace heddle::cli
