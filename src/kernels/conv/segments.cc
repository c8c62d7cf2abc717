// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/segments.h"

#include <algorithm>
#include <cstring>

namespace heddle::core {
namespace {

// A copy of a segment at an edge costs about as much as so many bytes of a whole line.
constexpr int64_t kBytesOfEdge = 200;
constexpr float kNsOfByte = 0.1f;

class Segments {
 public:
  Segments(const GemmParams& p, const TileArgs& args, int64_t group)
      : p_(p),
        input_(InputOf(p, args) + group * p.group_bytes),
        image_(input_),
        last_(InputOf(p, args) + p.input_bytes - p.segment_padded),
        padding_(p.rows.padding > 0
                     ? reinterpret_cast<const std::byte*>(p.rows.paddings(args.shared))
                     : p.constants->padding.data()),
        copy_(args.scratch + p.copies_at) {}

  void PointAt(int64_t row, int64_t rows, const std::byte** to) {
    if (p_.dense) return PointAtDense(row, rows, to);
    if (!p_.table.offsets.empty()) return PointByTable(row, rows, to);
    const int64_t block = p_.division.block_rows;
    Position at{row % p_.out_w, row / p_.out_w % p_.out_h, row / p_.out_w / p_.out_h};
    image_ += at.batch * p_.image_bytes, padding_ += at.batch * p_.rows.padding;
    bool follows = false;  // the block before ended in this line, and all its windows lay inside
    for (int64_t first = 0; first < rows; first += block) {
      const int64_t step = std::min(block, rows - first), count = step * p_.segments;
      const bool inside = step == block && LiesInside(at, step);
      if (inside && follows) {
        const int64_t further = step * NextColumn();
        for (int64_t i = 0; i < count; ++i) to[i] = to[i - count] + further;
        Advance(at, step);
      } else {
        PointAtBlock(at, step, to);
      }
      follows = inside && at.x > 0;
      to += count;
    }
  }

