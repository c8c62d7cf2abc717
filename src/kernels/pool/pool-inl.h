// SPDX-License-Identifier: Apache-2.0
// The bodies of kernels.h, included by one file for each instruction set: everything has internal
// linkage, and nothing of std:: is called, so that no code of one set can be linked into another.
// Every loop over a block runs over contiguous channels. A window is added up in a fixed order: row
// by row, or XNNPACK's groups of nine, column by column.
#include <cfloat>
#include <cstdint>

#include "kernels/pool/kernels.h"

namespace heddle::core {
namespace {

// As std::max and std::min: the first of equals, and a NaN never wins against a first that is none.
template <class T>
T Max(T a, T b) {
  return a < b ? b : a;
}
template <class T>
T Min(T a, T b) {
  return b < a ? b : a;
}

template <class T>
constexpr T kLowest = T(-1) > T(0) ? T(0) : T(T(1) << (sizeof(T) * 8 - 1));
template <class T>
constexpr T kHighest = T(~kLowest<T>);

int64_t Begin(const PoolAxis& a, int64_t o) { return Max<int64_t>(0, o * a.stride - a.before); }
int64_t End(const PoolAxis& a, int64_t o) { return Min(a.in, o * a.stride - a.before + a.filter); }

// The taps of one unit.
template <class T>
struct Window {
  const T* first;  // tap (0, 0), first channel of the block
  int64_t rows, cols, row_stride, col_stride;
  int64_t channels;

  const T* Tap(int64_t y, int64_t x) const { return first + y * row_stride + x * col_stride; }
  int64_t taps() const { return rows * cols; }
};

// Channels are taken in blocks whose accumulators stay in registers from tap to tap.
template <int N>
struct Lanes {};

// Calls f(Lanes<N>, c) for blocks of N channels from channel c on.
template <class F>
void ForBlocks(int64_t channels, const F& f) {
  int64_t c = 0;
  for (; c + 16 <= channels; c += 16) f(Lanes<16>{}, c);
  if (c + 8 <= channels) f(Lanes<8>{}, c), c += 8;
  if (c + 4 <= channels) f(Lanes<4>{}, c), c += 4;
  for (; c < channels; ++c) f(Lanes<1>{}, c);
}

// acc[i] = join(acc[i], x) for channel c + i of each tap, row by row.
template <int N, class T, class Acc, class Join>
void JoinTaps(const Window<T>& w, int64_t c, Acc (&acc)[N], const Join& join) {
  const T* row = w.first + c;
  for (int64_t y = 0; y < w.rows; ++y, row += w.row_stride) {
    const T* in = row;
    for (int64_t x = 0; x < w.cols; ++x, in += w.col_stride)
      for (int i = 0; i < N; ++i) acc[i] = join(acc[i], in[i]);
  }
}

// A NaN never wins, but for a NaN in the first tap of a window in `fast`: XNNPACK begins there and
// gives the lower bound.
struct MaxFloat {
  static void Run(const PoolParams& p, const Window<float>& w, float* out) {
    ForBlocks(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
      float acc[N];
      for (int i = 0; i < N; ++i) acc[i] = p.from_first_tap ? w.first[c + i] : -FLT_MAX;
      JoinTaps(w, c, acc, [](float a, float x) { return Max(a, x); });
      for (int i = 0; i < N; ++i) out[c + i] = Min(Max(p.lo, acc[i]), p.hi);
    });
  }
};

template <class T>
struct MaxInt {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    // Of T: bounds outside of it bound nothing.
    const T lo = static_cast<T>(Max<int32_t>(p.int_lo, kLowest<T>));
    const T hi = static_cast<T>(Min<int32_t>(p.int_hi, kHighest<T>));
    ForBlocks(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
      T acc[N];
      for (T& a : acc) a = kLowest<T>;
      JoinTaps(w, c, acc, [](T a, T x) { return Max(a, x); });
      for (int i = 0; i < N; ++i) out[c + i] = Min(Max(acc[i], lo), hi);
    });
  }
};

template <class T>
struct AverageInt {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    const int32_t half = static_cast<int32_t>(w.taps() / 2);
    const double count = static_cast<double>(w.taps());
    ForBlocks(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
      int32_t acc[N] = {};
      JoinTaps(w, c, acc, [](int32_t a, T x) { return a + x; });
      for (int i = 0; i < N; ++i) {
        const int32_t sum = acc[i] + (acc[i] > 0 ? half : -half);
        // Exact: a quotient of 31-bit integers is never rounded up to the next integer in double.
        const int32_t mean = static_cast<int32_t>(static_cast<double>(sum) / count);
        out[c + i] = static_cast<T>(Min(Max(mean, p.int_lo), p.int_hi));
      }
    });
  }
};

template <class T>
void StoreClamped(const PoolParams& p, float value, T* out) {
  *out = static_cast<T>(Min(Max(value, p.lo), p.hi));
}

