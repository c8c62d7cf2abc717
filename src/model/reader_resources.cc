// SPDX-License-Identifier: Apache-2.0
// Variables and hash tables: what is the same one in all subgraphs.
#include <map>
#include <tuple>

#include "model/source.h"

namespace heddle::core {
namespace {

using Key = std::tuple<bool, std::string, std::string>;  // table?, container, name

int32_t Number(Key key, std::map<Key, int32_t>& numbers, std::vector<ResourceInfo>& resources) {
  const auto [at, is_new] = numbers.emplace(std::move(key), static_cast<int32_t>(resources.size()));
  if (is_new) {
    const auto& [table, container, name] = at->first;
    resources.push_back({container.empty() ? name : container + "/" + name, table});
  }
  return at->second;
}

}  // namespace

void NumberResources(std::vector<Subgraph>& subgraphs, std::vector<ResourceInfo>& resources) {
  std::map<Key, int32_t> numbers;
  for (Subgraph& subgraph : subgraphs) {
    for (Operator& op : subgraph.operators) {
      // The format lets a handle go without options: it then names the resource of no name.
      if (op.code == OpCode::kVAR_HANDLE && std::holds_alternative<NoOptions>(op.options))
        op.options = VarHandleOptions();
      if (auto* variable = std::get_if<VarHandleOptions>(&op.options)) {
        variable->resource =
            Number({false, variable->container, variable->shared_name}, numbers, resources);
      } else if (auto* table = std::get_if<HashTableOptions>(&op.options)) {
        table->resource = Number({true, "", std::to_string(table->table_id)}, numbers, resources);
      }
    }
  }
}

}  // namespace heddle::core
