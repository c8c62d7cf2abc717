// SPDX-License-Identifier: Apache-2.0
#include "kernels/movement/strided_copy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace heddle::core {
namespace {

constexpr int64_t kTileBytes = 16 * 1024;
constexpr int kMaxAxes =
    Shape::kMaxRank + 3;  // and the two block axes, and the chunks of a long run

// Columns that are read far apart go in groups, all rows of a group before the next: its cache
// lines are few enough to stay in L1 even where the stride maps them to one set.
constexpr int64_t kGroup = 8;

struct Axis {
  int64_t size = 1, in = 0, out = 0;
};

// A box, ready to run. Strides, offsets and `element` count units: bytes, or nibbles of a four-bit
// type.
struct Piece {
  int input = 0, output = 0, table = -1;
  int64_t element = 0;  // a run that is contiguous on both sides
  int64_t in = 0, out = 0;
  Axis row, col;
  int64_t block_rows = 1, block_cols = 1;
  int outer = 0;  // loops over blocks: the outer axes, then blocks of rows, then blocks of columns
  std::array<Axis, kMaxAxes> loop;
  int64_t blocks = 0, blocks_per_tile = 1, tiles = 0, first_tile = 0;
  bool one_run = false;  // of bytes, copied as they are
};

struct CopyParams {
  std::vector<Piece> pieces;
  std::vector<int64_t> output_nibbles;  // of four-bit types: sizes of the outputs
  std::array<std::byte, 16> fill{};
  std::vector<ByteTable> tables;
  std::vector<CopyRun> runs;  // the boxes, if all of them are runs
};

// The axes of a box in units, outermost first, without those of size one, neighbours that act as
// one merged.
std::vector<Axis> MergedAxes(const CopyBox& box, int64_t units) {
  std::vector<Axis> axes;
  for (int i = 0; i < box.dims.rank(); ++i) {
    const Axis a{box.dims[i], box.in_stride[i] * units, box.out_stride[i] * units};
    if (a.size == 1) continue;
    if (!axes.empty() && axes.back().in == a.size * a.in && axes.back().out == a.size * a.out) {
      axes.back() = {axes.back().size * a.size, a.in, a.out};
    } else {
      axes.push_back(a);
    }
  }
  return axes;
}

// Rows are the axis along which the input is densest, so that a block reads whole cache lines;
// columns are the axis along which the output is.
void ChooseBlocks(std::vector<Axis> axes, Piece& p) {
  if (!axes.empty()) {
    p.col = axes.back();
    axes.pop_back();
  }
  if (!axes.empty()) {
    const bool transposes = p.element <= 16 && std::llabs(p.col.in) > p.element;
    const auto row = transposes ? std::min_element(axes.begin(), axes.end(),
                                                   [](const Axis& a, const Axis& b) {
                                                     return std::llabs(a.in) < std::llabs(b.in);
                                                   })
                                : axes.end() - 1;
    p.row = *row;
    axes.erase(row);
  }
  const int64_t enough = p.col.size < kGroup ? kTileBytes / p.element / p.col.size
                                             : std::max<int64_t>(16, 64 / p.element);
  p.block_rows =
      std::clamp<int64_t>(kTileBytes / p.element, 1, std::clamp<int64_t>(enough, 1, p.row.size));
  p.block_cols = std::clamp<int64_t>(kTileBytes / (p.element * p.block_rows), 1, p.col.size);
  axes.push_back({(p.row.size + p.block_rows - 1) / p.block_rows, p.row.in * p.block_rows,
                  p.row.out * p.block_rows});
  axes.push_back({(p.col.size + p.block_cols - 1) / p.block_cols, p.col.in * p.block_cols,
                  p.col.out * p.block_cols});
  p.outer = static_cast<int>(axes.size());
  std::copy(axes.begin(), axes.end(), p.loop.begin());
  p.blocks = 1;
  for (const Axis& a : axes) p.blocks *= a.size;
  const int64_t block_bytes = p.element * p.block_rows * p.block_cols;
  p.blocks_per_tile = std::max<int64_t>(1, kTileBytes / block_bytes);
  p.tiles = (p.blocks + p.blocks_per_tile - 1) / p.blocks_per_tile;
}

void AddPiece(std::vector<Axis> axes, Piece piece, std::vector<Piece>& pieces) {
  ChooseBlocks(std::move(axes), piece);
  piece.one_run = piece.table < 0 && piece.blocks == 1 && piece.row.size * piece.col.size == 1;
  piece.first_tile = pieces.empty() ? 0 : pieces.back().first_tile + pieces.back().tiles;
  pieces.push_back(piece);
}

// Appends the box; false: it is no run.
bool AddRun(const CopyBox& box, int64_t units, std::vector<CopyRun>& runs) {
  if (box.input == CopyBox::kFill || box.table >= 0 || box.dims.elements() == 0) return false;
  const std::vector<Axis> axes = MergedAxes(box, units);
  if (axes.size() > 1) return false;
  const Axis run = axes.empty() ? Axis{1, units, units} : axes[0];
  if (run.in != units || run.out != units) return false;
  runs.push_back(
      {box.input, box.output, box.in_offset * units, box.out_offset * units, run.size * units});
  return true;
}

// A run longer than a tile becomes an axis of chunks and a piece for the rest.
void AddBox(const CopyBox& box, int64_t units, std::vector<Piece>& pieces) {
  if (box.dims.elements() == 0) return;
  Piece piece;
  piece.input = box.input;
  piece.output = box.output;
  piece.table = box.table;
  piece.element = units;
  piece.in = box.in_offset * units;
  piece.out = box.out_offset * units;
  std::vector<Axis> axes = MergedAxes(box, units);
  if (!axes.empty() && axes.back().in == units && axes.back().out == units) {
    piece.element = axes.back().size * units;
    axes.pop_back();
  }
  if (piece.element > 2 * kTileBytes) {
    const int64_t chunks = piece.element / kTileBytes, rest = piece.element % kTileBytes;
    if (rest > 0) {
      Piece tail = piece;
      tail.element = rest;
      tail.in += chunks * kTileBytes;
      tail.out += chunks * kTileBytes;
      AddPiece(axes, tail, pieces);
    }
    piece.element = kTileBytes;
    axes.push_back({chunks, kTileBytes, kTileBytes});
  }
  AddPiece(std::move(axes), piece, pieces);
}

// Calls f(in, out, rows, cols) for blocks [begin, end) of a piece: offsets of the block's first
// element, and its size.
template <class F>
void ForEachBlock(const Piece& p, int64_t begin, int64_t end, const F& f) {
  if (p.blocks == 1) return f(p.in, p.out, p.row.size, p.col.size);
  std::array<int64_t, kMaxAxes> at{};
  int64_t in = p.in, out = p.out, rest = begin;
  for (int i = p.outer - 1; i >= 0; --i) {
    at[i] = rest % p.loop[i].size;
    rest /= p.loop[i].size;
    in += at[i] * p.loop[i].in;
    out += at[i] * p.loop[i].out;
  }
  const int row = p.outer - 2, col = p.outer - 1;
  for (int64_t b = begin; b < end; ++b) {
    f(in, out, std::min(p.block_rows, p.row.size - at[row] * p.block_rows),
      std::min(p.block_cols, p.col.size - at[col] * p.block_cols));
    for (int i = p.outer - 1; i >= 0; --i) {
      in += p.loop[i].in;
      out += p.loop[i].out;
      if (++at[i] < p.loop[i].size) break;
      in -= at[i] * p.loop[i].in;
      out -= at[i] * p.loop[i].out;
      at[i] = 0;
    }
  }
}

template <size_t N>
struct Element {
  std::byte bytes[N];
};

// Four words read from each of four columns become four rows.
void Transpose4x4(const std::byte* from, int64_t from_col, std::byte* to, int64_t to_row) {
  using Words = uint32_t __attribute__((vector_size(16)));
  Words in[4], out[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&in[i], from + i * from_col, sizeof(Words));
  const Words a = __builtin_shufflevector(in[0], in[1], 0, 4, 1, 5);
  const Words b = __builtin_shufflevector(in[2], in[3], 0, 4, 1, 5);
  const Words c = __builtin_shufflevector(in[0], in[1], 2, 6, 3, 7);
  const Words d = __builtin_shufflevector(in[2], in[3], 2, 6, 3, 7);
  out[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
  out[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  out[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
  out[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_row, &out[i], sizeof(Words));
}

// Rows that are dense in the input, columns that are in the output.
bool Transposes(const Piece& p) {
  return p.element == 4 && p.row.in == 4 && p.col.out == 4 && p.row.size >= 4 && p.col.size >= 4;
}
void TransposeBlocks(const Piece& p, const std::byte* in, std::byte* out, int64_t begin,
                     int64_t end) {
  ForEachBlock(p, begin, end, [&](int64_t in_at, int64_t out_at, int64_t rows, int64_t cols) {
    const std::byte* from = in + in_at;
    std::byte* to = out + out_at;
    const int64_t whole_rows = rows / 4 * 4, whole_cols = cols / 4 * 4;
    const auto copy = [&](int64_t r, int64_t c) {
      std::memcpy(to + r * p.row.out + c * 4, from + r * 4 + c * p.col.in, 4);
    };
    for (int64_t c = 0; c < whole_cols; c += 4) {
      for (int64_t r = 0; r < whole_rows; r += 4)
        Transpose4x4(from + r * 4 + c * p.col.in, p.col.in, to + r * p.row.out + c * 4, p.row.out);
      for (int64_t r = whole_rows; r < rows; ++r)
        for (int64_t i = c; i < c + 4; ++i) copy(r, i);
    }
    for (int64_t c = whole_cols; c < cols; ++c)
      for (int64_t r = 0; r < rows; ++r) copy(r, c);
  });
}

// Blocks of elements of N bytes; N = 0: of any number of bytes.
template <size_t N>
void CopyBlocks(const Piece& p, const std::byte* in, std::byte* out, int64_t begin, int64_t end) {
  const size_t bytes = N == 0 ? static_cast<size_t>(p.element) : N;
  const bool dense = N != 0 && p.col.out == static_cast<int64_t>(N);
  const bool grouped = dense && p.row.in < kGroup * p.element && p.col.in > kGroup * p.element;
  const bool few = p.col.size < kGroup && p.row.size > p.col.size;
  const auto copy = [&](const std::byte* from, std::byte* to, int64_t count, int64_t from_step,
                        int64_t to_step) {
    for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * to_step, from + i * from_step, bytes);
  };
  const auto copy_row = [&](const std::byte* from, std::byte* to, int64_t cols) {
    copy(from, to, cols, p.col.in, dense ? static_cast<int64_t>(N) : p.col.out);
  };
  const auto fill_row = [&](const std::byte* from, std::byte* to, int64_t cols) {
    Element<N == 0 ? 1 : N> value;
    std::memcpy(&value, from, sizeof(value));
    for (int64_t c = 0; c < cols; ++c) std::memcpy(to + c * sizeof(value), &value, sizeof(value));
  };
  ForEachBlock(p, begin, end, [&](int64_t in_at, int64_t out_at, int64_t rows, int64_t cols) {
    const std::byte* from = in + in_at;
    std::byte* to = out + out_at;
    int64_t c = 0;
    for (; few && c < cols; ++c) {
      copy(from + c * p.col.in, to + c * p.col.out, rows, p.row.in, p.row.out);
    }
    for (; grouped && rows > 1 && c + kGroup <= cols; c += kGroup) {
      for (int64_t r = 0; r < rows; ++r) {
        copy_row(from + r * p.row.in + c * p.col.in, to + r * p.row.out + c * p.col.out, kGroup);
      }
    }
    if (c == cols) return;
    for (int64_t r = 0; r < rows; ++r) {
      const std::byte* row = from + r * p.row.in + c * p.col.in;
      std::byte* row_to = to + r * p.row.out + c * p.col.out;
      dense&& p.col.in == 0 ? fill_row(row, row_to, cols - c) : copy_row(row, row_to, cols - c);
    }
  });
}

void MapBlocks(const Piece& p, const ByteTable& table, const std::byte* in, std::byte* out,
               int64_t begin, int64_t end) {
  ForEachBlock(p, begin, end, [&](int64_t in_at, int64_t out_at, int64_t rows, int64_t cols) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        const std::byte* from = in + in_at + r * p.row.in + c * p.col.in;
        std::byte* to = out + out_at + r * p.row.out + c * p.col.out;
        for (int64_t i = 0; i < p.element; ++i) {
          to[i] = static_cast<std::byte>(table[static_cast<uint8_t>(from[i])]);
        }
      }
    }
  });
}

