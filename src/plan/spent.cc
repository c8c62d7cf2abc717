// SPDX-License-Identifier: Apache-2.0
#include "plan/spent.h"

#include <algorithm>

#include "kernels/spent_inputs.h"

namespace heddle::core {
namespace {

using Bytes = std::span<const std::byte>;

class Finder {
 public:
  void Add(const Subgraph& graph, const Program* program) {
    if (program == nullptr) {
      for (const Tensor& tensor : graph.tensors) Note(tensor.data, true);
      return;
    }
    const std::vector<bool> packed = Packed(*program);
    for (size_t v = 0; v < packed.size(); ++v) {
      const Value& value = program->values()[v];
      Note({value.constant, value.bytes}, !packed[v]);
      const Tensor& tensor = graph.tensors[v];
      // A sparse one has been expanded.
      if (tensor.data.data() != value.constant) Note(tensor.data, tensor.sparsity.empty());
    }
  }

  std::vector<Bytes> Spent() {
    const auto by_begin = [](Bytes a, Bytes b) { return a.data() < b.data(); };
    std::sort(read_.begin(), read_.end(), by_begin);
    std::sort(spent_.begin(), spent_.end(), by_begin);
    std::vector<Bytes> spent;
    const std::byte* end = nullptr;  // of what is read and begins before the one at hand ends
    auto read = read_.begin();
    for (const Bytes& candidate : spent_) {
      for (; read != read_.end() && read->data() < candidate.data() + candidate.size(); ++read)
        end = std::max(end, read->data() + read->size());
      if (end <= candidate.data()) spent.push_back(candidate);
    }
    return spent;
  }

 private:
  // By value: operators of the file have it as input, and what was made of them does not read it.
  static std::vector<bool> Packed(const Program& program) {
    std::vector<bool> packed(program.values().size());
    for (const Operator& op : program.subgraph().operators)
      for (const int v : op.inputs)
        if (v >= 0) packed[static_cast<size_t>(v)] = true;
    for (const Node& node : program.nodes())
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (node.inputs[i] >= 0 && (i >= 64 || (SpentInputsOf(*node.operation) >> i & 1) == 0))
          packed[static_cast<size_t>(node.inputs[i])] = false;
    for (const int v : program.outputs()) packed[static_cast<size_t>(v)] = false;
    return packed;
  }

  void Note(Bytes bytes, bool read) {
    if (!bytes.empty()) (read ? read_ : spent_).push_back(bytes);
  }

  std::vector<Bytes> read_, spent_;
};

}  // namespace

std::vector<Bytes> FindSpent(const Model& model, std::span<const Program* const> programs) {
  Finder finder;
  for (size_t i = 0; i < model.subgraphs().size(); ++i)
    finder.Add(model.subgraphs()[i], programs[i]);
  return finder.Spent();
}

}  // namespace heddle::core
