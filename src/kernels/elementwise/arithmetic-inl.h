// SPDX-License-Identifier: Apache-2.0
// The bodies of arithmetic.h, included by one file for each instruction set: everything has
// internal linkage, and nothing of std:: is called, so that no code of one set can be linked into
// another.
#include "kernels/elementwise/arithmetic.h"
#include "kernels/math_double.h"

namespace heddle::core {
namespace {

// x / 2^n, ties away from zero.
inline int32_t ShiftAway(int32_t x, int32_t n) {
  const int32_t mask = static_cast<int32_t>((1u << n) - 1);
  return (x >> n) + ((x & mask) > (mask >> 1) + (x < 0 ? 1 : 0) ? 1 : 0);
}

inline int32_t Scaled(int32_t x, const Rescale& k) {
  const int32_t shifted = static_cast<int32_t>(static_cast<uint32_t>(x) << k.left);
  // A multiplier is never the one number whose doubled square saturates.
  const int64_t product = int64_t{shifted} * k.m + (int64_t{1} << 30);
  return ShiftAway(static_cast<int32_t>(product >> 31), k.right);
}

inline int32_t SumOrDifference(int32_t x, int32_t y, int32_t sign) {
  return static_cast<int32_t>(static_cast<uint32_t>(x) + static_cast<uint32_t>((y ^ sign) - sign));
}

inline int32_t Bounded(int32_t x, int32_t lo, int32_t hi) {
  const int32_t above = x < lo ? lo : x;
  return above > hi ? hi : above;
}

template <class T>
inline T Apply(const AddBuiltin& f, T a, T b) {
  const int32_t x = Scaled((a - f.zero_a) * (1 << f.left), f.ka);
  const int32_t y = Scaled((b - f.zero_b) * (1 << f.left), f.kb);
  const int32_t sum = Scaled(SumOrDifference(x, y, f.sign), f.ko);
  return static_cast<T>(Bounded(sum, f.lo, f.hi) + f.zero_out);
}

template <class T>
inline T Apply(const MulBuiltin& f, T a, T b) {
  return static_cast<T>(Bounded(Scaled((a - f.zero_a) * (b - f.zero_b), f.k), f.lo, f.hi) +
                        f.zero_out);
}

template <class T>
inline T Apply(const AddShifted& f, T a, T b) {
  const int32_t sum = SumOrDifference(ShiftAway(a, f.shift_a), ShiftAway(b, f.shift_b), f.sign);
  return static_cast<T>(Bounded(sum, f.lo, f.hi));
}

// `f` comes by value: a byte-sized output may alias anything else.
template <class T, class Out = T, class Of>
void Loop(const PairRun& run, const Of of) {
  const T* a = static_cast<const T*>(run.a);
  const T* b = static_cast<const T*>(run.b);
  Out* out = static_cast<Out*>(run.out);
  const int64_t n = run.n;
  if (run.a_moves && run.b_moves) {
    for (int64_t i = 0; i < n; ++i) out[i] = of(a[i], b[i]);
  } else if (run.a_moves) {
    const T y = b[0];
    for (int64_t i = 0; i < n; ++i) out[i] = of(a[i], y);
  } else {
    const T x = a[0];
    for (int64_t i = 0; i < n; ++i) out[i] = of(x, b[i]);
  }
}

template <class T, class F>
void Integers(const F& f, const PairRun& run) {
  Loop<T>(run, [f](T a, T b) { return Apply<T>(f, a, b); });
}

template <class Op>
void Floats(const FloatBounds& bounds, const PairRun& run) {
  Loop<float>(run, [bounds](float a, float b) {
    const float r = Op::Of(a, b);
    const float above = r < bounds.lo ? bounds.lo : r;
    return above > bounds.hi ? bounds.hi : above;
  });
}
template <class Op>
void Simple(const Unbounded&, const PairRun& run) {
  Loop<float>(run, [](float a, float b) { return Op::Of(a, b); });
}
struct Sum {
  static float Of(float a, float b) { return a + b; }
};
struct Difference {
  static float Of(float a, float b) { return a - b; }
};
struct Product {
  static float Of(float a, float b) { return a * b; }
};
struct Quotient {
  static float Of(float a, float b) { return a / b; }
};

struct Least {  // with a NaN the second operand, and in Most
  static float Of(float a, float b) { return a < b ? a : b; }
};
struct Most {
  static float Of(float a, float b) { return a > b ? a : b; }
};
struct SquareOfDifference {
  static float Of(float a, float b) { return (a - b) * (a - b); }
};
struct Slope {
  static float Of(float x, float slope) { return x >= 0 ? x : x * slope; }
};
struct SquareOfFirst {
  static float Of(float a, float) { return a * a; }
};
struct CubeOfFirst {
  static float Of(float a, float) { return static_cast<float>(static_cast<double>(a) * a * a); }
};

// An order of integers; both zeros are 0.
inline int32_t KeyOf(float x) {
  const int32_t bits = __builtin_bit_cast(int32_t, x);
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}
// kNan: what a NaN gives.
template <class Op, bool kNan>
void Comparisons(const Unbounded&, const PairRun& run) {
  Loop<float, uint8_t>(run, [](float a, float b) {
    const bool ordered = Op::Of(KeyOf(a), KeyOf(b)), nan = (a != a) | (b != b);
    return static_cast<uint8_t>(kNan ? ordered | nan : ordered & !nan);
  });
}
struct Equal {
  static bool Of(int32_t a, int32_t b) { return a == b; }
};
struct NotEqual {
  static bool Of(int32_t a, int32_t b) { return a != b; }
};
struct Less {
  static bool Of(int32_t a, int32_t b) { return a < b; }
};
struct LessEqual {
  static bool Of(int32_t a, int32_t b) { return a <= b; }
};
struct Greater {
  static bool Of(int32_t a, int32_t b) { return a > b; }
};
struct GreaterEqual {
  static bool Of(int32_t a, int32_t b) { return a >= b; }
};

// Long: compilers would call it for each element.
void Powers(const Unbounded&, const PairRun& run) {
  Loop<float>(run,
              [](float a, float b) __attribute__((always_inline)) { return BranchlessPowF(a, b); });
}

ArithmeticKernels MakeKernels(const char* name, float speed) {
  return {name,
          speed,
          &Floats<Sum>,
          &Floats<Difference>,
          &Floats<Product>,
          &Floats<Quotient>,
          &Simple<Least>,
          &Simple<Most>,
          &Simple<SquareOfDifference>,
          &Simple<Slope>,
          &Simple<SquareOfFirst>,
          &Simple<CubeOfFirst>,
          &Powers,
          &Comparisons<Equal, false>,
          &Comparisons<NotEqual, true>,
          &Comparisons<Less, false>,
          &Comparisons<LessEqual, false>,
          &Comparisons<Greater, false>,
          &Comparisons<GreaterEqual, false>,
          &Integers<int8_t, AddBuiltin>,
          &Integers<uint8_t, AddBuiltin>,
          &Integers<int16_t, AddBuiltin>,
          &Integers<int8_t, MulBuiltin>,
          &Integers<uint8_t, MulBuiltin>,
          &Integers<int16_t, MulBuiltin>,
          &Integers<int16_t, AddShifted>};
}

}  // namespace
}  // namespace heddle::core
