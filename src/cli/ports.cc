// SPDX-License-Identifier: Apache-2.0
#include "cli/ports.h"

#include <algorithm>

#include "base/errors.h"
#include "cli/hash_inputs.h"

namespace heddle::cli {
namespace {

std::vector<Port> PortsOfTensors(const core::Subgraph& graph, const std::vector<int32_t>& indices,
                                 const std::vector<core::SignatureTensor>* names) {
  std::vector<Port> ports;
  for (const int32_t index : indices) {
    const core::Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
    Port port{tensor.name, "", tensor.type, tensor.shape, tensor.quant};
    const std::span<const int32_t> sizes =
        tensor.signature.empty() ? tensor.shape.dims() : std::span(tensor.signature);
    port.any_rows = !sizes.empty() && sizes[0] < 0;
    for (int d = 0; d < port.shape.rank(); ++d) {
      if (tensor.shape[d] < 0) port.shape[d] = 1;
    }
    if (names != nullptr) {
      const auto it = std::find_if(names->begin(), names->end(),
                                   [&](const auto& n) { return n.tensor == index; });
      if (it != names->end()) port.signature = it->name;
    }
    ports.push_back(std::move(port));
  }
  return ports;
}

}  // namespace

Result<Ports> PortsOf(const core::Model& model, const std::string& signature) {
  const auto& signatures = model.signatures();
  const auto found = std::find_if(signatures.begin(), signatures.end(), [&](const auto& s) {
    return signature.empty() ? s.subgraph == 0 : s.key == signature;
  });
  const bool named = found != signatures.end();
  if (!named && !signature.empty()) {
    std::vector<std::string_view> keys;
    for (const auto& s : signatures) keys.push_back(s.key);
    return core::NotFound("no signature '{}', the model has [{}]", signature,
                          fmt::join(keys, ", "));
  }
  const core::Subgraph& graph = model.subgraphs()[named ? static_cast<size_t>(found->subgraph) : 0];
  return Ports{signature, PortsOfTensors(graph, graph.inputs, named ? &found->inputs : nullptr),
               PortsOfTensors(graph, graph.outputs, named ? &found->outputs : nullptr)};
}

Result<std::vector<OwnedTensor>> MakeInputs(const Ports& ports, const FindArray& find,
                                            uint32_t hash_offset) {
  std::vector<OwnedTensor> tensors;
  for (size_t k = 0; k < ports.inputs.size(); ++k) {
    const Port& port = ports.inputs[k];
    const Array* array = find(static_cast<int>(k));
    Result<OwnedTensor> tensor =
        array != nullptr
            ? ToTensor(*array, port.type, port.name())
            : HashInput(static_cast<uint32_t>(k) + hash_offset, port.type, port.shape, port.name());
    if (!tensor.ok()) return tensor.status();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

std::vector<TensorView> ViewsOf(const std::vector<OwnedTensor>& tensors) {
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : tensors) {
    TensorView view = tensor.view();
    view.name = nullptr;  // names of tensors may be missing, or twice there
    views.push_back(view);
  }
  return views;
}

}  // namespace heddle::cli
