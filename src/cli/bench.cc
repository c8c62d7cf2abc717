// SPDX-License-Identifier: Apache-2.0
// `heddle bench`.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/errors.h"
#include "cli/bench_cell.h"
#include "cli/given_inputs.h"
#include "cli/json.h"
#include "cli/open_loop.h"
#include "cli/ports.h"
#include "cli/profile.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/trace.h"
#include "cli/verb.h"
#include "cli/verbs.h"
#include "crew/budget.h"
#include "crew/crew.h"

namespace heddle::cli {
namespace {

constexpr int kMaxCallers = 4096;

struct Report {
  std::string isa;
  int cores = 0;
  double load_ms = 0, first_result_ms = 0;  // from the start of the load, without reading inputs
  uint64_t weights_bytes = 0, arena_bytes = 0;
  std::vector<Cell> cells;
  std::optional<Profile> profile;
  int64_t begin_ns = 0;  // on the Governor's clock
  std::vector<core::Governor::Change> governor;
};

class Stopwatch {
 public:
  double ms() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

// A stateful model needs a Session, one without state may have none.
Status FirstCall(const Model& model, const std::vector<TensorView>& inputs) {
  Result<Session> session = model.NewSession();
  const std::span<const TensorView> views(inputs);
  return session.ok() ? session->Run(views).status() : model.Run(views).status();
}

Result<Cell> MeasureLoop(const BenchGiven& given, const Model& model,
                         const std::vector<TensorView>& inputs, int callers) {
  const Load load{callers, given.seconds};
  if (given.rate == 0) return MeasureCell(model, nullptr, inputs, load);
  const Spacing spacing = given.arrivals == "constant" ? Spacing::kConstant : Spacing::kPoisson;
  return MeasureOpenLoop(model, inputs, load, {given.rate, spacing});
}

Result<Report> Measure(const BenchGiven& given) {
  Ports ports;
  {
    HEDDLE_ASSIGN(const auto source, core::Model::ReadFile(given.model));
    HEDDLE_ASSIGN(ports, PortsOf(*source, ""));
  }
  HEDDLE_ASSIGN(const std::vector<int> callers_list, CallersOf(given.callers));
  Report report;
  report.begin_ns = core::SystemClock().NowNs();
  report.cores = given.cores > 0 ? given.cores : core::BudgetReader().Read().cores;
  Options engine_options;
  engine_options.cores = given.cores;
  const Engine engine(engine_options);
  LoadOptions load_options;
  load_options.numerics = NumericsOf(given.numerics);
  const Stopwatch watch;
  HEDDLE_ASSIGN(const Model model, engine.Load(given.model, load_options));
  report.load_ms = watch.ms();
  HEDDLE_ASSIGN(const GivenArrays arrays, ReadGiven(ports, {given.inputs, {}}));
  HEDDLE_ASSIGN(const std::vector<OwnedTensor> tensors, MakeInputs(ports, FindIn(arrays)));
  const std::vector<TensorView> inputs = ViewsOf(tensors);
  const Stopwatch first;
  HEDDLE_TRY(FirstCall(model, inputs));
  report.first_result_ms = report.load_ms + first.ms();
  Progress progress("bench", callers_list.size());
  for (const int callers : callers_list) {
    progress.Show(report.cells.size(), fmt::format("{} callers", callers));
    HEDDLE_ASSIGN(Cell cell, MeasureLoop(given, model, inputs, callers));
    report.cells.push_back(std::move(cell));
  }
  progress.Clear();
  report.governor = core::Crew::OfProcess().governor().Trace();
  if (given.profile) {
    HEDDLE_ASSIGN(report.profile, MeasureProfile(model, inputs, nullptr));
  }
  if (!given.trace.empty()) {
    const int callers = *std::max_element(callers_list.begin(), callers_list.end());
    HEDDLE_TRY(TraceCalls(model, inputs, {callers, nullptr}, given.trace));
  }
  report.isa = model.isa();
  report.weights_bytes = model.weights_bytes();
  report.arena_bytes = model.arena_bytes();
  return report;
}

// What the Crew did while a cell was measured.
void WriteCrew(JsonWriter& json, const core::CrewCounters& crew) {
  const auto ms = [](uint64_t ns) { return 1e-6 * static_cast<double>(ns); };
  json.Key("crew").BeginObject().Field("budget", crew.budget).Field("threads", crew.threads);
  json.Field("governor_cap", crew.governor_cap).Field("governor_moves", crew.governor_moves);
  json.Field("shared_steps", crew.shared_regions).Field("helped_steps", crew.helped_regions);
  json.Field("helped_claims", crew.helped_claims).Field("far_claims", crew.far_claims);
  json.Field("helped_ms", ms(crew.helped_ns)).Field("straggler_ms", ms(crew.straggler_ns));
  json.Field("spin_ms", ms(crew.spin_ns)).Field("sleep_ms", ms(crew.sleep_ns));
  json.Field("wakes", crew.wakes).Field("waits_for_turn", crew.waits_for_turn);
  json.Field("yields", crew.yields).Field("posted", crew.posted);
  json.Field("refused_starts", crew.refused_starts).Field("paused_ms", ms(crew.paused_ns));
  json.Field("periods", crew.periods).Field("throttled_periods", crew.throttled_periods);
  json.Field("throttled_ms", ms(crew.throttled_ns)).EndObject();
}

// The Governor's latest moves, in ms since the bench began.
void WriteGovernor(JsonWriter& json, const Report& report) {
  json.Key("governor").BeginArray();
  for (const core::Governor::Change& change : report.governor) {
    json.BeginObject().Field("ms", 1e-6 * static_cast<double>(change.at_ns - report.begin_ns));
    json.Field("cap", change.cap).Field("lost", change.lost).EndObject();
  }
  json.EndArray();
}

void WriteFlow(JsonWriter& json, const BenchGiven& given, const Flow& flow) {
  json.Field("rate", given.rate).Field("arrivals", given.arrivals).Field("arrived", flow.arrived);
  json.Field("refused", flow.refused).Field("waiting", flow.waiting);
  json.Field("most_waiting", flow.most_waiting);
  json.Field("queue_ms", flow.queue_ms).Field("run_ms", flow.run_ms);
}

std::string ToJson(const BenchGiven& given, const Report& report) {
  JsonWriter json;
  json.BeginObject().Field("model", given.model).Field("isa", report.isa);
  json.Field("cores", report.cores).Field("load_ms", report.load_ms);
  json.Field("first_result_ms", report.first_result_ms);
  json.Field("weights_bytes", report.weights_bytes).Field("arena_bytes", report.arena_bytes);
  json.Key("cells").BeginArray();
  for (const Cell& cell : report.cells) {
    json.BeginObject().Field("callers", cell.callers).Field("per_second", cell.per_second());
    json.Field("p50_ms", cell.latencies.QuantileMs(0.5));
    json.Field("p99_ms", cell.latencies.QuantileMs(0.99));
    json.Field("max_ms", cell.latencies.max_ms());
    json.Field("cpu_ms_per_call", cell.cpu_ms_per_call()).Field("pss_mb", cell.pss_mb);
    if (cell.flow) WriteFlow(json, given, *cell.flow);
    WriteCrew(json, cell.crew);
    json.EndObject();
  }
  json.EndArray();
  WriteGovernor(json, report);
  if (report.profile) WriteProfile(json, *report.profile);
  json.EndObject();
  return json.text();
}

std::string FlowText(const BenchGiven& given, const Flow& flow) {
  return fmt::format(
      "  {} a second were to come, {}: {} came, {} were refused; {} were not begun in time\n"
      "  at most {} waited; on average {:.3f} ms in the queue, {:.3f} ms at work\n",
      given.rate, given.arrivals, flow.arrived, flow.refused, flow.waiting, flow.most_waiting,
      flow.queue_ms, flow.run_ms);
}

std::string ToText(const BenchGiven& given, const Report& report) {
  std::string text = fmt::format(
      "{}  {}  {} core{}\nload {:.2f} ms, first result after {:.2f} ms, weights {}, {} a call\n\n",
      Printable(given.model), report.isa, report.cores, report.cores == 1 ? "" : "s",
      report.load_ms, report.first_result_ms, BytesText(report.weights_bytes),
      BytesText(report.arena_bytes));
  Table table("rrrrrrr");
  table.Add({"callers", "per second", "p50 ms", "p99 ms", "max ms", "CPU ms/call", "PSS MB"});
  for (const Cell& cell : report.cells) {
    table.Add({fmt::format("{}", cell.callers), fmt::format("{:.1f}", cell.per_second()),
               fmt::format("{:.3f}", cell.latencies.QuantileMs(0.5)),
               fmt::format("{:.3f}", cell.latencies.QuantileMs(0.99)),
               fmt::format("{:.3f}", cell.latencies.max_ms()),
               fmt::format("{:.3f}", cell.cpu_ms_per_call()), fmt::format("{:.1f}", cell.pss_mb)});
  }
  text += table.Text();
  for (const Cell& cell : report.cells) {
    text += fmt::format("\n{} caller{}, {} calls\n", cell.callers, cell.callers == 1 ? "" : "s",
                        cell.latencies.count());
    if (cell.flow) text += FlowText(given, *cell.flow);
    text += cell.latencies.Picture();
  }
  if (report.profile) text += ProfileText(*report.profile);
  return text;
}

}  // namespace

Result<std::vector<int>> CallersOf(const std::string& list) {
  std::vector<int> all;
  for (size_t at = 0; at <= list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    int callers = 0;
    const char* const end = list.data() + comma;
    const auto parsed = std::from_chars(list.data() + at, end, callers);
    if (parsed.ec != std::errc() || parsed.ptr != end || callers < 1 || callers > kMaxCallers) {
      return core::InvalidArgument("'{}' in '{}': expected numbers of callers, 1 to {}",
                                   list.substr(at, comma - at), list, kMaxCallers);
    }
    all.push_back(callers);
    at = comma + 1;
  }
  return all;
}

Result<int> Do(const BenchGiven& given) {
  HEDDLE_TRY(CheckDevice(given.device));
  HEDDLE_ASSIGN(const Report report, Measure(given));
  Print(given.json ? ToJson(given, report) : ToText(given, report));
  return kDone;
}

}  // namespace heddle::cli
