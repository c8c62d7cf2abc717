// SPDX-License-Identifier: Apache-2.0
#include "plan/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace heddle::core {
namespace {

// Of findings of one kind only so many are told one by one.
constexpr size_t kTold = 8;
// Converters nudge a range so that zero is a value: by this many steps at most.
constexpr double kNudge = 2;

struct Range {
  double least = 0, most = 0;
};

// The values that the bytes of a tensor of 8 bits stand for.
std::optional<Range> RangeOf(const Tensor& tensor) {
  const bool is_signed = tensor.type == Type::kInt8;
  if ((!is_signed && tensor.type != Type::kUInt8) || tensor.quant.scale.size() != 1) return {};
  const double scale = tensor.quant.Scale(), zero = tensor.quant.ZeroPoint();
  const double first = is_signed ? -128 : 0;
  return Range{(first - zero) * scale, (first + 255 - zero) * scale};
}

bool IsQuantisedType(Type type) {
  switch (type) {
    case Type::kInt2:
    case Type::kInt4:
    case Type::kUInt4:
    case Type::kInt8:
    case Type::kUInt8:
    case Type::kInt16:
    case Type::kUInt16:
    case Type::kInt32:
    case Type::kInt64:
      return true;
    default:
      return false;
  }
}

// Operators whose output 0 is bytes of an input, moved.
std::optional<size_t> MovedInput(OpCode code) {
  switch (code) {
    case OpCode::kRESHAPE:
    case OpCode::kSQUEEZE:
    case OpCode::kTRANSPOSE:
    case OpCode::kGATHER:
    case OpCode::kGATHER_ND:
    case OpCode::kSLICE:
    case OpCode::kSTRIDED_SLICE:
    case OpCode::kSPLIT_V:
    case OpCode::kUNPACK:
    case OpCode::kTILE:
    case OpCode::kBROADCAST_TO:
    case OpCode::kREVERSE_V2:
    case OpCode::kSPACE_TO_DEPTH:
    case OpCode::kDEPTH_TO_SPACE:
    case OpCode::kSPACE_TO_BATCH_ND:
    case OpCode::kBATCH_TO_SPACE_ND:
    case OpCode::kRESIZE_NEAREST_NEIGHBOR:
      return 0;
    case OpCode::kSPLIT:
      return 1;
    default:
      return {};
  }
}

class Auditor {
 public:
  explicit Auditor(const Model& model) : model_(model) {}

  std::vector<Finding> Run() {
    std::set<int> entries = {0};
    for (const Signature& signature : model_.signatures()) entries.insert(signature.subgraph);
    for (const int entry : entries) CheckEntry(Graph(entry));
    CheckResources();
    for (const Subgraph& graph : model_.subgraphs()) CheckMoves(graph);
    for (const Subgraph& graph : model_.subgraphs()) CheckScales(graph);
    for (const Subgraph& graph : model_.subgraphs()) CheckStrays(graph);
    std::vector<Finding> sorted;
    for (const Severity severity : {Severity::kError, Severity::kWarning, Severity::kNote})
      for (const Finding& finding : found_)
        if (finding.severity == severity) sorted.push_back(finding);
    return sorted;
  }

 private:
  const Subgraph& Graph(int index) const { return model_.subgraphs()[static_cast<size_t>(index)]; }
  void Add(Severity severity, std::string text) { found_.push_back({severity, std::move(text)}); }
  void AddSome(Severity severity, const std::vector<std::string>& texts, const char* what) {
    for (size_t i = 0; i < std::min(texts.size(), kTold); ++i) Add(severity, texts[i]);
    if (texts.size() > kTold) Add(severity, fmt::format("{} more {}", texts.size() - kTold, what));
  }

  void CheckEntry(const Subgraph& graph) {
    std::set<int32_t> read(graph.outputs.begin(), graph.outputs.end());
    for (const Operator& op : graph.operators) read.insert(op.inputs.begin(), op.inputs.end());
    for (const int32_t index : graph.inputs) {
      const Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
      if (!read.contains(index))
        Add(Severity::kNote, fmt::format("input '{}': nothing reads it", tensor.name));
      CheckImage(tensor);
      CheckDeclared("input", tensor);
    }
    for (const int32_t index : graph.outputs)
      CheckDeclared("output", graph.tensors[static_cast<size_t>(index)]);
  }