void CopyNibbles(const std::byte* in, int64_t in_at, std::byte* out, int64_t out_at,
                 int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t from = in_at + i, to = out_at + i;
    const std::byte value = in[from / 2] >> (from % 2 * 4) & std::byte{15};
    const int shift = static_cast<int>(to % 2 * 4);
    out[to / 2] = (out[to / 2] & (std::byte{0xF0} >> shift)) | (value << shift);
  }
}

void NibbleBlocks(const Piece& p, const std::byte* in, std::byte* out) {
  ForEachBlock(p, 0, p.blocks, [&](int64_t in_at, int64_t out_at, int64_t rows, int64_t cols) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        CopyNibbles(in, in_at + r * p.row.in + c * p.col.in, out,
                    out_at + r * p.row.out + c * p.col.out, p.element);
      }
    }
  });
}

const std::byte* Source(const CopyParams& params, const Piece& p, const TileArgs& args) {
  return p.input == CopyBox::kFill ? params.fill.data()
                                   : static_cast<const std::byte*>(args.inputs[p.input]);
}

void RunPiece(const CopyParams& params, const Piece& p, const TileArgs& args, TileRange tiles) {
  const std::byte* in = Source(params, p, args);
  std::byte* out = static_cast<std::byte*>(args.outputs[p.output]);
  const int64_t begin = tiles.begin * p.blocks_per_tile;
  const int64_t end = std::min(p.blocks, tiles.end * p.blocks_per_tile);
  if (p.one_run) {
    std::memcpy(out + p.out, in + p.in, static_cast<size_t>(p.element));
    return;
  }
  if (p.table >= 0) return MapBlocks(p, params.tables[p.table], in, out, begin, end);
  if (Transposes(p)) return TransposeBlocks(p, in, out, begin, end);
  switch (p.element) {
    case 1:
      return CopyBlocks<1>(p, in, out, begin, end);
    case 2:
      return CopyBlocks<2>(p, in, out, begin, end);
    case 4:
      return CopyBlocks<4>(p, in, out, begin, end);
    case 8:
      return CopyBlocks<8>(p, in, out, begin, end);
    case 16:
      return CopyBlocks<16>(p, in, out, begin, end);
    default:
      return CopyBlocks<0>(p, in, out, begin, end);
  }
}

