// SPDX-License-Identifier: Apache-2.0
#include "cli/suite_again.h"

#include <algorithm>
#include <latch>
#include <optional>
#include <thread>

#include "base/errors.h"

namespace heddle::cli {
namespace {

constexpr size_t kThreads = 8;
constexpr int32_t kTimes = 3;  // as many rows, where inputs are resized

// The first byte that differs, or what else does; empty: the same.
std::string DifferenceOf(const OwnedTensor& first, const OwnedTensor& now) {
  if (first.type != now.type || !(first.shape == now.shape))
    return fmt::format("is {} {}, was {} {}", core::TypeName(now.type), now.shape.ToString(),
                       core::TypeName(first.type), first.shape.ToString());
  const auto [a, b] = std::ranges::mismatch(first.data, now.data);
  if (a == first.data.end() && b == now.data.end()) return "";
  return fmt::format("has other bits from byte {} of {} on", a - first.data.begin(),
                     first.data.size());
}

std::string DifferenceOf(const Answer& first, const Answer& now) {
  if (first.size() != now.size())
    return fmt::format("{} outputs, were {}", now.size(), first.size());
  for (size_t k = 0; k < first.size(); ++k) {
    const std::string difference = DifferenceOf(first[k], now[k]);
    if (!difference.empty()) return fmt::format("output {} {}", k, difference);
  }
  return "";
}

// One call of a run, held against its first answer.
std::string Repeat(const FirstRun& first, CaseRun& run, size_t call) {
  const CaseCall& c = first.calls[call];
  const Result<Outputs> outputs = run.Run(c.ports, c.inputs);
  const std::string why = outputs.ok() ? DifferenceOf(first.answers[call], AnswerOf(*outputs))
                                       : std::string(outputs.status().message());
  return why.empty() ? "" : fmt::format("call {}: {}", call, why);
}

std::string RepeatAll(const FirstRun& first, const CaseModel& model) {
  Result<CaseRun> run = CaseRun::Open(model, first.calls.size());
  if (!run.ok()) return std::string(run.status().message());
  for (size_t i = 0; i < first.calls.size(); ++i) {
    std::string why = Repeat(first, *run, i);
    if (!why.empty()) return why;
  }
  return "";
}

std::string RunOnThreads(const FirstRun& first) {
  const Result<CaseModel> fresh = CaseModel::Load(first.engine, first.path, first.numerics);
  if (!fresh.ok()) return std::string(fresh.status().message());
  std::vector<std::string> why(kThreads);
  {
    std::latch start(kThreads);
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        why[t] = RepeatAll(first, *fresh);
      });
    }
  }
  const auto worst = std::ranges::find_if(why, [](const auto& text) { return !text.empty(); });
  return worst == why.end() ? "" : *worst;
}

// The tensor's rows several times over; false: it has none, or they share bytes.
bool MultiplyRows(OwnedTensor& tensor) {
  if (tensor.shape.rank() == 0 || tensor.shape[0] > 0x7FFFFFFF / kTimes) return false;
  if (tensor.type == core::Type::kString) {
    Result<std::vector<std::string>> rows = DecodeStrings(tensor.data);
    if (!rows.ok()) return false;
    const std::vector<std::string> once = *rows;
    for (int i = 1; i < kTimes; ++i) rows->insert(rows->end(), once.begin(), once.end());
    tensor.data = EncodeStrings(*rows);
  } else {
    const auto bits = static_cast<uint64_t>(tensor.shape.elements()) * core::TypeBits(tensor.type);
    if (bits % 8 != 0) return false;
    const std::vector<std::byte> once = tensor.data;
    for (int i = 1; i < kTimes; ++i)
      tensor.data.insert(tensor.data.end(), once.begin(), once.end());
  }
  tensor.shape[0] *= kTimes;
  return true;
}

// The inputs that have as many rows as the first of them, resized. Empty: there is none.
std::vector<OwnedTensor> Resized(const std::vector<OwnedTensor>& inputs) {
  std::optional<int32_t> rows;
  std::vector<OwnedTensor> resized = inputs;
  for (OwnedTensor& tensor : resized) {
    if (tensor.shape.rank() == 0 || (rows && tensor.shape[0] != *rows)) continue;
    const int32_t own = tensor.shape[0];
    if (MultiplyRows(tensor)) rows = own;
  }
  return rows ? resized : std::vector<OwnedTensor>();
}

// A model that leaves the number of rows to its caller treats each alike: its answer to the same
// rows several times over is the first answer as often. Integers that stand for no number may count
// rows (WHERE), and prove nothing.
std::string CompareRows(const Ports& ports, const Answer& first, const Answer& resized) {
  const auto any_rows = [](const Port& port) { return port.any_rows; };
  if (!std::ranges::all_of(ports.inputs, any_rows)) return "";
  for (size_t k = 0; k < first.size(); ++k) {
    const Port& port = ports.outputs[k];
    const bool number = port.type == core::Type::kFloat32 || port.quant.quantised();
    OwnedTensor expected = first[k];
    if (!number || !port.any_rows || !MultiplyRows(expected)) continue;
    const std::string difference = DifferenceOf(expected, resized[k]);
    if (!difference.empty())
      return fmt::format("of {} times the rows, output {} {}", kTimes, k, difference);
  }
  return "";
}

// Whatever the model says to other sizes, rows or an error: afterwards it answers as before.
std::string RunResized(const FirstRun& first) {
  Result<CaseRun> run = CaseRun::Open(first.model, first.calls.size());
  if (!run.ok()) return std::string(run.status().message());
  Result<CaseRun> other = CaseRun::Open(first.model, first.calls.size());
  if (!other.ok()) return std::string(other.status().message());
  for (size_t i = 0; i < first.calls.size(); ++i) {
    const CaseCall& call = first.calls[i];
    const std::vector<OwnedTensor> inputs = Resized(call.inputs);
    if (inputs.empty() && !call.inputs.empty()) return "";
    const Result<Outputs> resized = other->Run(call.ports, inputs);
    if (resized.status().code() == Code::kInternal)
      return fmt::format("call {}: {}", i, resized.status().message());
    std::string why;
    if (resized.ok()) why = CompareRows(call.ports, first.answers[i], AnswerOf(*resized));
    if (why.empty()) why = Repeat(first, *run, i);
    if (!why.empty()) return why;
  }
  return "";
}

}  // namespace

Answer AnswerOf(const Outputs& outputs) {
  Answer answer;
  for (size_t k = 0; k < outputs.size(); ++k) {
    const TensorView view = outputs[k];
    const auto* bytes = static_cast<const std::byte*>(view.data);
    answer.push_back({"", static_cast<core::Type>(view.type), core::Shape(view.shape()),
                      std::vector<std::byte>(bytes, bytes + view.bytes)});
  }
  return answer;
}

std::string WhyNotAgain(int64_t took_ns, const Again& again) {
  if (took_ns <= again.within_ns) return "";
  return fmt::format("not run again: took {:.1f} s", static_cast<double>(took_ns) / 1e9);
}

std::string RunAgain(const FirstRun& first, const Again& again) {
  std::string why;
  if (again.poisoned && !(why = RepeatAll(first, first.model)).empty())
    return "run again in poisoned memory: " + why;
  if (again.resized && !(why = RunResized(first)).empty()) return "run again resized: " + why;
  if (again.threads && !(why = RunOnThreads(first)).empty())
    return fmt::format("run again by {} threads: {}", kThreads, why);
  return "";
}

}  // namespace heddle::cli
