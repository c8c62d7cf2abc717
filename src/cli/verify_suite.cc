// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_suite.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/errors.h"
#include "cli/files.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/suite.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "crew/budget.h"
#include "engine/poison.h"

namespace heddle::cli {
namespace {

// Runs the cases on several threads and hands out their results in order.
class CaseCrew {
 public:
  CaseCrew(const std::string& folder, const std::vector<SuiteRow>& rows, const CaseOptions& options)
      : results_(rows.size()) {
    const size_t threads =
        std::min<size_t>(rows.size(), static_cast<size_t>(core::BudgetReader().Read().cores));
    for (size_t t = 0; t < threads; ++t) {
      threads_.emplace_back([this, &folder, &rows, options] { Work(folder, rows, options); });
    }
  }
  ~CaseCrew() {
    for (std::thread& thread : threads_) thread.join();
  }

  // Waits for case i. Each is taken once.
  CaseResult Take(size_t i) {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [&] { return results_[i].has_value(); });
    return *std::exchange(results_[i], std::nullopt);
  }

 private:
  void Work(const std::string& folder, const std::vector<SuiteRow>& rows,
            const CaseOptions& options) {
    const Engine engine({.cache = ""});  // what runs once is not worth keeping
    for (;;) {
      size_t i = 0;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        if (next_ == rows.size()) return;
        i = next_++;
      }
      CaseResult result = RunCase(engine, folder, rows[i], options);
      std::lock_guard<std::mutex> lock(mutex_);
      results_[i] = std::move(result);
      ready_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  size_t next_ = 0;
  std::vector<std::optional<CaseResult>> results_;
  std::vector<std::thread> threads_;
};

struct Counts {
  size_t passed = 0, failed = 0, unsupported = 0;
  void Add(Verdict verdict) {
    passed += verdict == Verdict::kPassed;
    failed += verdict == Verdict::kFailed;
    unsupported += verdict == Verdict::kUnsupported;
  }
  std::string Text() const {
    return fmt::format("{} passed, {} failed, {} unsupported", passed, failed, unsupported);
  }
};

Result<std::vector<SuiteRow>> SelectRows(const SuiteOptions& options) {
  HEDDLE_ASSIGN(const std::string text, ReadText(options.path));
  HEDDLE_ASSIGN(std::vector<SuiteRow> rows, ParseSuite(text));
  std::erase_if(rows, [&](const SuiteRow& row) {
    return !options.filter.empty() && fnmatch(options.filter.c_str(), row.model.c_str(), 0) != 0;
  });
  if (rows.empty()) {
    return core::NotFound("no case of '{}' has a model like '{}'", options.path, options.filter);
  }
  return rows;
}

void WriteCase(JsonWriter& json, const SuiteRow& row, const CaseResult& result) {
  json.BeginObject().Field("model", row.model).Field("result", VerdictName(result.verdict));
  json.Field("why", result.why).Field("difference", result.difference);
  json.Field("equal_share", result.equal_share).EndObject();
}

std::string CaseLine(const SuiteRow& row, const CaseResult& result) {
  return fmt::format("{:<11}  {}  {}\n", VerdictName(result.verdict), Printable(row.model),
                     Printable(result.why));
}

}  // namespace

Result<int> VerifySuite(const SuiteOptions& options) {
  HEDDLE_ASSIGN(const std::vector<SuiteRow> rows, SelectRows(options));
  const size_t slash = options.path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : options.path.substr(0, slash + 1);
  if (options.again.poisoned) core::PoisonRuns();
  Counts counts;
  std::vector<CaseResult> results;
  Progress progress("verify", rows.size());
  {
    CaseCrew crew(folder, rows, {options.numerics, options.again});
    for (size_t i = 0; i < rows.size(); ++i) {
      CaseResult result = crew.Take(i);
      counts.Add(result.verdict);
      if (!options.json && (result.verdict != Verdict::kPassed || !result.why.empty())) {
        progress.Clear();
        Print(CaseLine(rows[i], result));
      }
      progress.Show(i + 1, counts.Text());
      if (options.json) results.push_back(std::move(result));
    }
  }
  progress.Clear();
  if (options.json) {
    JsonWriter json;
    json.BeginObject().Field("passed", counts.passed).Field("failed", counts.failed);
    json.Field("unsupported", counts.unsupported).Key("cases").BeginArray();
    for (size_t i = 0; i < rows.size(); ++i) WriteCase(json, rows[i], results[i]);
    json.EndArray().EndObject();
    Print(json.text());
  } else {
    Print(counts.Text() + "\n");
  }
  return counts.failed > 0 ? kCheckFailed : kDone;
}

}  // namespace heddle::cli