TileCode CopyTiles(const CopyParams& params, const TileArgs& args, TileRange tiles) {
  for (const Piece& p : params.pieces) {
    const int64_t begin = std::max(tiles.begin, p.first_tile);
    const int64_t end = std::min(tiles.end, p.first_tile + p.tiles);
    if (begin < end) RunPiece(params, p, args, {begin - p.first_tile, end - p.first_tile});
  }
  return TileCode::kOk;
}

// One tile: neighbouring nibbles share a byte.
TileCode CopyNibbleTile(const CopyParams& params, const TileArgs& args, TileRange tiles) {
  if (tiles.begin == tiles.end) return TileCode::kOk;
  for (size_t k = 0; k < params.output_nibbles.size(); ++k) {
    const int64_t n = params.output_nibbles[k];
    if (n % 2 == 1) static_cast<std::byte*>(args.outputs[k])[n / 2] = std::byte{0};
  }
  for (const Piece& p : params.pieces) {
    NibbleBlocks(p, Source(params, p, args), static_cast<std::byte*>(args.outputs[p.output]));
  }
  return TileCode::kOk;
}

float PieceNs(const Piece& p) {
  const float elements = static_cast<float>(p.blocks) * p.block_rows * p.block_cols;
  const float wide = p.table >= 0 ? 0.0f : elements * p.element / 10;
  return std::max(wide, elements * (p.table >= 0 ? p.element * 0.6f : 0.5f));
}

}  // namespace

