// SPDX-License-Identifier: Apache-2.0
// EMBEDDING_LOOKUP: rows of a table by number, copied, or widened to floats on the way.
#include <algorithm>
#include <cstring>

#include "base/half.h"
#include "kernels/index/nd_index.h"
#include "kernels/movement/indexed_rows.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct LookupParams {
  int64_t table_rows = 0, inner = 0;  // of the table
  int64_t rows = 0, rows_per_tile = 1;
  size_t row_bytes = 0;           // of a copy
  const float* scales = nullptr;  // one, or one for each row of the table
  bool row_scales = false;
  const Half* block_scales = nullptr;  // [table_rows, inner / block]; nullptr: `scales`
  int64_t block = 0;
};

// The row of the table that row i of the output is; -1 when there is none.
int64_t RowAt(const LookupParams& p, const TileArgs& args, int64_t i) {
  const int64_t row = static_cast<const int32_t*>(args.inputs[0])[i];
  return row < 0 || row >= p.table_rows ? -1 : row;
}

TileCode CopyTiles(const LookupParams& p, const TileArgs& args, TileRange tiles) {
  const auto* table = static_cast<const std::byte*>(args.inputs[1]);
  const int64_t begin = tiles.begin * p.rows_per_tile;
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  auto* out = static_cast<std::byte*>(args.outputs[0]) + static_cast<size_t>(begin) * p.row_bytes;
  const bool ok = CopyRows(out, end - begin, p.row_bytes, [&](int64_t i) -> const std::byte* {
    const int64_t row = RowAt(p, args, begin + i);
    return row < 0 ? nullptr : table + static_cast<size_t>(row) * p.row_bytes;
  });
  return ok ? TileCode::kOk : TileCode::kIndexOutOfRange;
}

Fault LookupFault(const LookupParams& p, const TileArgs& args) {
  return NdIndex::Of(Type::kInt32, {static_cast<int32_t>(p.table_rows)}, 1)
      .FindFault(0, args.inputs[0], p.rows);
}

inline void Store(float v, float* to) { *to = v; }
inline void Store(float v, Half* to) { *to = ToHalf(v); }

// Elements of a table as floats.
struct HalfElements {
  static float At(const void* table, int64_t i) {
    return ToFloat(static_cast<const Half*>(table)[i]);
  }
};
template <int kBits>
struct IntElements {  // signed, packed low bits first
  static float At(const void* table, int64_t i) {
    if constexpr (kBits == 8) return static_cast<float>(static_cast<const int8_t*>(table)[i]);
    constexpr int kPerByte = 8 / kBits;
    const int byte = static_cast<const uint8_t*>(table)[i / kPerByte];
    const int up = 8 - kBits - static_cast<int>(i % kPerByte) * kBits;
    return static_cast<float>(static_cast<int8_t>(byte << up) >> (8 - kBits));
  }
};

template <class Elements, class Out>
void WidenRun(const void* table, int64_t from, int64_t count, float scale, Out* out) {
  for (int64_t i = 0; i < count; ++i) Store(Elements::At(table, from + i) * scale, out + i);
}

template <class Elements, class Out>
TileCode WidenTiles(const LookupParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  for (int64_t i = tiles.begin * p.rows_per_tile; i < end; ++i) {
    const int64_t row = RowAt(p, args, i);
    if (row < 0) return TileCode::kIndexOutOfRange;
    Out* out = static_cast<Out*>(args.outputs[0]) + i * p.inner;
    if (p.block_scales == nullptr) {
      const float scale = p.scales == nullptr ? 1.0f : p.scales[p.row_scales ? row : 0];
      WidenRun<Elements>(args.inputs[1], row * p.inner, p.inner, scale, out);
      continue;
    }
    const Half* scales = p.block_scales + row * (p.inner / p.block);
    for (int64_t at = 0; at < p.inner; at += p.block)
      WidenRun<Elements>(args.inputs[1], row * p.inner + at, p.block, ToFloat(scales[at / p.block]),
                         out + at);
  }
  return TileCode::kOk;
}

template <class Out>
TileFn FindWiden(Type table) {
  switch (table) {
    case Type::kFloat16:
      return Erase<&WidenTiles<HalfElements, Out>>();
    case Type::kInt4:
      return Erase<&WidenTiles<IntElements<4>, Out>>();
    case Type::kInt2:
      return Erase<&WidenTiles<IntElements<2>, Out>>();
    case Type::kInt8:
    case Type::kUInt8:  // legacy files mean signed values
      return Erase<&WidenTiles<IntElements<8>, Out>>();
    default:
      return nullptr;
  }
}

TileFn FindWiden(Type table, Type output) {
  if (output == Type::kFloat32) return FindWiden<float>(table);
  return output == Type::kFloat16 && table != Type::kFloat16 ? FindWiden<Half>(table) : nullptr;
}

