// SPDX-License-Identifier: Apache-2.0
// Any bytes as a model file: read or refused. What was read is walked, as later layers would
// without a check of their own, so that the sanitizers see a span or index that should have been
// refused.
#include <cstdint>

#include "model/model.h"

namespace {

using heddle::core::Model;
using heddle::core::Operator;
using heddle::core::Subgraph;

uint64_t Sum(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  for (std::byte b : bytes) sum += std::to_integer<uint64_t>(b);
  return sum;
}

uint64_t Walk(const Subgraph& subgraph) {
  uint64_t sum = 0;
  for (const auto& tensor : subgraph.tensors) sum += Sum(tensor.data);
  for (const Operator& op : subgraph.operators) {
    sum += op.Name().size() + Sum(op.custom_options);
    for (int32_t input : op.inputs)
      if (input >= 0) sum += subgraph.tensors[input].name.size();
    for (int32_t output : op.outputs) sum += subgraph.tensors[output].name.size();
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = Model::ReadBytes(std::as_bytes(std::span(data, size)));
  if (!model.ok()) return 0;
  uint64_t sum = 0;
  for (const Subgraph& subgraph : (*model)->subgraphs()) sum += Walk(subgraph);
  for (const auto& file : (*model)->files()) sum += file.content.size();
  volatile uint64_t keep = sum;
  static_cast<void>(keep);
  return 0;
}
