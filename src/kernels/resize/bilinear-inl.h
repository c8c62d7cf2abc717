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

// XNNPACK: 8-bit values with 11 fractional bits.
struct XnnMix {
  static void Mix(const Corners<float>& from, const Tap& y, const Tap& x, int64_t channels,
                  float* out) {
    ForChannels(channels, [&](int64_t c) {
      const float top = from.top_left[c] + (from.top_right[c] - from.top_left[c]) * x.part;
      const float bottom =
          from.bottom_left[c] + (from.bottom_right[c] - from.bottom_left[c]) * x.part;
      out[c] = top + (bottom - top) * y.part;
    });
  }

  template <class T>
  static void Mix(const Corners<T>& from, const Tap& y, const Tap& x, int64_t channels, T* out) {
    ForChannels(channels, [&](int64_t c) {
      const int32_t tl = from.top_left[c], bl = from.bottom_left[c];
      const int32_t top = tl * 2048 + x.fixed * (from.top_right[c] - tl);
      const int32_t bottom = bl * 2048 + x.fixed * (from.bottom_right[c] - bl);
      out[c] = static_cast<T>((top * 2048 + y.fixed * (bottom - top) + (1 << 21)) >> 22);
    });
  }
};

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
  k.xnn_f32 = Erase<&BilinearTiles<float, XnnMix>>();
  k.xnn_i8 = Erase<&BilinearTiles<int8_t, XnnMix>>();
  k.xnn_u8 = Erase<&BilinearTiles<uint8_t, XnnMix>>();
  return k;
}

}  // namespace
}  // namespace heddle::core