 private:
  static const std::byte* InputOf(const GemmParams& p, const TileArgs& args) {
    if (p.input_bytes == 0) return p.constants->padding.data();  // it may have no address
    if (p.padded.used) return args.shared;
    if (!p.hybrid()) return static_cast<const std::byte*>(args.inputs[0]);
    return reinterpret_cast<const std::byte*>(p.rows.values(args.shared));
  }
  void PointAtDense(int64_t row, int64_t rows, const std::byte** to) {
    const std::byte* first = input_ + row * p_.row_bytes;
    const int64_t row_bytes = p_.row_bytes;
    for (int64_t r = 0; r < rows; ++r) to[r] = first + r * row_bytes;
    for (int64_t r = rows - 1; r >= 0 && to[r] > last_; --r) to[r] = Readable(to[r]);
  }
  void PointByTable(int64_t row, int64_t rows, const std::byte** to) {
    const int64_t begin = row * p_.segments, end = begin + rows * p_.segments;
    const int64_t* offsets = p_.table.offsets.data();
    const std::byte* input = input_;
    for (int64_t i = begin; i < end; ++i) to[i - begin] = input + offsets[i];
    const auto each = [&](const std::vector<int64_t>& positions, const auto& f) {
      auto at = positions.begin();
      if (begin > 0) at = std::lower_bound(at, positions.end(), begin);
      for (; at != positions.end() && *at < end; ++at) f(to[*at - begin]);
    };
    each(p_.table.paddings, [&](const std::byte*& segment) { segment = padding_; });
    each(p_.table.ends, [&](const std::byte*& segment) { segment = Readable(segment); });
  }
  struct Position {
    int64_t x, y, batch;
  };
  void Advance(Position& at, int64_t n) {
    at.x += n;
    if (at.x < p_.out_w) return;
    at.x = 0;
    if (++at.y < p_.out_h) return;
    at.y = 0, image_ += p_.image_bytes, padding_ += p_.rows.padding;
  }
  int64_t NextColumn() const { return p_.offsets.columns.of_output * p_.offsets.columns.bytes; }
  int64_t FarthestColumn(int64_t x, int64_t n) const {
    const TapAxis& columns = p_.offsets.columns;
    return std::max(columns.At(x, 0), columns.At(x, p_.k_w - p_.segment_taps)) +
           (n - 1) * NextColumn();
  }
  // Whether all windows of `n` neighbours are read in place.
  bool LiesInside(const Position& at, int64_t n) const {
    if (at.x < p_.inside.begin || at.x + n > p_.inside.end) return false;
    const int64_t first = p_.offsets.rows.At(at.y, 0), last = p_.offsets.rows.At(at.y, p_.k_h - 1);
    if (first < 0 || last < 0) return false;
    return image_ + std::max(first, last) + FarthestColumn(at.x, n) <= last_;
  }
  void PointAtBlock(Position& at, int64_t step, const std::byte** to) {
    for (int64_t r = 0; r < step;) {
      const bool inside = at.x >= p_.inside.begin && at.x < p_.inside.end;
      const int64_t n = inside ? std::min(step - r, p_.inside.end - at.x) : 1;
      if (!inside || !PointAtRun(at.x, at.y, n, step, to + r)) {
        for (int64_t i = 0; i < n; ++i) PointAtRow(at.x + i, at.y, step, to + r + i);
      }
      r += n;
      Advance(at, n);
    }
  }
  // `n` neighbours whose taps are all inside; false: a last group may reach past the end.
  bool PointAtRun(int64_t x, int64_t y, int64_t n, int64_t step, const std::byte** to) const {
    const int32_t k_w = p_.k_w, taps = p_.segment_taps;
    const auto& [rows, columns] = p_.offsets;
    const int64_t next = NextColumn(), tap = columns.of_tap * columns.bytes;
    const int64_t nearest = columns.At(x, 0);
    int64_t place = rows.Place(y);
    const int64_t lowest = std::max(place, place + (p_.k_h - 1) * rows.of_tap);
    const int64_t line = std::min(lowest, rows.in - 1) * rows.bytes;
    if (image_ + line + FarthestColumn(x, n) > last_) return false;
    for (int32_t ky = 0; ky < p_.k_h; ++ky, place += rows.of_tap) {
      const int64_t row = rows.Offset(place);
      const std::byte* first = image_ + row + nearest;
      for (int32_t kx = 0; kx < k_w; kx += taps, to += step, first += taps * tap) {
        if (row < 0) {
          std::fill_n(to, n, padding_);
        } else {
          for (int64_t i = 0; i < n; ++i) to[i] = first + i * next;
        }
      }
    }
    return true;
  }
  void PointAtRow(int64_t x, int64_t y, int64_t step, const std::byte** to) {
    const int32_t k_w = p_.k_w, taps = p_.segment_taps;
    const auto& [rows, columns] = p_.offsets;
    int64_t row_place = rows.Place(y);
    for (int32_t ky = 0; ky < p_.k_h; ++ky, row_place += rows.of_tap) {
      const int64_t row = rows.Offset(row_place);
      int64_t place = columns.Place(x);
      for (int32_t kx = 0; kx < k_w; kx += taps, to += step, place += taps * columns.of_tap)
        *to = row < 0 ? padding_ : AtEdge(image_ + row, place);
    }
  }
  const std::byte* AtEdge(const std::byte* line, int64_t place) {
    const TapAxis& columns = p_.offsets.columns;
    const int64_t first = columns.Offset(place);
    if (p_.segment_taps == 1) return first < 0 ? padding_ : Readable(line + first);
    const int64_t last = columns.Offset(place + (p_.segment_taps - 1) * columns.of_tap);
    return first < 0 || last < 0 ? Copy(line, place) : Readable(line + first);
  }
  const std::byte* Readable(const std::byte* segment) {
    if (segment <= last_) return segment;
    return Keep(segment, p_.segment_bytes, copy_);
  }
  const std::byte* Copy(const std::byte* line, int64_t place) {
    const TapAxis& columns = p_.offsets.columns;
    std::byte* to = copy_;
    for (int32_t t = 0; t < p_.segment_taps; ++t, to += p_.tap_bytes, place += columns.of_tap) {
      const int64_t column = columns.Offset(place);
      std::memcpy(to, column < 0 ? padding_ : line + column, p_.tap_bytes);
    }
    return Keep(nullptr, 0, to);
  }
  // Ends the copy at copy_ with `bytes` more at `to` and zeros.
  const std::byte* Keep(const std::byte* from, int64_t bytes, std::byte* to) {
    const std::byte* copy = copy_;
    if (bytes > 0) std::memcpy(to, from, bytes);
    copy_ += p_.segment_padded;
    std::memset(to + bytes, 0, copy_ - (to + bytes));
    return copy;
  }

