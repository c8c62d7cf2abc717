// SPDX-License-Identifier: Apache-2.0
// LOG_SOFTMAX over the last axis.
#include <array>
#include <cmath>

#include "kernels/elementwise/types.h"
#include "kernels/math.h"
#include "kernels/softmax/fixed.h"
#include "kernels/softmax/rows.h"

namespace heddle::core {
namespace {

// One sum from first to last, as the builtin kernel has it.
struct ReferenceRow {
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const float* x = static_cast<const float*>(in) + at;
    float* y = static_cast<float*>(out) + at;
    float max = x[0];
    for (int64_t i = 1; i < n; ++i) max = std::max(max, x[i]);
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += ExpF(x[i] - max);
    const float log_sum = LogF(sum);
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] - max - log_sum;
  }
};

struct FastRow {
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const float* x = static_cast<const float*>(in) + at;
    float* y = static_cast<float*>(out) + at;
    const float max = ReduceRow(x, n, x[0], [](float a, float b) { return a < b ? b : a; });
    for (int64_t i = 0; i < n; ++i) y[i] = FastExpF(x[i] - max);
    const float log_sum = LogF(ReduceRow(y, n, 0, [](float a, float b) { return a + b; }));
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] - max - log_sum;
  }
};

template <class T>
T RowMax(const T* x, int64_t n) {
  T max = x[0];
  for (int64_t i = 1; i < n; ++i) max = std::max(max, x[i]);
  return max;
}

// log(x) in Q5.26, x in Q12.19 and at least 1: gemmlowp's rational approximation around
// sqrt(sqrt(1/2)), of the better of two ways to take out powers of two.
int32_t FixedLog(int32_t x) {
  constexpr int32_t kLog2 = 1488522236, kRootRootHalf = 1805811301, kRootHalf = 1518500250;
  constexpr int32_t kAlphaN = 117049297, kAlphaD = 127690142, kAlphaI = 1057819769,
                    kAlphaF = 638450708;
  constexpr int32_t kQuarter = 1 << 23;  // Q6.25, as everything that is a power of two
  constexpr int kInputBits = 12;
  const auto power = [](int bits) { return (kInputBits - bits) * (1 << 25); };

  const int headroom_a = __builtin_clz(static_cast<uint32_t>(x));
  const int32_t tmp = ShiftLeftSaturating(x, headroom_a - 1);
  const int32_t ra = ShiftLeftSaturating(Srdhm(tmp, kRootHalf), 1);
  const int headroom_b = __builtin_clz(static_cast<uint32_t>(Srdhm(x, kRootHalf))) - 1;
  const int32_t rb = ShiftLeftSaturating(x, headroom_b);
  const int32_t r = std::min(ra, rb);
  const int32_t powers = std::max(power(headroom_a) + kQuarter, power(headroom_b) - kQuarter);

  const int64_t sum = int64_t{r} + kRootRootHalf;
  const int32_t p = static_cast<int32_t>((sum + 1) / 2);
  const int32_t q = (r - kRootRootHalf) * 2;
  const int32_t square = Srdhm(q, q);
  const int32_t numerator = Srdhm(q, r) + Srdhm(Srdhm(q, square), kAlphaN);
  const int32_t denominator =
      Srdhm(p, kAlphaI + q + Srdhm(kAlphaD, square)) + Srdhm(kAlphaF, q);  // less one
  const int32_t rest = Srdhm(RoundingShift(numerator, 6), FixedReciprocalOnePlus(denominator));
  return ShiftLeftSaturating(Srdhm(powers, kLog2) + rest, 1);
}

