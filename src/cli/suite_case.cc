// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <tuple>

#include "base/errors.h"
#include "cli/compare.h"
#include "cli/ports.h"
#include "cli/suite.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;
using Role = GoldenName::Role;

// A model that loops for ever fails its case instead of stopping the suite.
constexpr std::chrono::minutes kCallLimit{10};
constexpr uint32_t kHashStep = 16;  // of the hash rule, from one call to the next
constexpr int kMaxCalls = 10000;

// The arrays of a golden file by what they mean.
class GoldenSet {
 public:
  static Result<GoldenSet> Read(const std::string& path) {
    HEDDLE_ASSIGN(ArrayMap arrays, ReadNpz(path));
    GoldenSet set;
    set.arrays_ = std::move(arrays);
    for (const auto& [name, array] : set.arrays_) {
      GoldenName meaning;
      if (name == "signature") {
        HEDDLE_ASSIGN(const OwnedTensor text, ToTensor(array, core::Type::kString, name));
        HEDDLE_ASSIGN(set.signatures_, DecodeStrings(text.data));
      } else if (ParseGoldenName(name, &meaning)) {
        const auto stride = static_cast<size_t>(meaning.stride);
        set.by_meaning_[{meaning.role, meaning.index, meaning.call}] = {&array, stride};
        set.calls_ = std::max(set.calls_, meaning.call + 1);
      }
    }
    set.calls_ = std::max(set.calls_, static_cast<int>(set.signatures_.size()));
    if (set.calls_ > kMaxCalls) {
      return InvalidArgument("golden has {} calls, expected at most {}", set.calls_, kMaxCalls);
    }
    return set;
  }

  int calls() const { return calls_; }
  std::string SignatureOf(int call) const {
    const auto i = static_cast<size_t>(call);
    return i < signatures_.size() ? signatures_[i] : "";
  }
  FindArray InputsOf(int call) const {
    return [this, call](int k) {
      const Golden* own = Find(Role::kInput, k, call);
      if (own == nullptr) own = Find(Role::kInput, k, 0);
      return own != nullptr ? own->values : nullptr;
    };
  }
  // What output k of a call is held against; empty: nothing is known of it.
  std::vector<Golden> GoldensOf(int k, int call, Numerics numerics) const {
    const Golden* output = Find(Role::kOutput, k, call);
    std::vector<Golden> goldens;
    const bool fast = numerics == Numerics::kFast;
    const Golden* own = Find(fast ? Role::kXnnpack : Role::kReference, k, call);
    if (own != nullptr) goldens.push_back(*own);
    if (output != nullptr && (own == nullptr || fast)) goldens.push_back(*output);
    return goldens;
  }
  // The outputs that any call has a golden for.
  int outputs() const {
    int count = 0;
    for (const auto& [meaning, golden] : by_meaning_) {
      if (std::get<0>(meaning) != Role::kInput) count = std::max(count, std::get<1>(meaning) + 1);
    }
    return count;
  }

 private:
  const Golden* Find(Role role, int k, int call) const {
    const auto it = by_meaning_.find({role, k, call});
    return it == by_meaning_.end() ? nullptr : &it->second;
  }
  ArrayMap arrays_;  // a map: moving it keeps the addresses of its arrays
  std::map<std::tuple<Role, int, int>, Golden> by_meaning_;
  std::vector<std::string> signatures_;
  int calls_ = 1;
};

// What a case runs on, from the model file to the Session.
class CaseRunner {
 public:
  static Result<CaseRunner> Load(const Engine& engine, const std::string& path, Numerics numerics) {
    CaseRunner runner;
    HEDDLE_ASSIGN(runner.source_, core::Model::ReadFile(path));
    LoadOptions options;
    options.numerics = numerics;
    HEDDLE_ASSIGN(heddle::Model model, engine.Load(path, options));
    runner.model_.emplace(std::move(model));
    return runner;
  }

  // REQUIRES: before the first call. A model without state may have no Session; one call does
  // without.
  Status Open(int calls) {
    Result<Session> session = model_->NewSession();
    if (session.ok()) {
      session_.emplace(std::move(*session));
    } else if (calls > 1 || session.status().code() != Code::kUnsupported) {
      return session.status();
    }
    return Status();
  }

  Status Call(const GoldenSet& goldens, int call) {
    HEDDLE_ASSIGN(ports_, PortsOf(*source_, goldens.SignatureOf(call)));
    const auto offset = kHashStep * static_cast<uint32_t>(call);
    HEDDLE_ASSIGN(const std::vector<OwnedTensor> inputs,
                  MakeInputs(ports_, goldens.InputsOf(call), offset));
    RunOptions options;
    options.deadline = std::chrono::steady_clock::now() + kCallLimit;
    options.signature = ports_.key();
    const std::vector<TensorView> views = ViewsOf(inputs);
    HEDDLE_ASSIGN(Outputs outputs, session_ ? session_->Run(std::span(views), options)
                                            : model_->Run(std::span(views), options));
    outputs_.emplace(std::move(outputs));
    return Status();
  }

