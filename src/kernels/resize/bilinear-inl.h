// SPDX-License-Identifier: Apache-2.0
// The bodies of bilinear_kernels.h, included by one file for each instruction set: everything has
// internal linkage. Loops run over contiguous channels.
#include "kernels/resize/bilinear_kernels.h"

namespace heddle::core {
namespace {

template <class T>
struct Corners {
  const T *top_left, *top_right, *bottom_left, *bottom_right;
};

constexpr int64_t kLanes = 16;

// Calls f(c) for every channel. What whole groups leave over is one more group, which overlaps the
// one before and writes the same values again: no loop over single channels where there are enough.
template <class F>
void ForChannels(int64_t channels, const F& f) {
  const int64_t whole = channels < kLanes ? channels : channels / kLanes * kLanes;
  for (int64_t c = 0; c < whole; ++c) f(c);
  if (whole == channels) return;
  for (int64_t i = 0; i < kLanes; ++i) f(channels - kLanes + i);
}

// LiteRT's reference kernel of float32 and uint8.
struct FloatMix {
  template <class T>
  static void Mix(const Corners<T>& from, const Tap& y, const Tap& x, int64_t channels, T* out) {
    constexpr float kRound = T(0.5f) == T(0) ? 0.5f : 0.0f;  // of integers
    const float fy = y.part, fx = x.part;
    ForChannels(channels, [&](int64_t c) {
      const float value = from.top_left[c] * (1 - fy) * (1 - fx) +
                          from.bottom_left[c] * fy * (1 - fx) + from.top_right[c] * (1 - fy) * fx +
                          from.bottom_right[c] * fy * fx;
      out[c] = static_cast<T>(value + kRound);
    });
  }
};

// LiteRT's reference kernel of int8 and int16: 10 fractional bits.
struct IntMix {
  template <class T>
  static void Mix(const Corners<T>& from, const Tap& y, const Tap& x, int64_t channels, T* out) {
    const int64_t fy = y.fixed, fx = x.fixed;
    const int64_t w00 = (1024 - fy) * (1024 - fx), w10 = fy * (1024 - fx);
    const int64_t w01 = (1024 - fy) * fx, w11 = fy * fx;
    ForChannels(channels, [&](int64_t c) {
      const int64_t sum = from.top_left[c] * w00 + from.bottom_left[c] * w10 +
                          from.top_right[c] * w01 + from.bottom_right[c] * w11;
      const int64_t half = int64_t{1} << 19;
      out[c] = static_cast<T>((sum > 0 ? sum + half : sum - half) / (int64_t{1} << 20));
    });
  }
};

// XNNPACK mixes along x, then along y; 8-bit values with 11 fractional bits.
template <class T>
struct XnnMix {
  using Mixed = int32_t;
  static int32_t AlongX(int32_t left, int32_t right, const Tap& x) {
    return left * 2048 + x.fixed * (right - left);
  }
  static T AlongY(int32_t top, int32_t bottom, const Tap& y) {
    return static_cast<T>((top * 2048 + y.fixed * (bottom - top) + (1 << 21)) >> 22);
  }
};
template <>
struct XnnMix<float> {
  using Mixed = float;
  static float AlongX(float left, float right, const Tap& x) {
    return left + (right - left) * x.part;
  }
  static float AlongY(float top, float bottom, const Tap& y) {
    return top + (bottom - top) * y.part;
  }
};

// `pixels` of a row of the output, from an input row as it is. kChannels 0: p.channels.
template <int kChannels, class T>
void MixAlongX(const BilinearParams& p, const T* row, int64_t first, int64_t pixels,
               typename XnnMix<T>::Mixed* out) {
  const int64_t channels = kChannels > 0 ? kChannels : p.channels;
  for (int64_t i = first; i < first + pixels; ++i, out += channels) {
    const Tap x = p.x[i];
    const T *left = row + x.low * channels, *right = row + x.high * channels;
    ForChannels(channels, [&](int64_t c) { out[c] = XnnMix<T>::AlongX(left[c], right[c], x); });
  }
}

template <class T>
void MixAlongX(const BilinearParams& p, const T* row, int64_t first, int64_t pixels,
               typename XnnMix<T>::Mixed* out) {
  switch (p.channels) {
    case 1:
      return MixAlongX<1>(p, row, first, pixels, out);
    case 2:
      return MixAlongX<2>(p, row, first, pixels, out);
    case 3:
      return MixAlongX<3>(p, row, first, pixels, out);
    case 4:
      return MixAlongX<4>(p, row, first, pixels, out);
    default:
      return MixAlongX<0>(p, row, first, pixels, out);
  }
}

// Two rows of the input that are next to each other, mixed along x: each once for all the rows of
// the output between them.
template <class T>
class MixedRows {
 public:
  using Mixed = typename XnnMix<T>::Mixed;
  MixedRows(const BilinearParams& p, const T* in, int64_t first, int64_t pixels, std::byte* scratch)
      : p_(p), in_(in), first_(first), pixels_(pixels), rows_(reinterpret_cast<Mixed*>(scratch)) {}

