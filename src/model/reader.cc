// SPDX-License-Identifier: Apache-2.0
#include "model/reader.h"

#include "model/source.h"
#include "model/zip.h"

namespace heddle::core {
namespace {

Status ReadIndices(Source& source, const FbVector<int32_t>* from, const char* what, size_t tensors,
                   std::vector<int32_t>& to) {
  HEDDLE_TRY(source.Copy(from, to));
  for (size_t i = 0; i < to.size(); ++i) {
    if (to[i] < 0 || static_cast<size_t>(to[i]) >= tensors)
      return InvalidModel("{} {}: tensor index {}, expected 0 to {}", what, i, to[i],
                          int64_t(tensors) - 1);
  }
  return Status();
}

Status ReadSubgraph(Source& source, const fb::SubGraph& from,
                    const std::vector<OperatorKind>& kinds, Subgraph& to) {
  HEDDLE_TRY(source.Copy(from.name(), to.name));
  HEDDLE_TRY(ReadTensors(source, from.tensors(), to.tensors));
  HEDDLE_TRY(ReadIndices(source, from.inputs(), "graph input", to.tensors.size(), to.inputs));
  HEDDLE_TRY(ReadIndices(source, from.outputs(), "graph output", to.tensors.size(), to.outputs));
  HEDDLE_TRY(ReadOperators(source, from.operators(), kinds, to));
  HEDDLE_TRY(CheckOrder(to));
  SettleTypes(to);
  return Status();
}

}  // namespace

Status ReadModel(FileBytes& file, const ModelParts& parts) {
  Source source(file);
  HEDDLE_TRY(source.Verify());
  const fb::Model& from = source.model();
  HEDDLE_TRY(source.Copy(from.description(), parts.description));

  std::vector<OperatorKind> kinds;
  HEDDLE_TRY(ReadOperatorKinds(source, kinds));

  const size_t count = FbSize(from.subgraphs());
  if (count == 0) return InvalidModel("file: no subgraph, expected at least one");
  HEDDLE_TRY(source.Take(count, sizeof(Subgraph)));
  parts.subgraphs.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const fb::SubGraph& subgraph = *from.subgraphs()->Get(static_cast<uint32_t>(i));
    HEDDLE_TRY(Within(ReadSubgraph(source, subgraph, kinds, parts.subgraphs[i]), "subgraph {}", i));
  }
  HEDDLE_TRY(CheckCalls(parts.subgraphs));
  NumberResources(parts.subgraphs, parts.resources);
  HEDDLE_TRY(ReadSignatures(source, parts.subgraphs, parts.signatures));
  HEDDLE_TRY(ReadMetadata(source, parts.metadata));
  parts.files = ReadArchive(file.all());
  return Status();
}

}  // namespace heddle::core