class Lookup final : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& table = inputs[1].shape;
    if (inputs[0].shape.rank() != 1) {
      return InvalidModel("indices '{}' have shape {}, expected one dimension", inputs[0].name,
                          inputs[0].shape.ToString());
    }
    if (table.rank() < 2) {
      return InvalidModel("table '{}' has shape {}, expected rows", inputs[1].name,
                          table.ToString());
    }
    outputs[0] = table;
    outputs[0][0] = inputs[0].shape[0];
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Operand& table = inputs[1];
    const bool copy = table.type == outputs[0].type;
    LookupParams p;
    p.table_rows = table.shape[0];
    p.inner = table.shape.Product(1, table.shape.rank());
    p.rows = p.inner == 0 ? 0 : inputs[0].shape[0];
    if (copy) {
      HEDDLE_TRY(SetRowBytes(table, p));
    } else {
      HEDDLE_TRY(SetScales(*table.quant, table, p));
    }
    constexpr int64_t kTileElements = 8 * 1024;
    p.rows_per_tile = std::max<int64_t>(1, kTileElements / std::max<int64_t>(p.inner, 1));
    const int64_t tiles = (p.rows + p.rows_per_tile - 1) / p.rows_per_tile;
    const float row_ns = 2.0f + static_cast<float>(p.inner) * (copy ? 0.1f : 0.7f);
    SetTiled<&CopyTiles>(step, p, tiles, row_ns * static_cast<float>(p.rows_per_tile));
    if (!copy) step.phases[0].tile = FindWiden(table.type, outputs[0].type);
    step.fault = EraseFault<&LookupFault>();
    step.kernel = copy ? "lookup" : "lookup_widen";
    return Status();
  }

 private:
  static Status SetRowBytes(const Operand& table, LookupParams& p) {
    if (p.inner * static_cast<int64_t>(TypeBits(table.type)) % 8 != 0) {
      return Unsupported("rows of {} elements of type {}, expected whole bytes", p.inner,
                         TypeName(table.type));
    }
    p.row_bytes = TypeBytes(table.type, p.inner);
    return Status();
  }

  static Status SetScales(const Quantization& quant, const Operand& table, LookupParams& p) {
    if (table.type == Type::kFloat16) return Status();
    if (quant.block > 0) {
      p.block = quant.block;
      p.block_scales = reinterpret_cast<const Half*>(quant.block_scale_data.data());
      const auto blocks = static_cast<size_t>(p.table_rows * (p.inner / p.block));
      if (p.inner % p.block == 0 && quant.block_scale_data.size() == blocks * sizeof(Half))
        return Status();
      return InvalidModel(
          "table '{}' has {} bytes of scales of blocks of {}, expected {}x{} "
          "float16 values",
          table.name, quant.block_scale_data.size(), p.block, p.table_rows, p.inner / p.block);
    }
    p.scales = quant.scale.data();
    p.row_scales = quant.per_channel();
    if (p.row_scales && static_cast<int64_t>(quant.scale.size()) != p.table_rows) {
      return InvalidModel("table '{}' has {} scales, expected {} (rows)", table.name,
                          quant.scale.size(), p.table_rows);
    }
    return Status();
  }
};

Status CheckTable(const Operand& table) {
  if (table.type == Type::kFloat16) return Status();
  const Quantization& quant = *table.quant;
  if (quant.block > 0) {
    if (table.type == Type::kInt4) return Status();
    return Unsupported("table '{}' of {} has block-wise scales, expected int4", table.name,
                       TypeName(table.type));
  }
  if (!quant.quantised()) {
    return InvalidModel("table '{}' of {} has no scale, expected one or one for each row",
                        table.name, TypeName(table.type));
  }
  if (quant.per_channel() && quant.axis != 0) {
    return InvalidModel("table '{}' has scales for axis {}, expected axis 0", table.name,
                        quant.axis);
  }
  for (const int64_t zero : quant.zero_point) {
    if (zero != 0)
      return InvalidModel("table '{}' has zero point {}, expected 0", table.name, zero);
  }
  return Status();
}

}  // namespace

MadeOperation MakeEmbeddingLookup(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckType(args.inputs[0], "indices", {Type::kInt32}));
  const Operand& table = args.inputs[1];
  const Operand& output = args.outputs[0];
  if (table.type == output.type) {
    HEDDLE_TRY(CheckCopyable(table));
  } else if (FindWiden(table.type, output.type) == nullptr) {
    return Unsupported(
        "table '{}' of {} for output '{}' of {}, expected equal types or integers "
        "of 8 bits or less for floats",
        table.name, TypeName(table.type), output.name, TypeName(output.type));
  } else {
    HEDDLE_TRY(CheckTable(table));
  }
  return MadeOperation(std::make_unique<Lookup>());
}

}  // namespace heddle::core