Strides RowMajor(const Shape& shape) {
  Strides strides{};
  int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

void LowerCopy(const CopySpec& spec, Step& step) {
  CopyParams params;
  const size_t bits = TypeBits(spec.type);
  const bool nibbles = bits == 4;
  params.fill = spec.fill;
  params.tables = spec.tables;
  float ns = 0;
  for (const CopyBox& box : spec.boxes) {
    AddBox(box, nibbles ? 1 : static_cast<int64_t>(bits / 8), params.pieces);
    if (!nibbles) continue;
    params.output_nibbles.resize(std::max<size_t>(params.output_nibbles.size(), box.output + 1));
    params.output_nibbles[box.output] += box.dims.elements();
  }
  const bool all_runs =
      !nibbles && std::all_of(spec.boxes.begin(), spec.boxes.end(), [&](const CopyBox& box) {
        return AddRun(box, static_cast<int64_t>(bits / 8), params.runs);
      });
  if (!all_runs) params.runs.clear();
  for (const Piece& p : params.pieces) ns += PieceNs(p);
  const int64_t pieces_tiles =
      params.pieces.empty() ? 0 : params.pieces.back().first_tile + params.pieces.back().tiles;
  if (nibbles) {
    SetTiled<&CopyNibbleTile>(step, std::move(params), std::min<int64_t>(1, pieces_tiles), ns);
  } else {
    SetTiled<&CopyTiles>(step, std::move(params), pieces_tiles,
                         pieces_tiles > 0 ? ns / static_cast<float>(pieces_tiles) : 0);
  }
  step.kernel = "copy";
}

std::span<const CopyRun> CopyRunsOf(const Step& step) {
  if (step.phases.size() != 1 || step.phases[0].tile != Erase<&CopyTiles>()) return {};
  return static_cast<const CopyParams*>(step.params.get())->runs;
}

}  // namespace heddle::core