  // After a successful Call.
  int output_count() const { return static_cast<int>(outputs_->size()); }
  Result<Array> Output(int k) const { return ToArray((*outputs_)[static_cast<size_t>(k)]); }
  const Port& OutputPort(int k) const { return ports_.outputs[static_cast<size_t>(k)]; }

 private:
  std::shared_ptr<const core::Model> source_;
  std::optional<heddle::Model> model_;
  std::optional<Session> session_;
  Ports ports_;
  std::optional<Outputs> outputs_;
};

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
Status Judge(const CaseRunner& runner, const GoldenSet& goldens, int call, Numerics numerics,
             const std::vector<Tolerance>& tolerances, CaseResult& result) {
  for (int k = 0; k < goldens.outputs(); ++k) {
    const std::vector<Golden> against = goldens.GoldensOf(k, call, numerics);
    if (against.empty()) continue;
    const auto i = static_cast<size_t>(k);
    const std::string where =
        fmt::format("output {}{}", k, call > 0 ? fmt::format(" of call {}", call) : "");
    if (k >= runner.output_count()) {
      Fail(result, fmt::format("{}: the model has {} outputs", where, runner.output_count()));
      continue;
    }
    if (i >= tolerances.size()) {
      return InvalidArgument("the suite gives {} tolerances, the golden has output {}",
                             tolerances.size(), k);
    }
    HEDDLE_ASSIGN(const Array output, runner.Output(k));
    const bool bfloat16 = runner.OutputPort(k).type == core::Type::kBFloat16;
    HEDDLE_ASSIGN(const Difference d, Compare(output, bfloat16, against, tolerances[i]));
    result.difference[i] = std::max(result.difference[i], d.largest);
    result.equal_share[i] = std::min(result.equal_share[i], d.equal_share);
    if (!d.why.empty()) Fail(result, where + ": " + d.why);
  }
  return Status();
}

Status RunValid(const Engine& engine, const std::string& folder, const SuiteRow& row,
                Numerics numerics, CaseResult& result) {
  HEDDLE_ASSIGN(CaseRunner runner, CaseRunner::Load(engine, folder + row.model, numerics));
  HEDDLE_ASSIGN(const GoldenSet goldens, GoldenSet::Read(folder + row.golden));
  HEDDLE_ASSIGN(
      const std::vector<Tolerance> tolerances,
      ParseTolerances(numerics == Numerics::kFast ? row.tolerance_fast : row.tolerance_reference));
  if (goldens.outputs() == 0) return InvalidArgument("the golden has no outputs");
  HEDDLE_TRY(runner.Open(goldens.calls()));
  result.difference.assign(static_cast<size_t>(goldens.outputs()), 0);
  result.equal_share.assign(static_cast<size_t>(goldens.outputs()), 1);
  for (int call = 0; call < goldens.calls(); ++call) {
    HEDDLE_TRY(runner.Call(goldens, call));
    HEDDLE_TRY(Judge(runner, goldens, call, numerics, tolerances, result));
  }
  return Status();
}

// What an invalid model is refused with, at load or at the first run.
Status RunInvalid(const Engine& engine, const std::string& folder, const SuiteRow& row,
                  Numerics numerics) {
  HEDDLE_ASSIGN(CaseRunner runner, CaseRunner::Load(engine, folder + row.model, numerics));
  GoldenSet goldens;
  if (!row.golden.empty()) {
    HEDDLE_ASSIGN(goldens, GoldenSet::Read(folder + row.golden));
  }
  HEDDLE_TRY(runner.Open(1));
  return runner.Call(goldens, 0);
}

}  // namespace

CaseResult RunCase(const Engine& engine, const std::string& folder, const SuiteRow& row,
                   Numerics numerics) {
  CaseResult result;
  if (row.invalid) {
    const Status status = RunInvalid(engine, folder, row, numerics);
    if (status.ok()) Fail(result, "ran without an error, expected to be refused");
    // A file that is missing, a defect of ours or a call that does not end is no refusal.
    const Code code = status.code();
    if (code == Code::kNotFound || code == Code::kInternal || code == Code::kDeadlineExceeded) {
      Fail(result, fmt::format("refused for the wrong reason: {}", status.message()));
    }
    return result;
  }
  const Status status = RunValid(engine, folder, row, numerics, result);
  if (!status.ok()) return Refused(status);
  return result;
}

}  // namespace heddle::cli