// LiteRT's reference kernel in fixed point, by tables over the distance from the largest value.
template <class T>
struct ReferenceBytes {
  std::array<int32_t, 256> exp;         // Q0.31; 0 where it is negligible
  std::array<int32_t, 256> difference;  // Q5.26
  int32_t farthest;
  Multiplier reverse;

  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const T* x = static_cast<const T*>(in) + at;
    T* y = static_cast<T*>(out) + at;
    const T max = RowMax(x, n);
    int64_t sum = 0;  // Q12.19
    for (int64_t i = 0; i < n; ++i) sum += RoundingShift(exp[max - x[i]], 12);
    sum = std::min<int64_t>(sum, std::numeric_limits<int32_t>::max());
    const int32_t log_sum = FixedLog(static_cast<int32_t>(sum));
    const int32_t lowest = log_sum + std::numeric_limits<int32_t>::min();
    const int32_t limit = std::max(-farthest - 1, Mbqm(lowest, reverse));
    constexpr int32_t kLo = std::numeric_limits<T>::min(), kHi = std::numeric_limits<T>::max();
    for (int64_t i = 0; i < n; ++i) {
      const int32_t d = max - x[i];
      const int32_t q = -d > limit ? RoundingShift(difference[d] - log_sum, 22) + kHi : kLo;
      y[i] = static_cast<T>(std::clamp(q, kLo, kHi));
    }
  }
};

template <class T>
MadeOperation MakeReferenceBytes(const Operand& in) {
  const double real = static_cast<double>(in.quant->Scale()) * (1 << 26);  // Q5.26
  const Multiplier k = MakeMultiplier(std::min(real, 2147483647.0));
  if (k.e < 1) return Unsupported("scale {} of '{}' is below 2^-25", in.quant->Scale(), in.name);
  ReferenceBytes<T> kernel;
  kernel.farthest = static_cast<int32_t>((int64_t{31} << 26) >> k.e);
  kernel.reverse = MakeMultiplier(std::ldexp(1.0, 31 - k.e) / k.m);
  for (int d = 0; d < 256; ++d) {
    kernel.difference[d] = Mbqm(-d, k);
    kernel.exp[d] = d > kernel.farthest ? 0 : FixedExp(kernel.difference[d]);
  }
  return MakeRows(kernel, 3);
}

// LiteRT's optimised kernel: a table of floats.
template <class T>
struct FastBytes {
  std::array<float, 256> exp;  // of the distance from the largest value
  float scale_in, scale_out;
  int32_t zero_out;
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const T* x = static_cast<const T*>(in) + at;
    T* y = static_cast<T*>(out) + at;
    const T max = RowMax(x, n);
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += exp[max - x[i]];
    const float k = scale_in / scale_out;
    const float offset = (scale_in * static_cast<float>(max) + LogF(sum)) / scale_out;
    constexpr int32_t kLo = std::numeric_limits<T>::min(), kHi = std::numeric_limits<T>::max();
    for (int64_t i = 0; i < n; ++i) {
      const float q = RoundEven(std::max(k * static_cast<float>(x[i]) - offset, -1024.0f));
      y[i] = static_cast<T>(std::clamp(static_cast<int32_t>(q) + zero_out, kLo, kHi));
    }
  }
};

template <class T>
MadeOperation MakeBytes(const MakeArgs& args) {
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  if (args.numerics == Numerics::kReference) return MakeReferenceBytes<T>(in);
  FastBytes<T> kernel;
  kernel.scale_in = in.quant->Scale();
  kernel.scale_out = out.quant->Scale();
  kernel.zero_out = out.quant->ZeroPoint();
  for (int d = 0; d < 256; ++d) kernel.exp[d] = ExpF(-kernel.scale_in * static_cast<float>(d));
  return MakeRows(kernel, 2);
}

}  // namespace

MadeOperation MakeLogSoftmax(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  if (in.type == Type::kFloat32)
    return args.numerics == Numerics::kFast ? MakeRows(FastRow{}, 3) : MakeRows(ReferenceRow{}, 10);
  if (!IsByte(in.type)) return UnsupportedType(in);
  HEDDLE_TRY(CheckQuantised({&in, &out}));
  const int32_t zero = RangeOf(out.type).hi;
  if (out.quant->Scale() != 1.0f / 16 || out.quant->ZeroPoint() != zero)
    return InvalidModel("'{}' is {} with scale {} and zero point {}, expected {} and {}", out.name,
                        TypeName(out.type), out.quant->Scale(), out.quant->ZeroPoint(), 1.0f / 16,
                        zero);
  return in.type == Type::kInt8 ? MakeBytes<int8_t>(args) : MakeBytes<uint8_t>(args);
}

}  // namespace heddle::core
