// SPDX-License-Identifier: Apache-2.0
#include "plan/state_layout.h"

#include <fmt/format.h>

#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "kernels/state.h"

namespace heddle::core {
namespace {

bool WritesResource(OpCode code) {
  return code == OpCode::kASSIGN_VARIABLE || code == OpCode::kHASHTABLE_IMPORT;
}
bool ReadsResource(OpCode code) {
  return code == OpCode::kREAD_VARIABLE || code == OpCode::kHASHTABLE_FIND ||
         code == OpCode::kHASHTABLE_SIZE;
}

OperatorMemory MemoryOf(const Subgraph& graph, const Operator& op) {
  const int32_t first = op.inputs.empty() ? -1 : op.inputs[0];
  return core::MemoryOf(op, first < 0 ? nullptr : &graph.tensors[first]);
}

class Builder {
 public:
  explicit Builder(const Model& model) : model_(model), graphs_(model.subgraphs()) {}

  StateLayout Build() {
    layout_.of_model.assign(model_.resources().size(), false);
    for (size_t s = 0; s < graphs_.size(); ++s) Survey(static_cast<int>(s));
    FindWriters();
    for (size_t r = 0; r < writer_.size(); ++r) layout_.of_model[r] = writer_[r] >= 0;
    layout_.named.resize(graphs_.size());
    layout_.touches.assign(graphs_.size(), false);
    for (size_t r = writer_.size(); r-- > 0;)
      if (writer_[r] == kShared) first_of_session_ = static_cast<int>(r);
    named_.assign(graphs_.size(), false);
    for (size_t s = 0; s < graphs_.size(); ++s) Name(static_cast<int>(s));
    for (int init : layout_.initialisers)
      layout_.writes_session.push_back(!layout_.named[init].empty());
    layout_.fingerprint = Fingerprint();
    return std::move(layout_);
  }

 private:
  static constexpr int kNone = -1, kOthers = -2, kShared = -3;

  // What a subgraph calls, which of its tensors are handles, which initialisers it names.
  void Survey(int s) {
    AddMemories(s);
    calls_.emplace_back();
    handles_.emplace_back(graphs_[s].tensors.size(), kNone);
    for (const Operator& op : graphs_[s].operators) {
      for (int32_t called : CalledSubgraphs(op)) calls_.back().push_back({called, op.code});
      int resource = kNone;
      if (op.code == OpCode::kVAR_HANDLE) resource = op.OptionsOr<VarHandleOptions>().resource;
      if (op.code == OpCode::kHASHTABLE) resource = op.OptionsOr<HashTableOptions>().resource;
      for (int32_t t : op.outputs) handles_.back()[t] = resource;
      if (op.code != OpCode::kCALL_ONCE) continue;
      const int init = op.OptionsOr<SubgraphOptions>().first;
      auto& all = layout_.initialisers;
      if (initialisers_.insert(init).second) all.push_back(init);
    }
  }
  void AddMemories(int s) {
    const Subgraph& graph = graphs_[s];
    for (size_t t = 0; t < graph.tensors.size(); ++t) {
      const Tensor& tensor = graph.tensors[t];
      int64_t elements = 0;
      if (!tensor.variable || tensor.constant || TypeBits(tensor.type) == 0 ||
          !tensor.shape.CheckedElements(&elements))
        continue;
      const int zero = tensor.type == Type::kInt8 ? tensor.quant.ZeroPoint() : 0;
      layout_.variables[{s, static_cast<int>(t)}] = static_cast<int>(layout_.memories.size());
      layout_.memories.push_back({s, static_cast<int>(t), -1, TypeBytes(tensor.type, elements),
                                  static_cast<std::byte>(zero)});
    }
    for (size_t i = 0; i < graph.operators.size(); ++i) {
      const size_t bytes = MemoryOf(graph, graph.operators[i]).bytes;
      if (bytes == 0) continue;
      layout_.operators[{s, static_cast<int>(i)}] = static_cast<int>(layout_.memories.size());
      layout_.memories.push_back({s, -1, static_cast<int>(i), bytes, std::byte{0}});
    }
  }

  // Marks what runs when `s` does as run by initialiser `by` (or by kShared, several).
  void Paint(int s, int by) {
    if (inside_[s] == by || inside_[s] == kShared) return;
    inside_[s] = inside_[s] == kOthers ? by : kShared;
    for (const auto& [called, code] : calls_[s]) Paint(called, inside_[s]);
  }
  // The same for what an entry point runs by itself.
  void PaintOpen(int s, std::vector<bool>& seen) {
    if (seen[s]) return;
    seen[s] = true;
    inside_[s] = kShared;
    for (const auto& [called, code] : calls_[s])
      if (code != OpCode::kCALL_ONCE) PaintOpen(called, seen);
  }