template <class T>
struct AverageFloat {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    const float count = static_cast<float>(w.taps());
    ForBlocks(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
      float acc[N] = {};
      JoinTaps(w, c, acc, [](float a, T x) { return a + static_cast<float>(x); });
      for (int i = 0; i < N; ++i) StoreClamped(p, acc[i] / count, out + c + i);
    });
  }
};

// The root of the mean of the squares.
struct L2Float {
  static void Run(const PoolParams& p, const Window<float>& w, float* out) {
    const float count = static_cast<float>(w.taps());
    ForBlocks(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
      float acc[N] = {};
      JoinTaps(w, c, acc, [](float a, float x) { return a + x * x; });
      for (int i = 0; i < N; ++i) StoreClamped(p, __builtin_sqrtf(acc[i] / count), out + c + i);
    });
  }
};

// XNNPACK's order. Taps outside of the image take part as zeros.
template <class T>
struct AverageFloatXnn {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    static constexpr T kZeros[kPoolBlock] = {};
    float acc[kPoolBlock];
    const int64_t taps = w.taps();
    const T* t[9];
    int64_t y = 0, x = 0;
    for (int64_t group = 0; group < taps; group += 9) {
      for (int64_t k = 0; k < 9; ++k) {
        t[k] = group + k < taps ? w.Tap(y, x) : kZeros;
        if (++y == w.rows) y = 0, ++x;
      }
      const bool first = group == 0;
      for (int64_t c = 0; c < w.channels; ++c) {
        const auto tap = [&](int k) { return static_cast<float>(t[k][c]); };
        const float sum = ((tap(2) + tap(3)) + (tap(4) + tap(5))) +
                          (((tap(0) + tap(1)) + tap(8)) + (tap(6) + tap(7)));
        acc[c] = first ? sum : sum + acc[c];
      }
    }
    const float scale = 1.0f / static_cast<float>(taps);
    for (int64_t c = 0; c < w.channels; ++c) StoreClamped(p, acc[c] * scale, out + c);
  }
};

template <class T, class Kernel>
TileCode PoolTiles(const PoolParams& p, const TileArgs& args, TileRange tiles) {
  const PoolGeometry& g = p.g;
  const T* in = static_cast<const T*>(args.inputs[0]);
  T* out = static_cast<T*>(args.outputs[0]);
  const int64_t begin = tiles.begin * p.units_per_tile;
  const int64_t end = Min(p.units, tiles.end * p.units_per_tile);
  int64_t block = begin % p.blocks, pixel = begin / p.blocks;
  int64_t ox = pixel % g.x.out, oy = pixel / g.x.out % g.y.out, b = pixel / g.x.out / g.y.out;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t y = Begin(g.y, oy), x = Begin(g.x, ox), c = block * kPoolBlock;
    Window<T> w;
    w.first = in + ((b * g.y.in + y) * g.x.in + x) * g.channels + c;
    w.rows = End(g.y, oy) - y;
    w.cols = End(g.x, ox) - x;
    w.row_stride = g.x.in * g.channels;
    w.col_stride = g.channels;
    w.channels = Min(kPoolBlock, g.channels - c);
    Kernel::Run(p, w, out + pixel * g.channels + c);
    if (++block < p.blocks) continue;
    block = 0;
    ++pixel;
    if (++ox < g.x.out) continue;
    ox = 0;
    if (++oy < g.y.out) continue;
    oy = 0;
    ++b;
  }
  return TileCode::kOk;
}

PoolKernels MakeKernels() {
  using Half = _Float16;
  PoolKernels k;
  k.max_f32 = Erase<&PoolTiles<float, MaxFloat>>();
  k.max_i8 = Erase<&PoolTiles<int8_t, MaxInt<int8_t>>>();
  k.max_u8 = Erase<&PoolTiles<uint8_t, MaxInt<uint8_t>>>();
  k.max_i16 = Erase<&PoolTiles<int16_t, MaxInt<int16_t>>>();
  k.average_f32 = Erase<&PoolTiles<float, AverageFloat<float>>>();
  k.average_f16 = Erase<&PoolTiles<Half, AverageFloat<Half>>>();
  k.average_i8 = Erase<&PoolTiles<int8_t, AverageInt<int8_t>>>();
  k.average_u8 = Erase<&PoolTiles<uint8_t, AverageInt<uint8_t>>>();
  k.average_i16 = Erase<&PoolTiles<int16_t, AverageInt<int16_t>>>();
  k.average_xnn_f32 = Erase<&PoolTiles<float, AverageFloatXnn<float>>>();
  k.average_xnn_f16 = Erase<&PoolTiles<Half, AverageFloatXnn<Half>>>();
  k.l2_f32 = Erase<&PoolTiles<float, L2Float>>();
  return k;
}

}  // namespace
}  // namespace heddle::core
