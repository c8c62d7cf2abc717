// SPDX-License-Identifier: Apache-2.0
// `heddle run`.
#include <fmt/format.h>

#include <optional>
#include <set>

#include "base/errors.h"
#include "cli/files.h"
#include "cli/given_inputs.h"
#include "cli/image_input.h"
#include "cli/json.h"
#include "cli/npz.h"
#include "cli/numbers.h"
#include "cli/profile.h"
#include "cli/text.h"
#include "cli/top.h"
#include "cli/trace.h"
#include "cli/verb.h"
#include "cli/verbs.h"

namespace heddle::cli {
namespace {

constexpr size_t kDefaultTop = 5;
constexpr size_t kNameWidth = 32;

struct Produced {
  Array array;
  std::vector<Score> top;  // empty: not asked for, or no list of scores
};

struct Report {
  Ports ports;
  std::string isa;
  std::vector<std::string> labels;
  std::vector<Array> inputs;
  std::vector<std::string> sources;  // of the inputs
  std::vector<Produced> outputs;
  std::optional<Profile> profile;
};

Status SetImage(const RunGiven& given, const Ports& ports, std::vector<OwnedTensor>& tensors,
                std::vector<std::string>& sources) {
  const int k = FindImageInput(ports);
  if (k < 0) return core::InvalidArgument("the model has no input that takes an image");
  HEDDLE_ASSIGN(const std::vector<std::byte> bytes, ReadFile(given.image));
  Result<Image> image = DecodeImage(bytes);
  if (!image.ok()) {
    return Status(image.status().code(),
                  fmt::format("'{}': {}", given.image, image.status().message()));
  }
  std::optional<PixelScaling> scaling;
  if (given.mean || given.std) scaling = {given.mean.value_or(0), given.std.value_or(1)};
  const auto i = static_cast<size_t>(k);
  HEDDLE_ASSIGN(tensors[i], ImageInput(*image, ports.inputs[i], scaling));
  sources[i] = fmt::format("{} by {} image", image->width, image->height);
  return Status();
}

// What the command line gives for the inputs, by their position; the rest is made up.
Result<std::vector<OwnedTensor>> ReadInputs(const RunGiven& given, const Ports& ports,
                                            std::vector<std::string>& sources) {
  HEDDLE_ASSIGN(const GivenArrays arrays, ReadGiven(ports, {given.inputs, given.input}));
  HEDDLE_ASSIGN(std::vector<OwnedTensor> tensors, MakeInputs(ports, FindIn(arrays)));
  for (const auto& array : arrays) sources.push_back(array ? "file" : "hash rule");
  if (!given.image.empty()) HEDDLE_TRY(SetImage(given, ports, tensors, sources));
  return tensors;
}

Result<Model> Load(const RunGiven& given) {
  Options engine_options;
  engine_options.cores = given.cores;
  const Engine engine(engine_options);
  LoadOptions load_options;
  load_options.numerics = NumericsOf(given.numerics);
  return engine.Load(given.model, load_options);
}

Result<Outputs> Call(const Model& model, const Ports& ports,
                     const std::vector<OwnedTensor>& tensors) {
  RunOptions options;
  options.signature = ports.key();
  options.fresh_state = true;  // one call: what it would remember is of no use
  const std::vector<TensorView> views = ViewsOf(tensors);
  return model.Run(std::span(views), options);
}

// What is looked at besides the answer.
Status Look(const RunGiven& given, const Model& model, const std::vector<OwnedTensor>& tensors,
            Report& report) {
  const std::vector<TensorView> inputs = ViewsOf(tensors);
  if (given.profile) {
    HEDDLE_ASSIGN(report.profile, MeasureProfile(model, inputs, report.ports.key()));
  }
  if (given.trace.empty()) return Status();
  return TraceCalls(model, inputs, {1, report.ports.key()}, given.trace);
}

// By position, as goldens are, and by name, so that the file can feed another model.
Status WriteOutputs(const std::string& path, const Report& report) {
  std::vector<NamedArray> arrays;
  std::set<std::string> names{""};
  const auto add = [&](const std::string& name, const Array& array) {
    if (names.insert(name).second) arrays.emplace_back(name, array);
  };
  for (size_t k = 0; k < report.outputs.size(); ++k) {
    add(fmt::format("output_{}", k), report.outputs[k].array);
  }
  for (size_t k = 0; k < report.outputs.size(); ++k) {
    add(report.ports.outputs[k].name(), report.outputs[k].array);
  }
  HEDDLE_ASSIGN(const std::vector<std::byte> bytes, FormatNpz(arrays));
  return WriteFile(path, bytes);
}

void NoteLabels(const Report& report, const Array& scores) {
  if (report.labels.empty() || report.labels.size() >= scores.elements()) return;
  Complain(fmt::format("note: {} labels for {} scores: the last ones have none",
                       report.labels.size(), scores.elements()));
}

Result<Report> MakeReport(const RunGiven& given) {
  Report report;
  {
    HEDDLE_ASSIGN(const auto source, core::Model::ReadFile(given.model));
    HEDDLE_ASSIGN(report.ports, PortsOf(*source, given.signature));
    report.labels = LabelsOf(*source);
  }
  HEDDLE_ASSIGN(const Model model, Load(given));  // a model that is refused takes no inputs
  report.isa = model.isa();
  HEDDLE_ASSIGN(const std::vector<OwnedTensor> tensors,
                ReadInputs(given, report.ports, report.sources));
  if (!given.labels.empty()) {
    HEDDLE_ASSIGN(const std::string text, ReadText(given.labels));
    report.labels = SplitLabels(text);
  }
  for (const OwnedTensor& tensor : tensors) {
    HEDDLE_ASSIGN(Array array, ToArray(tensor.view()));
    report.inputs.push_back(std::move(array));
  }
  HEDDLE_ASSIGN(const Outputs outputs, Call(model, report.ports, tensors));
  const bool wants_top = given.top > 0 || !given.image.empty() || !given.labels.empty();
  const size_t top = given.top > 0 ? static_cast<size_t>(given.top) : kDefaultTop;
  for (size_t k = 0; k < outputs.size(); ++k) {
    HEDDLE_ASSIGN(Array array, ToArray(outputs[k]));
    Produced produced{std::move(array), {}};
    if (wants_top && IsScoreList(produced.array)) {
      produced.top = TopScores(produced.array, report.ports.outputs[k], top);
      NoteLabels(report, produced.array);
    }
    report.outputs.push_back(std::move(produced));
  }
  HEDDLE_TRY(Look(given, model, tensors, report));
  return report;
}

void AddRow(Table& table, const char* what, const Port& port, const Array& array,
            const std::string& note) {
  table.Add({what, Shortened(port.name(), kNameWidth), core::TypeName(port.type), array.ShapeText(),
             RangeText(array, port.type), note});
}

std::string ToText(const Report& report) {
  Table table("llllll");
  for (size_t k = 0; k < report.inputs.size(); ++k) {
    AddRow(table, "input", report.ports.inputs[k], report.inputs[k], report.sources[k]);
  }
  for (size_t k = 0; k < report.outputs.size(); ++k) {
    AddRow(table, "output", report.ports.outputs[k], report.outputs[k].array, "");
  }
  std::string text = table.Text();
  for (size_t k = 0; k < report.outputs.size(); ++k) {
    const std::vector<Score>& top = report.outputs[k].top;
    if (top.empty()) continue;
    text += fmt::format("\n{}: the largest {}\n", Printable(report.ports.outputs[k].name()),
                        top.size());
    text += ScoresText(top, report.labels);
  }
  if (report.profile) text += ProfileText(*report.profile);
  return text;
}

void WriteTensor(JsonWriter& json, const Port& port, const Array& array) {
  json.Field("name", port.name()).Field("type", core::TypeName(port.type));
  json.Field("shape", array.shape);
  const Range range = RangeOf(array, port.type);
  json.Field("range", range.empty() ? std::vector<double>() : std::vector{range.low, range.high});
  json.Field("not_finite", range.not_finite);
}

std::string ToJson(const RunGiven& given, const Report& report) {
  JsonWriter json;
  json.BeginObject().Field("model", given.model).Field("isa", report.isa);
  json.Field("numerics", given.numerics).Key("inputs").BeginArray();
  for (size_t k = 0; k < report.inputs.size(); ++k) {
    json.BeginObject();
    WriteTensor(json, report.ports.inputs[k], report.inputs[k]);
    json.Field("source", report.sources[k]).EndObject();
  }
  json.EndArray().Key("outputs").BeginArray();
  for (size_t k = 0; k < report.outputs.size(); ++k) {
    json.BeginObject();
    WriteTensor(json, report.ports.outputs[k], report.outputs[k].array);
    json.Key("top").BeginArray();
    for (const Score& score : report.outputs[k].top) {
      json.BeginObject().Field("index", score.index).Field("score", score.value);
      json.Field("label", score.index < report.labels.size() ? report.labels[score.index] : "");
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
  if (report.profile) WriteProfile(json, *report.profile);
  json.EndObject();
  return json.text();
}

}  // namespace

Result<int> Do(const RunGiven& given) {
  HEDDLE_TRY(CheckDevice(given.device));
  HEDDLE_ASSIGN(const Report report, MakeReport(given));
  if (!given.output.empty()) HEDDLE_TRY(WriteOutputs(given.output, report));
  Print(given.json ? ToJson(given, report) : ToText(report));
  return kDone;
}

}  // namespace heddle::cli
