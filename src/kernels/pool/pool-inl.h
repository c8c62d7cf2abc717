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

// Calls f(Lanes<N>, c) for blocks of N channels from channel c on, the widest of 64 bytes of T or
// more. What whole blocks leave over is one more, which overlaps the one before and writes the same
// values again; only fewer channels than a block of 16 are taken apart.
template <class T, class F>
void ForBlocks(int64_t channels, const F& f) {
  constexpr int kWide = sizeof(T) == 1 ? 64 : 32;
  int64_t c = 0;
  for (; c + kWide <= channels; c += kWide) f(Lanes<kWide>{}, c);
  for (; c + 16 <= channels; c += 16) f(Lanes<16>{}, c);
  if (c == channels) return;
  if (channels >= 16) return f(Lanes<16>{}, channels - 16);
  if (c + 8 <= channels) f(Lanes<8>{}, c), c += 8;
  if (c + 4 <= channels) f(Lanes<4>{}, c), c += 4;
  if (c + 3 == channels) return f(Lanes<3>{}, c);
  if (c + 2 == channels) return f(Lanes<2>{}, c);
  if (c < channels) f(Lanes<1>{}, c);
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

// Values that stay in registers: an array would not, where it is long.
template <class T, int N>
using Vector = T __attribute__((vector_size(N * sizeof(T))));
constexpr int kLeastVector = 8;  // fewer are an array

template <class V>
void MaxOf(V& acc, const V& x) {
  acc = acc < x ? x : acc;
}
template <class V>
void MinOf(V& acc, const V& x) {
  acc = x < acc ? x : acc;
}
template <class V, class T>
void Read(const T* from, V& to) {
  __builtin_memcpy(&to, from, sizeof(to));
}

// The largest of N channels' taps and `start`, within the bounds.
template <int N, class T>
void StoreMax(const Window<T>& w, int64_t c, const T* start, T lo, T hi, T* out) {
  if constexpr (N >= kLeastVector) {
    Vector<T, N> acc, x;
    Read(start, acc);
    const T* row = w.first + c;
    for (int64_t y = 0; y < w.rows; ++y, row += w.row_stride)
      for (int64_t i = 0; i < w.cols; ++i) Read(row + i * w.col_stride, x), MaxOf(acc, x);
    // A NaN becomes the lower bound.
    Vector<T, N> bounded = Vector<T, N>{} + lo;
    MaxOf(bounded, acc);
    MinOf(bounded, Vector<T, N>{} + hi);
    __builtin_memcpy(out + c, &bounded, sizeof(bounded));
  } else {
    T acc[N];
    for (int i = 0; i < N; ++i) acc[i] = start[i];
    JoinTaps(w, c, acc, [](T a, T x) { return Max(a, x); });
    for (int i = 0; i < N; ++i) out[c + i] = Min(Max(lo, acc[i]), hi);
  }
}

// A NaN never wins, but for a NaN in the first tap of a window in `fast`: XNNPACK begins there and
// gives the lower bound.
struct MaxFloat {
  static void Run(const PoolParams& p, const Window<float>& w, float* out) {
    float lowest[kPoolBlock];
    for (float& v : lowest) v = -FLT_MAX;
    ForBlocks<float>(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
      StoreMax<N>(w, c, p.from_first_tap ? w.first + c : lowest, p.lo, p.hi, out);
    });
  }
};

template <class T>
struct MaxInt {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    // Of T: bounds outside of it bound nothing.
    const T lo = static_cast<T>(Max<int32_t>(p.int_lo, kLowest<T>));
    const T hi = static_cast<T>(Min<int32_t>(p.int_hi, kHighest<T>));
    ForBlocks<T>(w.channels,
                 [&]<int N>(Lanes<N>, int64_t c) { StoreMax<N>(w, c, w.first + c, lo, hi, out); });
  }
};

template <class T>
struct AverageInt {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    const int32_t half = static_cast<int32_t>(w.taps() / 2);
    const double count = static_cast<double>(w.taps());
    ForBlocks<T>(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
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
    ForBlocks<T>(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
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
    ForBlocks<float>(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
      float acc[N] = {};
      JoinTaps(w, c, acc, [](float a, float x) { return a + x * x; });
      for (int i = 0; i < N; ++i) StoreClamped(p, __builtin_sqrtf(acc[i] / count), out + c + i);
    });
  }
};

// Nine taps in XNNPACK's order.
template <class V>
void AddNine(const V* t, V& sum) {
  sum = ((t[2] + t[3]) + (t[4] + t[5])) + (((t[0] + t[1]) + t[8]) + (t[6] + t[7]));
}
// The same where the last five are zeros; adding one leaves no negative zero.
template <class V>
void AddFour(const V* t, V& sum) {
  sum = ((t[2] + t[3]) + 0.0f) + ((t[0] + t[1]) + 0.0f);
}

// The sum of kTaps taps, the rest zeros, for N channels from channel c on.
template <int N, int kTaps, class T>
void SumTaps(const T* const* t, int64_t c, float* out) {
  const auto add = [](const auto* taps, auto& sum) {
    if constexpr (kTaps == 4) {
      AddFour(taps, sum);
    } else {
      AddNine(taps, sum);
    }
  };
  if constexpr (N >= kLeastVector && sizeof(T) == sizeof(float)) {
    Vector<float, N> taps[kTaps], sum;
    for (int k = 0; k < kTaps; ++k) Read(t[k] + c, taps[k]);
    add(taps, sum);
    __builtin_memcpy(out, &sum, sizeof(sum));
  } else {
    for (int i = 0; i < N; ++i) {
      float taps[kTaps];
      for (int k = 0; k < kTaps; ++k) taps[k] = static_cast<float>(t[k][c + i]);
      add(taps, out[i]);
    }
  }
}

// XNNPACK's order. Taps outside of the image take part as zeros.
template <class T>
struct AverageFloatXnn {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    const T* t[9];
    float acc[kPoolBlock], more[kPoolBlock];
    Take(w, 0, t);
    ForBlocks<T>(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
      w.taps() == 4 ? SumTaps<N, 4>(t, c, acc + c) : SumTaps<N, 9>(t, c, acc + c);
    });
    for (int64_t group = 9; group < w.taps(); group += 9) {
      Take(w, group, t);
      ForBlocks<T>(w.channels, [&]<int N>(Lanes<N>, int64_t c) { SumTaps<N, 9>(t, c, more + c); });
      for (int64_t c = 0; c < w.channels; ++c) acc[c] = more[c] + acc[c];
    }
    const float scale = 1.0f / static_cast<float>(w.taps());
    for (int64_t c = 0; c < w.channels; ++c) StoreClamped(p, acc[c] * scale, out + c);
  }

 private:
  // Taps [group, group + 9), column by column.
  static void Take(const Window<T>& w, int64_t group, const T** t) {
    static constexpr T kZeros[kPoolBlock] = {};
    int64_t y = group % w.rows, x = group / w.rows;
    for (int64_t k = 0; k < 9; ++k) {
      t[k] = group + k < w.taps() ? w.Tap(y, x) : kZeros;
      if (++y == w.rows) y = 0, ++x;
    }
  }

  template <class Sum>
  static void Store(const PoolParams& p, const Window<T>& w, const Sum& sum, T* out) {
    const float scale = 1.0f / static_cast<float>(w.taps());
    ForBlocks<T>(w.channels, [&]<int N>(Lanes<N>, int64_t c) {
      float acc[N];
      for (int i = 0; i < N; ++i) acc[i] = sum(c + i);
      for (int i = 0; i < N; ++i) StoreClamped(p, acc[i] * scale, out + c + i);
    });
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