  // Which initialiser writes a resource: kNone, its index, or kShared: something else does too.
  void FindWriters() {
    writer_.assign(model_.resources().size(), kNone);
    inside_.assign(graphs_.size(), kOthers);
    for (size_t i = 0; i < layout_.initialisers.size(); ++i)
      Paint(layout_.initialisers[i], static_cast<int>(i));
    std::vector<bool> seen(graphs_.size());
    PaintOpen(0, seen);
    for (const Signature& s : model_.signatures()) PaintOpen(s.subgraph, seen);
    for (size_t s = 0; s < graphs_.size(); ++s)
      for (const Operator& op : graphs_[s].operators)
        if (WritesResource(op.code) && !op.inputs.empty() && op.inputs[0] >= 0)
          NoteWrite(handles_[s][op.inputs[0]], inside_[s] < 0 ? kShared : inside_[s]);
  }
  // A handle that comes from elsewhere may be any.
  void NoteWrite(int resource, int initialiser) {
    if (resource == kNone) {
      for (int& writer : writer_) writer = kShared;
      return;
    }
    int& writer = writer_[resource];
    writer = writer == kNone || writer == initialiser ? initialiser : kShared;
  }

  // The first state of a session that the operators of a subgraph touch.
  std::string OwnSession(int s) const {
    const Subgraph& graph = graphs_[s];
    const auto variable = [&](int32_t t) { return t >= 0 && layout_.VariableOf(s, t) >= 0; };
    for (int32_t t : graph.outputs)
      if (variable(t)) return fmt::format("variable tensor '{}'", graph.tensors[t].name);
    for (size_t i = 0; i < graph.operators.size(); ++i) {
      const Operator& op = graph.operators[i];
      for (int32_t t : op.inputs)
        if (variable(t)) return fmt::format("variable tensor '{}'", graph.tensors[t].name);
      if (MemoryOf(graph, op).needs_session) return fmt::format("op {} {}", i, op.Name());
      if ((!WritesResource(op.code) && !ReadsResource(op.code)) || op.inputs.empty()) continue;
      if (op.inputs[0] < 0) continue;
      const int r = handles_[s][op.inputs[0]];
      const int at = r == kNone ? first_of_session_ : r;
      // What nothing writes holds nothing.
      if (at == kNone || layout_.of_model[at] || writer_[at] == kNone) continue;
      const ResourceInfo& info = model_.resources()[at];
      return fmt::format("{} '{}'", info.table ? "hash table" : "resource variable", info.name);
    }
    return "";
  }
  bool OwnAny(int s) const {
    for (const Operator& op : graphs_[s].operators) {
      if (WritesResource(op.code) || ReadsResource(op.code) || MemoryOf(graphs_[s], op).bytes > 0)
        return true;
      if (op.code == OpCode::kCALL_ONCE) return true;
    }
    return !OwnSession(s).empty();
  }
  void Name(int s) {
    if (named_[s]) return;
    named_[s] = true;
    layout_.named[s] = OwnSession(s);
    layout_.touches[s] = OwnAny(s);
    for (const auto& [called, code] : calls_[s]) {
      Name(called);
      if (layout_.named[s].empty()) layout_.named[s] = layout_.named[called];
      if (layout_.touches[called]) layout_.touches[s] = true;
    }
  }

  uint64_t Fingerprint() const {
    uint64_t hash = 1;
    const auto add = [&](std::string_view text) {
      hash = ContentHash(std::as_bytes(std::span(text.data(), text.size())), hash);
    };
    for (const auto& m : layout_.memories)
      add(fmt::format("{} {} {} {}", m.subgraph, m.tensor, m.op, m.bytes));
    for (size_t r = 0; r < writer_.size(); ++r)
      add(fmt::format("{} {}", model_.resources()[r].name, layout_.of_model[r] ? 1 : 0));
    for (int s : layout_.initialisers) add(fmt::format("{}", s));
    for (const Subgraph& graph : graphs_)
      add(fmt::format("{} {}", graph.tensors.size(), graph.operators.size()));
    return hash;
  }

  const Model& model_;
  const std::vector<Subgraph>& graphs_;
  StateLayout layout_;
  std::vector<std::vector<std::pair<int, OpCode>>> calls_;  // by subgraph
  std::vector<std::vector<int>> handles_;                   // by subgraph and tensor
  std::set<int> initialisers_;
  std::vector<int> inside_;  // by subgraph: the one initialiser that runs it, kOthers or kShared
  std::vector<int> writer_;  // by resource
  int first_of_session_ = kNone;
  std::vector<bool> named_;
};

}  // namespace

StateLayout StateLayout::Of(const Model& model) { return Builder(model).Build(); }

int StateLayout::VariableOf(int subgraph, int tensor) const {
  const auto at = variables.find({subgraph, tensor});
  return at == variables.end() ? -1 : at->second;
}
int StateLayout::OperatorOf(int subgraph, int op) const {
  const auto at = operators.find({subgraph, op});
  return at == operators.end() ? -1 : at->second;
}

}  // namespace heddle::core
