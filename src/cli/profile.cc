// SPDX-License-Identifier: Apache-2.0
#include "cli/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "base/type.h"
#include "cli/text.h"
#include "engine/c_objects.h"

namespace heddle::cli {
namespace {

constexpr int kBarWidth = 20;

// What a step reached; NAN where it could not be run by itself, or nothing is known to hold it
// against.
struct Reached {
  double us = NAN, gmacs = NAN, gbytes = NAN, share_of_peak = NAN;
  const char* bound = "";
};

Reached ReachedBy(const core::StepTime& step, const Profile& profile) {
  Reached reached;
  if (step.ns < 0) return reached;
  const double ns = std::max(1.0, static_cast<double>(step.ns));
  reached.us = ns * 1e-3;
  if (step.work.macs > 0) reached.gmacs = static_cast<double>(step.work.macs) / ns;
  if (step.work.bytes > 0) reached.gbytes = static_cast<double>(step.work.bytes) / ns;
  const core::LeastTime least = core::LeastTimeOf(step.work, profile.peaks, profile.isa);
  if (least.ns > 0) reached.share_of_peak = least.ns / ns;
  reached.bound = least.bound;
  return reached;
}

std::string Decimal(double value, const char* unit = "") {
  return std::isnan(value) ? "" : fmt::format("{:.1f}{}", value, unit);
}

void WriteStep(JsonWriter& json, const core::StepTime& step, const Reached& reached) {
  json.BeginObject().Field("op", step.op).Field("name", step.name);
  json.Field("kernel", step.kernel).Field("shape", step.shape.ToString());
  json.Field("macs", step.work.macs).Field("bytes", step.work.bytes);
  json.Field("us", reached.us).Field("peak_share", reached.share_of_peak);
  json.Field("bound", reached.bound).EndObject();
}

const char* NameOf(core::Arithmetic arithmetic) {
  switch (arithmetic) {
    case core::Arithmetic::kFloat:
      return "float";
    case core::Arithmetic::kInt8:
      return "int8";
    case core::Arithmetic::kInt16:
      return "int16";
    case core::Arithmetic::kNone:
      break;
  }
  return "";
}

}  // namespace

Result<Profile> MeasureProfile(const Model& model, std::span<const TensorView> inputs,
                               const char* signature) {
  core::LoadedModel& loaded = *model.get()->loaded;
  core::RunRequest request;
  request.inputs = inputs.data();
  request.input_count = inputs.size();
  request.signature = signature;
  Profile profile;
  profile.isa = loaded.isa();
  profile.peaks = core::MeasurePeaks(profile.isa);
  HEDDLE_ASSIGN(profile.steps, core::ProfileSteps(loaded, request));
  return profile;
}

std::string PeaksText(const core::Peaks& peaks) {
  Table table("lrll");
  for (const core::ProductPeak& peak : peaks.products)
    table.Add({peak.instruction, fmt::format("{:.1f}", peak.macs_per_ns), "GMAC/s",
               NameOf(peak.arithmetic)});
  for (const core::ReadPeak& level : peaks.reads)
    table.Add({level.level, fmt::format("{:.1f}", level.bytes_per_ns), "GB/s",
               level.bytes == SIZE_MAX ? "read" : "read, of " + BytesText(level.bytes)});
  return "Peaks of one core, measured now:\n" + table.Text("  ");
}

std::string ProfileText(const Profile& profile) {
  std::vector<Reached> all;
  double sum = 0, most = 0;
  for (const core::StepTime& step : profile.steps) {
    const Reached& reached = all.emplace_back(ReachedBy(step, profile));
    if (std::isnan(reached.us)) continue;
    sum += reached.us;
    most = std::max(most, reached.us);
  }
  Table table("rllrrlrrrll");
  table.Add({"op", "step", "to", "us", "share", "", "GMAC/s", "GB/s", "of peak", "peak", "kernel"});
  for (size_t i = 0; i < all.size(); ++i) {
    const core::StepTime& step = profile.steps[i];
    const Reached& reached = all[i];
    const bool ran = !std::isnan(reached.us);
    table.Add({fmt::format("{}", step.op), Printable(step.name), step.shape.ToString(),
               ran ? Decimal(reached.us) : "-", ran ? Decimal(100 * reached.us / sum, " %") : "-",
               Bar(reached.us / most, kBarWidth), Decimal(reached.gmacs), Decimal(reached.gbytes),
               Decimal(100 * reached.share_of_peak, " %"), reached.bound, step.kernel});
  }
  return fmt::format("\n{}\nsteps together: {:.3f} ms\n\n{}", table.Text(), sum * 1e-3,
                     PeaksText(profile.peaks));
}

void WriteProfile(JsonWriter& json, const Profile& profile) {
  json.Key("profile").BeginArray();
  for (const core::StepTime& step : profile.steps) WriteStep(json, step, ReachedBy(step, profile));
  json.EndArray().Key("peaks").BeginArray();
  for (const core::ProductPeak& peak : profile.peaks.products) {
    json.BeginObject().Field("name", peak.instruction).Field("of", NameOf(peak.arithmetic));
    json.Field("isa", core::IsaName(peak.isa)).Field("gmacs_per_second", peak.macs_per_ns);
    json.EndObject();
  }
  for (const core::ReadPeak& level : profile.peaks.reads) {
    json.BeginObject().Field("name", level.level).Field("of", "read");
    json.Field("gb_per_second", level.bytes_per_ns).EndObject();
  }
  json.EndArray();
}

}  // namespace heddle::cli
