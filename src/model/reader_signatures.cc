// SPDX-License-Identifier: Apache-2.0
// Signatures: names that callers use for a subgraph and its tensors.
#include <set>

#include "model/reader.h"
#include "model/source.h"

namespace heddle::core {
namespace {

Status ReadNames(Source& source, const FbTables<fb::TensorMap>* from, const char* what,
                 const std::vector<int32_t>& allowed, std::vector<SignatureTensor>& to) {
  const size_t count = FbSize(from);
  const std::set<int32_t> known(allowed.begin(), allowed.end());
  std::set<std::string> names;
  HEDDLE_TRY(source.Take(count, sizeof(SignatureTensor)));
  to.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const fb::TensorMap& map = *from->Get(static_cast<uint32_t>(i));
    HEDDLE_TRY(source.Copy(map.name(), to[i].name));
    if (to[i].name.empty()) return InvalidModel("{} {}: no name", what, i);
    if (!names.insert(to[i].name).second)
      return InvalidModel("{} {}: a second '{}'", what, i, to[i].name);
    to[i].tensor = static_cast<int32_t>(map.tensor_index());
    if (!known.contains(to[i].tensor))
      return InvalidModel("{} '{}': tensor index {}, expected an {} of the subgraph", what,
                          to[i].name, map.tensor_index(), what);
  }
  return Status();
}

Status ReadSignature(Source& source, const fb::SignatureDef& from,
                     const std::vector<Subgraph>& subgraphs, Signature& to) {
  HEDDLE_TRY(source.Copy(from.signature_key(), to.key));
  if (to.key.empty()) return InvalidModel("key: empty");
  if (from.subgraph_index() >= subgraphs.size())
    return InvalidModel("'{}': subgraph index {}, expected 0 to {}", to.key, from.subgraph_index(),
                        int64_t(subgraphs.size()) - 1);
  to.subgraph = static_cast<int32_t>(from.subgraph_index());
  const Subgraph& subgraph = subgraphs[to.subgraph];
  HEDDLE_TRY(Within(ReadNames(source, from.inputs(), "input", subgraph.inputs, to.inputs), "'{}'",
                    to.key));
  return Within(ReadNames(source, from.outputs(), "output", subgraph.outputs, to.outputs), "'{}'",
                to.key);
}

}  // namespace

Status ReadSignatures(Source& source, const std::vector<Subgraph>& subgraphs,
                      std::vector<Signature>& signatures) {
  const auto* from = source.model().signature_defs();
  const size_t count = FbSize(from);
  std::set<std::string> keys;
  HEDDLE_TRY(source.Take(count, sizeof(Signature)));
  signatures.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const fb::SignatureDef& signature = *from->Get(static_cast<uint32_t>(i));
    HEDDLE_TRY(
        Within(ReadSignature(source, signature, subgraphs, signatures[i]), "signature {}", i));
    if (!keys.insert(signatures[i].key).second)
      return InvalidModel("signature {}: a second '{}'", i, signatures[i].key);
  }
  return Status();
}

Status ReadMetadataNames(Source& source, std::vector<std::string>& names) {
  const auto* from = source.model().metadata();
  HEDDLE_TRY(source.Take(FbSize(from), sizeof(std::string)));
  for (uint32_t i = 0; i < FbSize(from); ++i)
    HEDDLE_TRY(source.Copy(from->Get(i)->name(), names.emplace_back()));
  return Status();
}

}  // namespace heddle::core
