// SPDX-License-Identifier: Apache-2.0
// HASHTABLE_LOOKUP: rows of values by their sorted int32 keys; a missing key gives zeros.
#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/index/nd_index.h"
#include "kernels/movement/strings.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int64_t kLookupsPerTile = 256;

struct TableParams {
  int64_t keys = 0, lookups = 0;
  size_t row_bytes = 0;
};

// The row of lookup i; -1: no such key. Of equal keys the one that halving meets first.
int64_t Find(const TableParams& p, const TileArgs& args, int64_t i) {
  const int32_t wanted = static_cast<const int32_t*>(args.inputs[0])[i];
  const auto* keys = static_cast<const int32_t*>(args.inputs[1]);
  int64_t low = 0, high = p.keys;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (wanted == keys[middle]) return middle;
    if (wanted < keys[middle]) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return -1;
}

TileCode TableTiles(const TableParams& p, const TileArgs& args, TileRange tiles) {
  const auto* values = static_cast<const std::byte*>(args.inputs[2]);
  auto* out = static_cast<std::byte*>(args.outputs[0]);
  auto* hits = static_cast<uint8_t*>(args.outputs[1]);
  const int64_t end = std::min(p.lookups, tiles.end * kLookupsPerTile);
  for (int64_t i = tiles.begin * kLookupsPerTile; i < end; ++i) {
    const int64_t row = Find(p, args, i);
    hits[i] = row < 0 ? 0 : 1;
    std::byte* to = out + static_cast<size_t>(i) * p.row_bytes;
    if (p.row_bytes == 0) continue;
    if (row < 0) {
      std::memset(to, 0, p.row_bytes);
    } else {
      std::memcpy(to, values + static_cast<size_t>(row) * p.row_bytes, p.row_bytes);
    }
  }
  return TileCode::kOk;
}

Status TableStrings(const void* params, SerialCall& call) {
  const auto& p = *static_cast<const TableParams*>(params);
  const Shape shape{static_cast<int32_t>(p.lookups)};
  auto* hits =
      reinterpret_cast<uint8_t*>(call.AllocateOutput(1, shape, static_cast<size_t>(p.lookups)));
  if (hits == nullptr) return ResourceExhausted("no memory for {} hits", p.lookups);
  const StringTensor values(call.args().inputs[2]);
  int64_t bytes = 4 * (p.lookups + 2);
  for (int64_t i = 0; i < p.lookups; ++i) {
    const int64_t row = Find(p, call.args(), i);
    hits[i] = row < 0 ? 0 : 1;
    if (row >= values.count())
      return InvalidArgument("values '{}' hold {} strings, expected one for key {}",
                             call.input_name(2), values.count(), row);
    bytes += row < 0 ? 0 : values.length(row);
    if (bytes > std::numeric_limits<int32_t>::max())
      return ResourceExhausted("the strings of the output take 2^31 bytes or more");
  }
  std::byte* out = call.AllocateOutput(0, shape, static_cast<size_t>(bytes));
  if (out == nullptr) return ResourceExhausted("no memory for {} bytes of strings", bytes);
  auto offset = static_cast<int32_t>(4 * (p.lookups + 2));
  const int32_t words[2] = {static_cast<int32_t>(p.lookups), offset};
  std::memcpy(out, words, sizeof(words));
  for (int64_t i = 0; i < p.lookups; ++i) {
    const int64_t row = Find(p, call.args(), i);
    if (row >= 0) {
      std::memcpy(out + offset, values.bytes(row), static_cast<size_t>(values.length(row)));
      offset += static_cast<int32_t>(values.length(row));
    }
    std::memcpy(out + 4 * (i + 2), &offset, sizeof(offset));
  }
  return Status();
}

class HashtableLookup final : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& values = inputs[2].shape;
    for (int i = 0; i < 2; ++i) {
      if (inputs[i].shape.rank() == 1) continue;
      return InvalidModel("input {} '{}' has shape {}, expected one dimension", i, inputs[i].name,
                          inputs[i].shape.ToString());
    }
    const bool strings = inputs[2].type == Type::kString;
    if (values.rank() < 1 || values[0] != inputs[1].shape[0] || (strings && values.rank() > 1)) {
      return InvalidModel("values '{}' have shape {}, expected {} rows (keys '{}')", inputs[2].name,
                          values.ToString(), inputs[1].shape[0], inputs[1].name);
    }
    outputs[0] = values;
    outputs[0][0] = inputs[0].shape[0];
    outputs[1] = inputs[0].shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    const Shape& values = inputs[2].shape;
    TableParams p;
    p.keys = inputs[1].shape[0];
    p.lookups = inputs[0].shape[0];
    p.row_bytes = TypeBytes(inputs[2].type, values.Product(1, values.rank()));
    const int64_t tiles = (p.lookups + kLookupsPerTile - 1) / kLookupsPerTile;
    const float row_ns = 20.0f + static_cast<float>(p.row_bytes) / 10;
    SetTiled<&TableTiles>(step, p, tiles, row_ns * kLookupsPerTile);
    step.kernel = "table";
    if (inputs[2].type != Type::kString) return Status();
    step.kind = StepKind::kSerial;
    step.phases.clear();
    step.serial = &TableStrings;
    step.sizes_outputs = true;
    step.kernel = "strings";
    return Status();
  }
};

}  // namespace

MadeOperation MakeHashtableLookup(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 2));
  HEDDLE_TRY(CheckTypesEqual(args, 2, 3));
  HEDDLE_TRY(CheckType(args.inputs[0], "lookup", {Type::kInt32}));
  HEDDLE_TRY(CheckType(args.inputs[1], "keys", {Type::kInt32}));
  HEDDLE_TRY(CheckType(args.outputs[1], "hits", {Type::kUInt8}));
  const Operand& values = args.inputs[2];
  if (values.type != Type::kString && (TypeBits(values.type) < 8 || TypeBits(values.type) % 8)) {
    return Unsupported("values '{}' are {}, expected a type of whole bytes", values.name,
                       TypeName(values.type));
  }
  return MadeOperation(std::make_unique<HashtableLookup>());
}

}  // namespace heddle::core