  const Mixed* Row(int64_t row) {
    const int64_t place = row & 1;
    Mixed* mixed = rows_ + place * p_.columns * p_.channels;
    if (held_[place] != row) MixAlongX(p_, in_ + row * p_.in_row, first_, pixels_, mixed);
    held_[place] = row;
    return mixed;
  }

 private:
  const BilinearParams& p_;
  const T* in_;
  int64_t first_, pixels_;
  Mixed* rows_;
  int64_t held_[2] = {-1, -1};
};

// Some columns after the others, so that the mixed rows stay in L1.
template <class T>
TileCode XnnTiles(const BilinearParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t begin = tiles.begin * p.rows_per_tile, last = tiles.end * p.rows_per_tile;
  const int64_t end = last < p.rows ? last : p.rows;
  for (int64_t first = 0; first < p.width; first += p.columns) {
    const int64_t pixels = p.width - first < p.columns ? p.width - first : p.columns;
    MixedRows<T> rows(p, static_cast<const T*>(args.inputs[0]), first, pixels, args.scratch);
    for (int64_t row = begin; row < end; ++row) {
      const Tap y = p.y[row % p.height];
      const int64_t image = row / p.height * p.in_rows;
      const auto *top = rows.Row(image + y.low), *bottom = rows.Row(image + y.high);
      T* out = static_cast<T*>(args.outputs[0]) + (row * p.width + first) * p.channels;
      const int64_t n = pixels * p.channels;
      for (int64_t i = 0; i < n; ++i) out[i] = XnnMix<T>::AlongY(top[i], bottom[i], y);
    }
  }
  return TileCode::kOk;
}

template <class T, class Form>
TileCode BilinearTiles(const BilinearParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t first = tiles.begin * p.rows_per_tile, last = tiles.end * p.rows_per_tile;
  const int64_t end = last < p.rows ? last : p.rows;
  T* out = static_cast<T*>(args.outputs[0]) + first * p.width * p.channels;
  for (int64_t row = first; row < end; ++row) {
    const Tap& y = p.y[row % p.height];
    const T* image = static_cast<const T*>(args.inputs[0]) + row / p.height * p.in_rows * p.in_row;
    const T* top = image + y.low * p.in_row;
    const T* bottom = image + y.high * p.in_row;
    for (int64_t i = 0; i < p.width; ++i, out += p.channels) {
      const Tap& x = p.x[i];
      const int64_t left = x.low * p.channels, right = x.high * p.channels;
      Form::Mix(Corners<T>{top + left, top + right, bottom + left, bottom + right}, y, x,
                p.channels, out);
    }
  }
  return TileCode::kOk;
}

BilinearKernels MakeKernels() {
  BilinearKernels k;
  k.float_f32 = Erase<&BilinearTiles<float, FloatMix>>();
  k.float_u8 = Erase<&BilinearTiles<uint8_t, FloatMix>>();
  k.int_i8 = Erase<&BilinearTiles<int8_t, IntMix>>();
  k.int_i16 = Erase<&BilinearTiles<int16_t, IntMix>>();
  k.xnn_f32 = Erase<&XnnTiles<float>>();
  k.xnn_i8 = Erase<&XnnTiles<int8_t>>();
  k.xnn_u8 = Erase<&XnnTiles<uint8_t>>();
  return k;
}

}  // namespace
}  // namespace heddle::core