  const GemmParams& p_;
  const std::byte* input_;    // of the group
  const std::byte* image_;    // that is at hand, of the group
  const std::byte* last_;     // the last place where a whole padded segment can be read
  const std::byte* padding_;  // of that image
  std::byte* copy_;
};

// The taps between the first and the last lie between them.
bool AllInside(const GemmParams& p, int64_t x) {
  return p.offsets.columns.At(x, 0) >= 0 && p.offsets.columns.At(x, p.k_w - 1) >= 0;
}

InsideColumns FindInside(const GemmParams& p) {
  InsideColumns inside;
  if (p.dense) return inside;
  while (inside.begin < p.out_w && !AllInside(p, inside.begin)) ++inside.begin;
  inside.end = inside.begin;
  while (inside.end < p.out_w && AllInside(p, inside.end)) ++inside.end;
  return inside;
}

constexpr int64_t kMostTabulated = 8192;
constexpr int64_t kPadded = -1;

// From the group's first byte; kPadded. REQUIRES: no segment is a copy at an edge.
int64_t OffsetOf(const GemmParams& p, int64_t row, int64_t segment) {
  const int64_t per_line = p.k_w / p.segment_taps;
  const int64_t x = row % p.out_w, y = row / p.out_w % p.out_h, image = row / p.out_w / p.out_h;
  const int64_t line = p.offsets.rows.At(y, segment / per_line);
  const int64_t column = p.offsets.columns.At(x, segment % per_line * p.segment_taps);
  return line < 0 || column < 0 ? kPadded : image * p.image_bytes + line + column;
}

// A tile is a line of an image.
TileCode PadTile(const GemmParams& p, const TileArgs& args, TileRange tiles) {
  const PaddedLines& padded = p.padded;
  const int64_t right = padded.bytes - padded.left - padded.line;
  for (int64_t i = tiles.begin; i < tiles.end; ++i) {
    std::byte* to = args.shared + i * padded.bytes;
    const auto fill = [&](int64_t bytes) {  // all of a pixel are the same
      std::memset(to, std::to_integer<int>(p.constants->padding[0]), static_cast<size_t>(bytes));
      to += bytes;
    };
    fill(padded.left);
    const auto* from = static_cast<const std::byte*>(args.inputs[0]) + i * padded.line;
    std::memcpy(to, from, static_cast<size_t>(padded.line));
    to += padded.line;
    fill(right);
  }
  return TileCode::kOk;
}

}  // namespace

void PlanSegments(const GemmKernels& kernels, int64_t k, GemmParams& p) {
  p.segments = p.k_h * p.k_w / p.segment_taps;
  p.segment_bytes = p.segment_padded = p.tap_bytes * p.segment_taps;
  p.inside = FindInside(p);
  p.gather = kernels.group_k == 2 && p.element == 1;
  if (p.gather) {
    p.call.groups = CeilDiv(k, kernels.group_k);
    p.gathered_row = p.call.groups * 4;
    return;
  }
  if (p.element == 1) p.call.flip = p.constants->flip;
  p.segment_padded = CeilDiv(p.segment_bytes, 4) * 4;
  p.call.taps = p.segments;
  p.call.groups = p.segment_padded / 4;
}

void TabulateRows(GemmParams& p) {
  const Division& d = p.division;
  const bool copies = p.segment_taps > 1 && (p.inside.begin > 0 || p.inside.end < p.out_w);
  if (p.dense || p.hybrid() || copies || d.rows * p.segments > kMostTabulated) return;
  const int64_t last_group = (d.groups - 1) * p.group_bytes;
  for (int64_t first = 0; first < d.rows; first += d.block_rows) {
    const int64_t end = std::min(d.rows, first + d.block_rows);
    for (int64_t i = 0; i < p.segments * (end - first); ++i) {
      const int64_t offset = OffsetOf(p, first + i % (end - first), i / (end - first));
      const auto position = static_cast<int64_t>(p.table.offsets.size());
      const bool padded = offset == kPadded;
      if (padded) p.table.paddings.push_back(position);
      if (!padded && offset + last_group > p.input_bytes - p.segment_padded)
        p.table.ends.push_back(position);
      p.table.offsets.push_back(padded ? 0 : offset);
    }
  }
}

void PointAtRows(const GemmParams& p, const TileArgs& args, int64_t group, int64_t row,
                 int64_t rows, const std::byte** to) {
  Segments(p, args, group).PointAt(row, rows, to);
}

void PadLines(ConvGeometry& g, GemmParams& p) {
  if (p.segment_taps == 1 || p.hybrid() || g.in_w == 0) return;
  int64_t edges = 0;
  for (int64_t x = 0; x < g.out_w; ++x) {
    const int64_t first = x * g.stride_w - g.pad_w;
    edges += first < 0 || first + g.k_w > g.in_w ? 1 : 0;
  }
  const int64_t reached = int64_t{g.out_w - 1} * g.stride_w + g.k_w;
  const int64_t width = std::max<int64_t>(int64_t{g.pad_w} + g.in_w, reached);
  if (edges * g.out_h * g.k_h * kBytesOfEdge <= g.in_h * width * p.row_bytes) return;
  p.padded.used = true;
  p.padded.lines = int64_t{g.batch} * g.in_h;
  p.padded.left = g.pad_w * p.row_bytes;
  p.padded.line = g.in_w * p.row_bytes;
  p.padded.bytes = width * p.row_bytes;
  g.in_w = static_cast<int32_t>(width);
  g.pad_w = 0;
}

void PrependPadding(const PaddedLines& padded, Step& step) {
  step.kind = StepKind::kPhased;
  step.shared_bytes = static_cast<size_t>(padded.lines * padded.bytes);
  step.phases.insert(step.phases.begin(),
                     Phase{Erase<&PadTile>(), step.phases[0].tiles == 0 ? 0 : padded.lines,
                           kNsOfByte * static_cast<float>(padded.bytes)});
}

}  // namespace heddle::core