  // What looks like an image is fed with pixels: the range that they must be brought to first.
  void CheckImage(const Tensor& tensor) {
    const std::optional<Range> range = RangeOf(tensor);
    const int rank = tensor.shape.rank();
    const int32_t depth = rank == 4 ? tensor.shape[3] : 0;
    if (!range || tensor.quant.Scale() <= 0 || (depth != 1 && depth != 3 && depth != 4)) return;
    const double step = kNudge * tensor.quant.Scale();
    for (const Range usual : {Range{0, 1}, Range{-1, 1}, Range{0, 255}})
      if (std::abs(range->least - usual.least) <= step &&
          std::abs(range->most - usual.most) <= step)
        return;
    Add(Severity::kNote,
        fmt::format(
            "input '{}': its bytes stand for {:.4g} to {:.4g}, not for 0 to 1, -1 to 1 or 0 to "
            "255: scale pixels to that",
            tensor.name, range->least, range->most));
  }

  // The file's own minimum and maximum must be values that the bytes can stand for.
  void CheckDeclared(const char* what, const Tensor& tensor) {
    const std::optional<Range> range = RangeOf(tensor);
    const Quantization& quant = tensor.quant;
    if (!range || quant.min.size() != 1 || quant.max.size() != 1) return;
    const double least = quant.min[0], most = quant.max[0], slack = kNudge * quant.Scale();
    if (!(least < most) || (least >= range->least - slack && most <= range->most + slack)) return;
    Add(Severity::kWarning,
        fmt::format(
            "{} '{}': declared as {:.4g} to {:.4g}, but scale {:.4g} and zero point {} hold "
            "{:.4g} to {:.4g}",
            what, tensor.name, least, most, quant.Scale(), quant.ZeroPoint(), range->least,
            range->most));
  }

  // A variable or table that is read and that nothing in the file ever sets.
  void CheckResources() {
    std::vector<bool> set(model_.resources().size()), read(set.size());
    for (const Subgraph& graph : model_.subgraphs()) {
      std::vector<int> handles(graph.tensors.size(), -1);
      for (const Operator& op : graph.operators) {
        if (op.code == OpCode::kVAR_HANDLE || op.code == OpCode::kHASHTABLE)
          for (const int32_t t : op.outputs) handles[static_cast<size_t>(t)] = ResourceOf(op);
        const bool sets =
            op.code == OpCode::kASSIGN_VARIABLE || op.code == OpCode::kHASHTABLE_IMPORT;
        const bool reads = op.code == OpCode::kREAD_VARIABLE || op.code == OpCode::kHASHTABLE_FIND;
        if ((!sets && !reads) || op.inputs.empty() || op.inputs[0] < 0) continue;
        const int resource = handles[static_cast<size_t>(op.inputs[0])];
        if (resource < 0 && sets) return;  // through a handle from elsewhere: may be any
        if (resource >= 0) (sets ? set : read)[static_cast<size_t>(resource)] = true;
      }
    }
    for (size_t r = 0; r < set.size(); ++r) {
      const ResourceInfo& info = model_.resources()[r];
      if (read[r] && !set[r])
        Add(Severity::kWarning, fmt::format("{} '{}' is read, and nothing in the file {} it",
                                            info.table ? "hash table" : "resource variable",
                                            info.name, info.table ? "fills" : "assigns"));
    }
  }
  static int ResourceOf(const Operator& op) {
    return op.code == OpCode::kVAR_HANDLE ? op.OptionsOr<VarHandleOptions>().resource
                                          : op.OptionsOr<HashTableOptions>().resource;
  }

