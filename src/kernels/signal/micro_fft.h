// SPDX-License-Identifier: Apache-2.0
// The Fourier transforms of TensorFlow Lite Micro's audio front-end, bit for bit: radices 4, 2, 3
// and 5, on int16, int32 or float. In fixed point every stage divides by its radix, so a forward
// transform is 1/n of the true one, and sums wrap.
#ifndef HEDDLE_KERNELS_SIGNAL_MICRO_FFT_H_
#define HEDDLE_KERNELS_SIGNAL_MICRO_FFT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heddle::core {

template <class T>
struct MicroComplex {
  T re, im;
};

// Of n real values, with n/2 + 1 values that stand for their transform. Immutable once made.
template <class T>
class MicroRealFft {
 public:
  using Value = MicroComplex<T>;

  // Even, at least 4, and n/2 has no prime factor above 5.
  static bool Takes(int64_t n);
  explicit MicroRealFft(int64_t n, bool inverse);  // REQUIRES: Takes(n)

  int64_t size() const { return 2 * half_; }
  int64_t bins() const { return half_ + 1; }
  // `room`: size() / 2 values.
  void Forward(const Value* pairs, Value* out, Value* room) const;  // REQUIRES: not inverse
  void Inverse(const Value* in, Value* pairs, Value* room) const;   // REQUIRES: inverse

 private:
  struct Stage {
    int radix;
    int64_t length;  // of each part
  };

  void Transform(Value* out, const Value* in, int64_t stride, std::size_t stage) const;
  void Join2(Value* out, int64_t stride, int64_t m) const;
  void Join3(Value* out, int64_t stride, int64_t m) const;
  void Join4(Value* out, int64_t stride, int64_t m) const;
  void Join5(Value* out, int64_t stride, int64_t m) const;

  int64_t half_;
  bool inverse_;
  std::vector<Stage> stages_;
  std::vector<Value> roots_;   // of the transform of half the length
  std::vector<Value> halves_;  // that part two real transforms
};

extern template class MicroRealFft<int16_t>;
extern template class MicroRealFft<int32_t>;
extern template class MicroRealFft<float>;

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SIGNAL_MICRO_FFT_H_
