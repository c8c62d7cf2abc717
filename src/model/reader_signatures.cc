// SPDX-License-Identifier: Apache-2.0
// Signatures: names that callers use for a subgraph and its tensors.
#include <algorithm>
#include <set>

#include "model/reader.h"
#include "model/source.h"

namespace heddle::core {
namespace {

Status ReadNames(Source& source, const FbTables<fb::TensorMap>* from, const char* what,
                 size_t tensors, std::vector<SignatureTensor>& to) {
  const size_t count = FbSize(from);
  std::set<std::string> names;
  HEDDLE_TRY(source.Take(count, sizeof(SignatureTensor)));
  to.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const fb::TensorMap& map = *from->Get(static_cast<uint32_t>(i));
    HEDDLE_TRY(source.Copy(map.name(), to[i].name));
    if (to[i].name.empty()) return InvalidModel("{} {}: no name", what, i);
    if (!names.insert(to[i].name).second)
      return InvalidModel("{} {}: a second '{}'", what, i, Short(to[i].name));
    if (map.tensor_index() >= tensors)
      return InvalidModel("{} '{}': tensor index {}, expected 0 to {}", what, Short(to[i].name),
                          map.tensor_index(), int64_t(tensors) - 1);
    to[i].tensor = static_cast<int32_t>(map.tensor_index());
  }
  return Status();
}

Status ReadSignature(Source& source, const fb::SignatureDef& from,
                     const std::vector<Subgraph>& subgraphs, Signature& to) {
  HEDDLE_TRY(source.Copy(from.signature_key(), to.key));
  if (to.key.empty()) return InvalidModel("key: empty");
  if (from.subgraph_index() >= subgraphs.size())
    return InvalidModel("'{}': subgraph index {}, expected 0 to {}", Short(to.key),
                        from.subgraph_index(), int64_t(subgraphs.size()) - 1);
  to.subgraph = static_cast<int32_t>(from.subgraph_index());
  const size_t tensors = subgraphs[to.subgraph].tensors.size();
  HEDDLE_TRY(
      Within(ReadNames(source, from.inputs(), "input", tensors, to.inputs), "'{}'", Short(to.key)));
  return Within(ReadNames(source, from.outputs(), "output", tensors, to.outputs), "'{}'",
                Short(to.key));
}

bool AllAmong(const std::vector<SignatureTensor>& named, const std::vector<int32_t>& tensors) {
  const std::set<int32_t> known(tensors.begin(), tensors.end());
  return std::all_of(named.begin(), named.end(),
                     [&](const SignatureTensor& t) { return known.contains(t.tensor); });
}

}  // namespace

Status ReadSignatures(Source& source, const std::vector<Subgraph>& subgraphs,
                      std::vector<Signature>& signatures) {
  const auto* from = source.model().signature_defs();
  std::set<std::string> keys;
  HEDDLE_TRY(source.Take(FbSize(from), sizeof(Signature)));
  for (uint32_t i = 0; i < FbSize(from); ++i) {
    Signature signature;
    HEDDLE_TRY(
        Within(ReadSignature(source, *from->Get(i), subgraphs, signature), "signature {}", i));
    if (!keys.insert(signature.key).second)
      return InvalidModel("signature {}: a second '{}'", i, Short(signature.key));
    // Tools that change a graph's inputs or outputs leave signatures of the old ones behind.
    const Subgraph& subgraph = subgraphs[signature.subgraph];
    HEDDLE_TRY(source.Take(subgraph.inputs.size() + subgraph.outputs.size(), sizeof(int32_t)));
    if (AllAmong(signature.inputs, subgraph.inputs) &&
        AllAmong(signature.outputs, subgraph.outputs))
      signatures.push_back(std::move(signature));
  }
  return Status();
}

Status ReadMetadata(Source& source, std::vector<Metadata>& metadata) {
  const auto* from = source.model().metadata();
  HEDDLE_TRY(source.Take(FbSize(from), sizeof(Metadata)));
  for (uint32_t i = 0; i < FbSize(from); ++i) {
    Metadata& to = metadata.emplace_back();
    HEDDLE_TRY(source.Copy(from->Get(i)->name(), to.name));
    const Result<std::span<const std::byte>> content = source.Buffer(from->Get(i)->buffer());
    if (content.ok()) to.content = *content;
  }
  return Status();
}

}  // namespace heddle::core
