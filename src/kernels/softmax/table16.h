// SPDX-License-Identifier: Apache-2.0
// A function of int16 as LiteRT tabulates it.
#ifndef HEDDLE_KERNELS_SOFTMAX_TABLE16_H_
#define HEDDLE_KERNELS_SOFTMAX_TABLE16_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace heddle::core {

// What an int16 stands for: scale * (x - zero), in the precision that the table is made in.
template <class Float>
struct Affine16 {
  Float scale;
  int zero;
};

// 512 straight pieces, bent to halve the error in their middle.
class Table16 {
 public:
  template <class Float, class F>
  Table16(Affine16<Float> in, Affine16<Float> out, F f) {
    const Float lo = in.scale * static_cast<Float>(-32768 - in.zero);
    const Float hi = in.scale * static_cast<Float>(32767 - in.zero);
    const Float step = (hi - lo) / 512;
    const Float k = 65536 / (out.scale * static_cast<Float>(32767 - out.zero) -
                             out.scale * static_cast<Float>(-32768 - out.zero));
    for (int i = 0; i < 512; ++i) {
      const Float n = static_cast<Float>(i);
      const Float value = std::round(f(lo + n * step) * k);
      const Float between = std::round((f(lo + (n + 1) * step) * k + value) / 2);
      const Float middle = std::round(f(lo + n * step + step / 2) * k);
      values_[i] = Saturate(value - std::round((between - middle) / 2));
    }
    values_[512] = Saturate(std::round(f(hi) * k));
  }
  int32_t operator()(int32_t x) const {
    const int32_t at = 256 + (x >> 7), part = x & 127;
    return values_[at] + (((values_[at + 1] - values_[at]) * part + 64) >> 7);
  }

 private:
  template <class Float>
  static int16_t Saturate(Float v) {
    if (std::isnan(v)) return 0;  // of scales so large that their difference is no number
    return static_cast<int16_t>(std::clamp<Float>(v, -32768, 32767));
  }
  std::array<int16_t, 513> values_;
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SOFTMAX_TABLE16_H_
