// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/json.h"

namespace heddle::bench {
namespace {

double Median(const std::vector<Measured>& rounds, Metric metric) {
  std::vector<double> values;
  for (const Measured& m : rounds) values.push_back(m.*metric);
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string Name(const Layout& l) {
  const std::string callers = l.processes == 1 ? fmt::format("{}", l.callers)
                                               : fmt::format("{}x{}", l.processes, l.callers);
  return fmt::format("{:>7} {:>6.0f} {:>5}", callers, l.region_us, l.tiles);
}

struct Derived {
  const char* key;
  const char* title;
  double value;
};

std::vector<Derived> DerivedOf(const Row& row) {
  return {{"of_best", "of best", AgainstBest(row)},
          {"of_alone", "of alone", Ratio(row, kCrew, kAlone, &Measured::per_second)},
          {"p99_of_alone", "p99", Ratio(row, kCrew, kAlone, &Measured::p99_ms)},
          {"cpu_of_alone", "CPU", Ratio(row, kCrew, kAlone, &Measured::cpu_ms)},
          {"control", "A/A", Control(row, &Measured::per_second)},
          {"control_p99", "A/A p99", Control(row, &Measured::p99_ms)}};
}

constexpr int kColumn = 12;

}  // namespace

// The control stands in its two columns only.
std::string Table(const Report& report) {
  const size_t shown = report.names.size() - 1;
  std::string out = fmt::format("{:20}{:<{}}{:<{}}the crew's share\n", "", "  calls a second",
                                kColumn * shown, "  p99 ms", kColumn * shown);
  out += fmt::format("{:>7} {:>6} {:>5}", "callers", "us", "tiles");
  for (int twice = 0; twice < 2; ++twice)
    for (size_t c = 0; c < shown; ++c) out += fmt::format("{:>{}}", report.names[c], kColumn);
  for (const Derived& d : DerivedOf(report.rows.front())) out += fmt::format(" {:>8}", d.title);
  for (const Row& row : report.rows) {
    out += "\n" + Name(row.layout);
    for (size_t c = 0; c < shown; ++c)
      out += fmt::format("{:>{}.0f}", Median(row.rounds[c], &Measured::per_second), kColumn);
    for (size_t c = 0; c < shown; ++c)
      out += fmt::format("{:>{}.3f}", Median(row.rounds[c], &Measured::p99_ms), kColumn);
    for (const Derived& d : DerivedOf(row)) out += fmt::format(" {:>8.3f}", d.value);
  }
  return out + "\n";
}

std::string Verdicts(const Report& report) {
  std::string out;
  for (const Finding& f : report.findings) {
    const char* verdict = f.missed > 0         ? "MISSED"
                          : f.where == nullptr ? "NOT JUDGED"
                          : f.not_judged > 0   ? "held where judged"
                                               : "held";
    out += fmt::format("{:60} {}: {} held, {} missed, {} not judged", f.rule->text, verdict, f.held,
                       f.missed, f.not_judged);
    if (f.where != nullptr)
      out += fmt::format("; worst {:.3f} ({} callers, {:.0f} us, {} tiles)", f.worst,
                         f.where->layout.processes * f.where->layout.callers,
                         f.where->layout.region_us, f.where->layout.tiles);
    out += '\n';
  }
  if (report.rounds < kRoundsToJudge)
    out += fmt::format("{} rounds judge nothing: it takes {}\n", report.rounds, kRoundsToJudge);
  return out;
}

std::string ToJson(const Report& report) {
  cli::JsonWriter json;
  json.BeginObject().Field("cores", report.cores).Field("rounds", report.rounds);
  json.Field("slot_seconds", report.seconds).Field("iteration_ns", report.iteration_ns);
  json.Key("rows").BeginArray();
  for (const Row& row : report.rows) {
    json.BeginObject().Field("processes", row.layout.processes);
    json.Field("callers", row.layout.callers).Field("region_us", row.layout.region_us);
    json.Field("tiles", row.layout.tiles).Key("contestants").BeginArray();
    for (size_t c = 0; c < report.names.size(); ++c) {
      const bool control = c + 1 == report.names.size();
      json.BeginObject().Field("name", control ? "control" : report.names[c].c_str());
      json.Field("per_second", Median(row.rounds[c], &Measured::per_second));
      json.Field("p50_ms", Median(row.rounds[c], &Measured::p50_ms));
      json.Field("p99_ms", Median(row.rounds[c], &Measured::p99_ms));
      json.Field("cpu_ms", Median(row.rounds[c], &Measured::cpu_ms)).EndObject();
    }
    json.EndArray().Key("crew").BeginObject();
    for (const Derived& d : DerivedOf(row)) json.Field(d.key, d.value);
    json.EndObject().EndObject();
  }
  json.EndArray().Key("verdicts").BeginArray();
  for (const Finding& f : report.findings) {
    json.BeginObject().Field("rule", f.rule->text).Field("held", f.held);
    json.Field("missed", f.missed).Field("not_judged", f.not_judged);
    json.Field("worst", f.where != nullptr ? f.worst : NAN).EndObject();
  }
  json.EndArray().EndObject();
  return json.text() + "\n";
}

}  // namespace heddle::bench