  void CheckMoves(const Subgraph& graph) {
    std::vector<std::string> texts;
    for (size_t i = 0; i < graph.operators.size(); ++i) {
      const Operator& op = graph.operators[i];
      const std::optional<size_t> k = MovedInput(op.code);
      if (!k || *k >= op.inputs.size() || op.inputs[*k] < 0 || op.outputs.empty()) continue;
      const Tensor& from = graph.tensors[static_cast<size_t>(op.inputs[*k])];
      const Tensor& to = graph.tensors[static_cast<size_t>(op.outputs[0])];
      if (!IsQuantisedType(to.type) || from.type != to.type || SameMeaning(from.quant, to.quant))
        continue;
      texts.push_back(fmt::format(
          "op {} {}: moves bytes of scale {:.6g}, zero point {} to '{}' of scale {:.6g}, zero "
          "point {}: they mean something else there",
          i, op.Name(), from.quant.Scale(), from.quant.ZeroPoint(), to.name, to.quant.Scale(),
          to.quant.ZeroPoint()));
    }
    AddSome(Severity::kWarning, texts, "operators that move bytes to another scale");
  }
  static bool SameMeaning(const Quantization& from, const Quantization& to) {
    if (from.scale.size() != 1 || to.scale.size() != 1) return true;
    const double a = from.Scale(), b = to.Scale();
    return std::abs(a - b) <= 1e-3 * std::abs(a) && from.ZeroPoint() == to.ZeroPoint();
  }

  void CheckScales(const Subgraph& graph) {
    std::vector<std::string> texts;
    for (const Tensor& tensor : graph.tensors) {
      if (!IsQuantisedType(tensor.type)) continue;
      const auto& scales = tensor.quant.scale;
      const auto bad = std::ranges::count_if(scales, [](float s) { return !(s > 0); });
      if (bad == 0) continue;
      const float first = *std::ranges::find_if(scales, [](float s) { return !(s > 0); });
      texts.push_back(scales.size() == 1
                          ? fmt::format("tensor '{}': scale {:.6g}, expected a positive number",
                                        tensor.name, first)
                          : fmt::format("tensor '{}': {} of {} scales are not positive, the first "
                                        "is {:.6g}",
                                        tensor.name, bad, scales.size(), first));
    }
    AddSome(Severity::kWarning, texts, "tensors with scales that are not positive");
  }

  // Tensors that nothing writes; the reader has refused those that something reads.
  void CheckStrays(const Subgraph& graph) {
    std::vector<bool> used(graph.tensors.size());
    const auto mark = [&](const std::vector<int32_t>& indices) {
      for (const int32_t t : indices)
        if (t >= 0) used[static_cast<size_t>(t)] = true;
    };
    mark(graph.inputs);
    mark(graph.outputs);
    for (const Operator& op : graph.operators) {
      mark(op.inputs);
      mark(op.outputs);
      mark(op.intermediates);
    }
    size_t count = 0;
    const Tensor* first = nullptr;
    for (size_t t = 0; t < used.size(); ++t) {
      const Tensor& tensor = graph.tensors[t];
      if (used[t] || tensor.constant || tensor.variable) continue;
      if (count++ == 0) first = &tensor;
    }
    if (first == nullptr) return;
    Add(Severity::kNote,
        count == 1
            ? fmt::format("tensor '{}': nothing writes it, and nothing reads it", first->name)
            : fmt::format("{} tensors that nothing writes and nothing reads, the first is "
                          "'{}'",
                          count, first->name));
  }

  const Model& model_;
  std::vector<Finding> found_;
};

}  // namespace

const char* SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "unknown";
}

std::vector<Finding> AuditModel(const Model& model) { return Auditor(model).Run(); }

std::vector<std::string> StateNames(const Model& model, const StateLayout& layout) {
  std::vector<std::string> names;
  for (const StateLayout::Memory& memory : layout.memories) {
    const Subgraph& graph = model.subgraphs()[static_cast<size_t>(memory.subgraph)];
    names.push_back(memory.tensor >= 0
                        ? fmt::format("variable tensor '{}'",
                                      graph.tensors[static_cast<size_t>(memory.tensor)].name)
                        : fmt::format("op {} {}", memory.op,
                                      graph.operators[static_cast<size_t>(memory.op)].Name()));
  }
  for (size_t r = 0; r < model.resources().size(); ++r) {
    if (layout.of_model[r]) continue;
    const ResourceInfo& info = model.resources()[r];
    names.push_back(
        fmt::format("{} '{}'", info.table ? "hash table" : "resource variable", info.name));
  }
  return names;
}

}  // namespace heddle::core
