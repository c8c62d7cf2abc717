// SPDX-License-Identifier: Apache-2.0
// `heddle inspect`.
#include <fmt/format.h>

#include <algorithm>

#include "cli/inspection.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "cli/verbs.h"

namespace heddle::cli {
namespace {

constexpr size_t kNameWidth = 36;
constexpr size_t kFewSteps = 40;
constexpr int kBarWidth = 12;

const core::Subgraph& MainGraph(const Inspection& found) { return found.model->subgraphs()[0]; }

// -1 where the caller may choose.
std::vector<int32_t> DeclaredShape(const core::Tensor& tensor) {
  if (!tensor.signature.empty()) return tensor.signature;
  return {tensor.shape.dims().begin(), tensor.shape.dims().end()};
}

std::string ShapeText(const core::Tensor& tensor) {
  if (!tensor.has_rank) return "any";
  std::string text;
  for (const int32_t size : DeclaredShape(tensor)) {
    text += (text.empty() ? "" : "x") + (size < 0 ? "?" : std::to_string(size));
  }
  return text.empty() ? "scalar" : text;
}

std::string QuantOf(const core::Tensor& tensor) {
  const core::Quantization& quant = tensor.quant;
  if (!quant.quantised()) return "";
  if (!quant.per_channel()) return QuantText(quant.Scale(), quant.ZeroPoint());
  return fmt::format("{} scales on axis {}", quant.scale.size(), quant.axis);
}

std::string DeviceOf(const OperatorUse& use) {
  if (use.on_cpu == use.count) return "cpu";
  return use.on_cpu == 0 ? "-" : fmt::format("cpu {} of {}", use.on_cpu, use.count);
}

void AddPorts(Table& table, const char* what, const core::Subgraph& graph,
              const std::vector<int32_t>& indices) {
  for (const int32_t index : indices) {
    const core::Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
    table.Add({what, Shortened(tensor.name, kNameWidth), core::TypeName(tensor.type),
               ShapeText(tensor), QuantOf(tensor)});
  }
}

std::string SignatureText(const core::Signature& signature) {
  const auto names = [](const std::vector<core::SignatureTensor>& tensors) {
    std::string text;
    for (const auto& t : tensors)
      text += (text.empty() ? "" : ", ") + Shortened(t.name, kNameWidth);
    return text;
  };
  return fmt::format("{}({}) -> {}\n", Printable(signature.key), names(signature.inputs),
                     names(signature.outputs));
}

std::string OperatorsText(const Inspection& found) {
  Table table("lrrlr");
  table.Add({"operator", "version", "count", "device", "MACs"});
  for (const OperatorUse& use : found.operators) {
    table.Add({Printable(use.name), fmt::format("{}", use.version), fmt::format("{}", use.count),
               DeviceOf(use), use.macs > 0 ? CountText(static_cast<uint64_t>(use.macs)) : ""});
  }
  return table.Text();
}

// The way of the data, a line a step; a long graph is cut unless all of it is asked for.
std::string StepsText(const Inspection& found, bool all) {
  int64_t most = 1;
  for (const StepFact& step : found.steps) most = std::max(most, step.macs);
  const size_t shown = all ? found.steps.size() : std::min(found.steps.size(), kFewSteps);
  Table table("rlllrll");
  table.Add({"op", "step", "from", "to", "MACs", "", "kernel"});
  for (size_t i = 0; i < shown; ++i) {
    const StepFact& step = found.steps[i];
    table.Add({fmt::format("{}", step.op), Printable(step.name), Shortened(step.inputs, 32),
               Shortened(step.outputs, 32),
               step.macs > 0 ? CountText(static_cast<uint64_t>(step.macs)) : "",
               Bar(static_cast<double>(step.macs) / static_cast<double>(most), kBarWidth),
               step.kernel});
  }
  std::string text = table.Text();
  if (shown < found.steps.size()) {
    text += fmt::format("... and {} more: --steps shows all\n", found.steps.size() - shown);
  }
  return text;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + Shortened(name, 60);
  return text;
}

// A line each: what it keeps, whether calls may be stacked, what is wrong with it.
std::string FindingsText(const Inspection& found) {
  std::string text = "\n";
  if (!found.state.empty()) text += fmt::format("keeps: {}\n", Joined(found.state));
  if (found.batch) {
    text += found.batch->passes
                ? std::string(
                      "batches: along axis 0; a queue learns while it serves whether that pays\n")
                : fmt::format("does not batch: {}\n", Printable(found.batch->reason));
  }
  for (const core::Finding& finding : found.findings) {
    const bool error = finding.severity == core::Severity::kError;
    text += fmt::format("{}: {}\n", error ? "would fail" : core::SeverityName(finding.severity),
                        Printable(finding.text));
  }
  return text;
}

std::string ToText(const InspectGiven& given, const Inspection& found) {
  const core::Model& model = *found.model;
  std::string text = fmt::format("{}  {}", Printable(given.model),
                                 BytesText(static_cast<uint64_t>(model.size_bytes())));
  if (!model.description().empty()) text += "  " + Shortened(model.description(), 60);
  text += fmt::format("\n{}{} MACs, weights {} in the file and {} packed for {}, {} a call\n",
                      found.whole_plan ? "" : "as far as it can be planned: ",
                      CountText(static_cast<uint64_t>(found.macs)), BytesText(found.weights_bytes),
                      BytesText(found.packed_bytes), found.isa, BytesText(found.activation_bytes));
  text += fmt::format("sha256 {}\n\n", found.sha256);
  Table ports("lllll");
  AddPorts(ports, "input", MainGraph(found), MainGraph(found).inputs);
  AddPorts(ports, "output", MainGraph(found), MainGraph(found).outputs);
  text += ports.Text();
  if (!model.signatures().empty() || !model.files().empty() || !model.metadata().empty()) {
    text += "\n";
  }
  for (const core::Signature& s : model.signatures()) text += "signature  " + SignatureText(s);
  for (const core::AssociatedFile& f : model.files()) {
    text += fmt::format("file       {}  {}\n", Shortened(f.name, 60), BytesText(f.content.size()));
  }
  for (const core::Metadata& m : model.metadata()) {
    text += fmt::format("metadata   {}  {}\n", Shortened(m.name, 60), BytesText(m.content.size()));
  }
  text += "\n" + OperatorsText(found);
  if (!found.steps.empty()) text += "\n" + StepsText(found, given.steps);
  return text + FindingsText(found);
}

void WritePorts(JsonWriter& json, const char* key, const core::Subgraph& graph,
                const std::vector<int32_t>& indices) {
  json.Key(key).BeginArray();
  for (const int32_t index : indices) {
    const core::Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
    json.BeginObject().Field("name", tensor.name).Field("type", core::TypeName(tensor.type));
    json.Field("shape", DeclaredShape(tensor)).Key("quantization");
    json.BeginObject().Key("scale").BeginArray();
    for (const float scale : tensor.quant.scale) json.Value(static_cast<double>(scale));
    json.EndArray().Field("zero_point", tensor.quant.zero_point);
    json.Field("axis", tensor.quant.axis).EndObject().EndObject();
  }
  json.EndArray();
}

void WriteSignatures(JsonWriter& json, const core::Model& model) {
  json.Key("signatures").BeginArray();
  for (const core::Signature& signature : model.signatures()) {
    json.BeginObject().Field("name", signature.key).Field("subgraph", signature.subgraph);
    for (const bool input : {true, false}) {
      json.Key(input ? "inputs" : "outputs").BeginArray();
      for (const auto& t : input ? signature.inputs : signature.outputs) json.Value(t.name);
      json.EndArray();
    }
    json.EndObject();
  }
  json.EndArray();
}

void WriteOperators(JsonWriter& json, const Inspection& found) {
  json.Key("operators").BeginArray();
  for (const OperatorUse& use : found.operators) {
    json.BeginObject().Field("name", use.name).Field("version", use.version);
    json.Field("count", use.count).Field("device", DeviceOf(use)).Field("macs", use.macs);
    json.EndObject();
  }
  json.EndArray().Key("steps").BeginArray();
  for (const StepFact& step : found.steps) {
    json.BeginObject().Field("op", step.op).Field("name", step.name);
    json.Field("kernel", step.kernel).Field("inputs", step.inputs);
    json.Field("outputs", step.outputs).Field("macs", step.macs).EndObject();
  }
  json.EndArray();
}

void WriteFindings(JsonWriter& json, const Inspection& found) {
  json.Field("problems", found.problems).Field("state", found.state).Key("findings").BeginArray();
  for (const core::Finding& finding : found.findings) {
    json.BeginObject().Field("severity", core::SeverityName(finding.severity));
    json.Field("text", finding.text).EndObject();
  }
  json.EndArray();
  if (!found.batch) return;
  json.Key("batch").BeginObject().Field("passes", found.batch->passes);
  json.Field("reason", found.batch->reason).EndObject();
}

std::string ToJson(const InspectGiven& given, const Inspection& found) {
  const core::Model& model = *found.model;
  JsonWriter json;
  json.BeginObject().Field("model", given.model).Field("size_bytes", model.size_bytes());
  json.Field("sha256", found.sha256);
  json.Field("description", model.description()).Field("isa", found.isa);
  json.Field("macs", found.macs).Field("weights_bytes", found.weights_bytes);
  json.Field("packed_bytes", found.packed_bytes);
  json.Field("activation_bytes", found.activation_bytes);
  WritePorts(json, "inputs", MainGraph(found), MainGraph(found).inputs);
  WritePorts(json, "outputs", MainGraph(found), MainGraph(found).outputs);
  WriteSignatures(json, model);
  WriteOperators(json, found);
  json.Key("metadata").BeginArray();
  for (const core::Metadata& m : model.metadata()) json.Value(m.name);
  json.EndArray().Key("files").BeginArray();
  for (const core::AssociatedFile& file : model.files()) {
    json.BeginObject().Field("name", file.name).Field("bytes", file.content.size()).EndObject();
  }
  json.EndArray();
  WriteFindings(json, found);
  json.EndObject();
  return json.text();
}

}  // namespace

Result<int> Do(const InspectGiven& given) {
  HEDDLE_ASSIGN(const Inspection found, Inspect(given.model));
  Print(given.json ? ToJson(given, found) : ToText(given, found));
  return kDone;
}

}  // namespace heddle::cli
