// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "base/errors.h"
#include "cli/compare.h"
#include "cli/hash_inputs.h"
#include "cli/json.h"
#include "cli/numbers.h"
#include "cli/ports.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "engine/loaded_model.h"

namespace heddle::cli {
namespace {

constexpr uint32_t kSeeds[] = {1, 2};  // of the inputs besides the hash rule's
constexpr size_t kSets = 1 + std::size(kSeeds);
// A model that is too large for the plain kernels is told so, instead of going on for days.
constexpr int64_t kCallLimitNs = int64_t{600} * 1'000'000'000;
constexpr const char* kWhole = "(outputs of the model)";

// The values of a run that have a memory, by the operator that makes them; the outputs under
// kWhole.
struct Value {
  std::string name;
  int op = -1;
  Array array;
  bool bfloat16 = false;
};

struct Line {  // one operator, numerics and ISA, over all inputs
  int values = 0, differ = 0;
  double largest = 0;
  int first_op = -1;  // the first that differs
};

// Operator, numerics, ISA.
using Lines = std::map<std::tuple<std::string, std::string, std::string>, Line>;

// Random bits where every bit pattern is a value; else numbers that suit most models.
Result<OwnedTensor> RandomInput(const Port& port, std::mt19937& random) {
  HEDDLE_ASSIGN(OwnedTensor tensor,
                HashInput(random() & 0xFFFF, port.type, port.shape, port.name()));
  if (port.type == core::Type::kFloat32) {
    std::normal_distribution<float> normal(0, 2);
    for (size_t i = 0; i + 4 <= tensor.data.size(); i += 4) {
      const float value = normal(random);
      std::memcpy(tensor.data.data() + i, &value, 4);
    }
  }
  return tensor;
}

Result<std::vector<OwnedTensor>> InputSet(const Ports& ports, size_t set) {
  const FindArray none = [](int) { return nullptr; };
  if (set == 0) return MakeInputs(ports, none);
  std::mt19937 random(kSeeds[set - 1]);
  std::vector<OwnedTensor> tensors;
  for (const Port& port : ports.inputs) {
    HEDDLE_ASSIGN(OwnedTensor tensor, RandomInput(port, random));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

// Whether any element has other bits; all NaN are alike.
bool BitsDiffer(const Array& a, const Array& b, bool bfloat16) {
  if (a.shape != b.shape || a.data.size() != b.data.size()) return true;
  if (a.data == b.data) return false;
  const bool is_float = a.kind == Kind::kFloat || a.kind == Kind::kComplex || bfloat16;
  if (!is_float) return true;
  const size_t part = a.item / PartsOf(a);
  for (size_t i = 0; i < a.data.size() / part; ++i) {
    const size_t at = i * part;
    if (std::memcmp(a.data.data() + at, b.data.data() + at, part) == 0) continue;
    if (!std::isnan(FloatAt(a, i)) || !std::isnan(FloatAt(b, i))) return true;
  }
  return false;
}

class ModelVerifier {
 public:
  explicit ModelVerifier(std::shared_ptr<const core::Model> model) : model_(std::move(model)) {}

  Status Run(const std::vector<Numerics>& modes) {
    HEDDLE_ASSIGN(ports_, PortsOf(*model_, ""));
    const auto& isas = core::SupportedIsas();
    Progress progress("verify", modes.size() * kSets * isas.size());
    size_t done = 0;
    for (const Numerics mode : modes) {
      Status refused;  // by every input set
      for (size_t set = 0; set < kSets; ++set) {
        std::optional<Result<std::vector<Value>>> plain;
        for (const core::Isa isa : isas) {
          progress.Show(done++, fmt::format("{} {}", ModeName(mode), core::IsaName(isa)));
          HEDDLE_TRY(RunIsa(mode, isa, set, plain));
        }
        if (set == 0 || plain->ok()) refused = plain->status();
      }
      // Nothing was verified where no input runs at all.
      HEDDLE_TRY(refused);
    }
    return Status();
  }

  const Lines& lines() const { return lines_; }
  static const char* ModeName(Numerics mode) {
    return mode == Numerics::kReference ? "reference" : "fast";
  }

 private:
  // Once with every value kept, and once as it runs for callers, in memory that is used again: only
  // its outputs can be held against the plain ones.
  Status RunIsa(Numerics mode, core::Isa isa, size_t set,
                std::optional<Result<std::vector<Value>>>& plain) {
    for (const bool keep_all : {true, false}) {
      HEDDLE_ASSIGN(
          const auto loaded,
          core::LoadedModel::Load(std::make_shared<core::EngineCore>(core::EngineOptions()), model_,
                                  static_cast<core::Numerics>(mode), core::IsaName(isa), keep_all));
      Result<std::vector<Value>> values = ValuesOf(*loaded, set, keep_all);
      if (values.status().code() == Code::kDeadlineExceeded) return values.status();
      if (!plain) {
        plain = std::move(values);
      } else {
        CompareRuns(ModeName(mode), core::IsaName(isa), values, *plain);
      }
    }
    return Status();
  }

  Result<std::vector<Value>> ValuesOf(core::LoadedModel& loaded, size_t set, bool keep_all) const {
    HEDDLE_ASSIGN(const std::vector<OwnedTensor> tensors, InputSet(ports_, set));
    const std::vector<TensorView> views = ViewsOf(tensors);
    core::RunRequest request;
    request.inputs = views.data();
    request.input_count = views.size();
    request.fresh_state = true;
    const core::Clock& clock = core::SystemClock();
    request.control = core::RunControl(clock, clock.NowNs() + kCallLimitNs, nullptr);
    HEDDLE_ASSIGN(core::Call call, loaded.Run(request));
    std::vector<Value> values;
    for (size_t k = 0; k < ports_.outputs.size(); ++k) {
      TensorView view;
      call.Describe(k, &view);
      HEDDLE_ASSIGN(Array array, ToArray(view));
      const bool bfloat16 = ports_.outputs[k].type == core::Type::kBFloat16;
      values.push_back({kWhole, -1, std::move(array), bfloat16});
    }
    if (keep_all) HEDDLE_TRY(AddInnerValues(call.context(), values));
    return values;
  }

  Status AddInnerValues(const core::Context& context, std::vector<Value>& values) const {
    const core::Subgraph& graph = model_->subgraphs()[0];
    for (size_t i = 0; i < graph.operators.size(); ++i) {
      for (const int32_t index : graph.operators[i].outputs) {
        if (index < 0) continue;
        const core::Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
        core::Shape shape;
        const core::CallTensor memory = context.value(index, &shape);
        if (memory.data == nullptr || core::TypeBits(tensor.type) == 0) continue;
        if (tensor.type == core::Type::kResource) continue;  // a number of ours, no value
        OwnedTensor described{tensor.name, tensor.type, shape, {}};
        TensorView view = described.view();
        view.data = memory.data;
        view.bytes = memory.bytes;
        HEDDLE_ASSIGN(Array array, ToArray(view));
        values.push_back({graph.operators[i].Name(), static_cast<int>(i), std::move(array),
                          tensor.type == core::Type::kBFloat16});
      }
    }
    return Status();
  }

  // A model may refuse an input, an index out of range say: then every ISA must.
  void CompareRuns(const std::string& mode, const std::string& isa,
                   const Result<std::vector<Value>>& values,
                   const Result<std::vector<Value>>& plain) {
    if (values.ok() && plain.ok()) return CompareValues(mode, isa, *values, *plain);
    Line& line = lines_[{kWhole, mode, isa}];
    ++line.values;
    if (values.status().message() == plain.status().message()) return;
    ++line.differ;
    line.largest = INFINITY;
  }

  // The values of a caller's run are the first of those of the other: both begin with the outputs.
  void CompareValues(const std::string& mode, const std::string& isa,
                     const std::vector<Value>& values, const std::vector<Value>& plain) {
    for (size_t i = 0; i < std::min(values.size(), plain.size()); ++i) {
      const Value& value = values[i];
      Line& line = lines_[{value.name, mode, isa}];
      ++line.values;
      if (!BitsDiffer(value.array, plain[i].array, value.bfloat16)) continue;
      ++line.differ;
      if (line.first_op < 0) line.first_op = value.op;
      const Golden golden{&plain[i].array, 1};
      const auto difference = Compare(value.array, value.bfloat16, {&golden, 1}, {});
      if (difference.ok()) line.largest = std::max(line.largest, difference->largest);
    }
  }

  std::shared_ptr<const core::Model> model_;
  Ports ports_;
  Lines lines_;
};

bool AnyDiffers(const Lines& lines) {
  return std::any_of(lines.begin(), lines.end(), [](const auto& l) { return l.second.differ > 0; });
}

// "=" where every bit is the same.
std::string Cell(const Line& line) {
  if (line.differ == 0) return "=";
  const std::string where = line.first_op < 0 ? "" : fmt::format(", first op {}", line.first_op);
  return fmt::format("{:.3g} in {} of {}{}", line.largest, line.differ, line.values, where);
}

// A row an operator and numerics, a column an ISA.
std::string ToText(const VerifyOptions& options, const Lines& lines) {
  const auto& isas = core::SupportedIsas();
  Table table(std::string(2 + isas.size(), 'l'));
  std::vector<std::string> header{"operator", "numerics"};
  for (const core::Isa isa : isas) header.push_back(core::IsaName(isa));
  table.Add(header);
  std::pair<std::string, std::string> done;
  for (const auto& [key, line] : lines) {
    const auto& [name, mode, isa] = key;
    if (std::exchange(done, {name, mode}) == std::pair(name, mode)) continue;
    std::vector<std::string> row{Printable(name), mode};
    for (const core::Isa column : isas) {
      const auto it = lines.find({name, mode, core::IsaName(column)});
      row.push_back(it == lines.end() ? "" : Cell(it->second));
    }
    table.Add(row);
  }
  return fmt::format("{}\n\n{}\n{}\n", Printable(options.model), table.Text(),
                     AnyDiffers(lines) ? "some bits differ from the plain kernels'"
                                       : "every bit is the plain kernels'");
}

std::string ToJson(const VerifyOptions& options, const Lines& lines) {
  JsonWriter json;
  json.BeginObject().Field("model", options.model).Field("equal", !AnyDiffers(lines));
  json.Key("operators").BeginArray();
  for (const auto& [key, line] : lines) {
    const auto& [name, mode, isa] = key;
    json.BeginObject().Field("operator", name).Field("numerics", mode).Field("isa", isa);
    json.Field("values", line.values).Field("differ", line.differ);
    json.Field("difference", line.largest).EndObject();
  }
  json.EndArray().EndObject();
  return json.text();
}

}  // namespace

Result<int> VerifyModel(const VerifyOptions& options) {
  HEDDLE_ASSIGN(auto model, core::Model::ReadFile(options.model));
  std::vector<Numerics> modes{Numerics::kFast, Numerics::kReference};
  if (options.numerics) modes = {*options.numerics};
  ModelVerifier verifier(std::move(model));
  HEDDLE_TRY(verifier.Run(modes));
  Print(options.json ? ToJson(options, verifier.lines()) : ToText(options, verifier.lines()));
  return AnyDiffers(verifier.lines()) ? kCheckFailed : kDone;
}

}  // namespace heddle::cli
