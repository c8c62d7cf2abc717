// SPDX-License-Identifier: Apache-2.0
// SOFTMAX over the last axis.
#include <array>
#include <cmath>

#include "kernels/elementwise/check.h"
#include "kernels/elementwise/element.h"
#include "kernels/math.h"
#include "kernels/softmax/fixed.h"
#include "kernels/softmax/float_rows.h"
#include "kernels/softmax/rows.h"
#include "kernels/softmax/table16.h"

namespace heddle::core {
namespace {

// The order of the builtin kernel: one sum from first to last.
struct ReferenceRow {
  float beta;
  void operator()(const float* x, float* y, int64_t n) const {
    float max = x[0];
    for (int64_t i = 1; i < n; ++i) max = std::max(max, x[i]);
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += y[i] = ExpF((x[i] - max) * beta);
    for (int64_t i = 0; i < n; ++i) y[i] /= sum;
  }
};

struct FastRow {
  SoftmaxKernel kernel;
  float beta;
  const char* name() const { return kernel.name; }
  void operator()(const float* x, float* y, int64_t n) const { kernel.rows(x, y, 1, n, beta); }
};

// Float32.
struct ReferenceRows {
  ReferenceRow row;
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    row(static_cast<const float*>(in) + at, static_cast<float*>(out) + at, n);
  }
};
struct FastRows {
  FastRow row;
  const char* name() const { return row.name(); }
  void Run(const void* in, void* out, int64_t begin, int64_t end, int64_t depth) const {
    const int64_t at = begin * depth;
    row.kernel.rows(static_cast<const float*>(in) + at, static_cast<float*>(out) + at, end - begin,
                    depth, row.beta);
  }
};

template <class Row>
struct HalfRow {
  Row row;
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte* scratch) const {
    float* wide = reinterpret_cast<float*>(scratch);
    for (int64_t i = 0; i < n; ++i) wide[i] = Float16::Load(in, at + i);
    row(wide, wide, n);
    for (int64_t i = 0; i < n; ++i) Float16::Store(out, at + i, wide[i]);
  }
};

MadeOperation MakeFloat(const MakeArgs& args) {
  const float beta = args.op.OptionsOr<SoftmaxOptions>().beta;
  const bool half = args.inputs[0].type == Type::kFloat16;
  if (args.numerics == Numerics::kReference) {
    const ReferenceRow row{beta};
    if (half) return MakeRows(HalfRow<ReferenceRow>{row}, 14, sizeof(float));
    return MakeRows(ReferenceRows{row}, 10);
  }
  const SoftmaxKernel kernel = SoftmaxKernelFor(args.isa);
  const FastRow row{kernel, beta};
  if (half) return MakeRows(HalfRow<FastRow>{row}, kernel.element_ns + 4, sizeof(float));
  return MakeRows(FastRows{row}, kernel.element_ns);
}

template <class In>
In RowMax(const In* x, int64_t n) {
  In max = x[0];
  for (int64_t i = 1; i < n; ++i) max = std::max(max, x[i]);
  return max;
}

// LiteRT's reference kernel in fixed point: exp of each distance from the largest value, Q0.31; 0
// where it is negligible.
template <class T>
struct ReferenceBytes {
  std::array<int32_t, 256> exp;
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const T* x = static_cast<const T*>(in) + at;
    T* y = static_cast<T*>(out) + at;
    const T max = RowMax(x, n);
    int64_t sum = 0;  // Q12.19
    for (int64_t i = 0; i < n; ++i) sum += RoundingShift(exp[max - x[i]], 12);
    sum = std::min<int64_t>(sum, std::numeric_limits<int32_t>::max());
    const auto [reciprocal, over] = FixedReciprocal(static_cast<int32_t>(sum), 12);
    constexpr int32_t kLo = std::numeric_limits<T>::min(), kHi = std::numeric_limits<T>::max();
    const int shift = over + 31 - 8;
    for (int64_t i = 0; i < n; ++i) {
      const int32_t share = Srdhm(reciprocal, exp[max - x[i]]);
      const int32_t q = (shift > 31 ? 0 : RoundingShift(share, shift)) + kLo;
      y[i] = static_cast<T>(std::clamp(q, kLo, kHi));
    }
  }
};

template <class T>
MadeOperation MakeReferenceBytes(const Operand& in, float beta) {
  constexpr double kOne = 1 << 26;  // Q5.26
  const double real = static_cast<double>(beta) * static_cast<double>(in.quant->Scale()) * kOne;
  const Multiplier k = MakeMultiplier(std::min(real, 2147483647.0));
  if (!(real >= 0) || k.e < 0)
    return Unsupported("beta {} times scale {} of '{}' is below 2^-26", beta, in.quant->Scale(),
                       in.name);
  const int64_t farthest = (int64_t{31} << 26) >> k.e;
  ReferenceBytes<T> kernel;
  for (int d = 0; d < 256; ++d)
    kernel.exp[d] = d > farthest ? 0 : FixedExp(Srdhm(ShiftLeftWrap(-d, k.e), k.m));
  return MakeRows(kernel, 3);
}

// LiteRT's optimised kernel: a table of floats.
template <class In, class Out>
struct FastBytes {
  // uint8 adds 1/2 in float and cuts off, the others round half away from zero: they differ just
  // below a tie.
  static constexpr bool kRoundsSum = std::is_same_v<Out, uint8_t>;
  std::array<float, 256> exp;  // of the distance from the largest value
  float scale;
  int32_t zero;
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const In* x = static_cast<const In*>(in) + at;
    Out* y = static_cast<Out*>(out) + at;
    const In max = RowMax(x, n);
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += exp[max - x[i]];
    const float inverse = 1.0f / (sum * scale);
    for (int64_t i = 0; i < n; ++i) {
      const float share = exp[max - x[i]] * inverse;  // at most 2^17: the inverse of the scale
      int32_t q = static_cast<int32_t>(kRoundsSum ? share + 0.5f : share);
      if (!kRoundsSum && share - static_cast<float>(q) >= 0.5f) ++q;
      y[i] = static_cast<Out>(std::clamp<int32_t>(q + zero, std::numeric_limits<Out>::min(),
                                                  std::numeric_limits<Out>::max()));
    }
  }
};

template <class In, class Out>
MadeOperation MakeBytes(const MakeArgs& args) {
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  const float beta = args.op.OptionsOr<SoftmaxOptions>().beta;
  // The reference kernel's int16 results are far from the true ones: both modes take the optimised
  // one's.
  if constexpr (sizeof(Out) == 1) {
    if (args.numerics == Numerics::kReference) return MakeReferenceBytes<In>(in, beta);
  }
  FastBytes<In, Out> kernel;
  const float step = -in.quant->Scale() * beta;
  for (int d = 0; d < 256; ++d) kernel.exp[d] = ExpF(step * static_cast<float>(d));
  kernel.scale = out.quant->Scale();
  kernel.zero = out.quant->ZeroPoint();
  return MakeRows(kernel, 2);
}

struct Row16 {
  Multiplier k;
  static constexpr Affine16<double> kOut{2.0 / 65535, 0};
  Table16 exp{Affine16<double>{10.0 / 65535, 32767}, kOut, [](double x) { return Exp(x); }};
  Table16 reciprocal{Affine16<double>{1.0 / 65535, -32768}, kOut,
                     [](double x) { return 1 / (1 + x); }};

  int32_t ExpOf(int32_t difference) const {
    return exp(static_cast<int32_t>(
        std::clamp<int64_t>(int64_t{Mbqm(difference, k)} + 32767, -32768, 32767)));
  }
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const int16_t* x = static_cast<const int16_t*>(in) + at;
    int16_t* y = static_cast<int16_t*>(out) + at;
    const int32_t max = RowMax(x, n);
    int64_t sum = 0;  // Q16.15
    for (int64_t i = 0; i < n; ++i) sum += ExpOf(x[i] - max);
    sum = std::min<int64_t>(sum, std::numeric_limits<int32_t>::max());
    const int headroom = __builtin_clz(static_cast<uint32_t>(sum));
    const int64_t normal = (((sum << (headroom - 1)) + (1 << 13)) >> 14) - 98304;
    const int64_t r = reciprocal(static_cast<int32_t>(std::clamp<int64_t>(normal, -32768, 32767)));
    for (int64_t i = 0; i < n; ++i) {
      const int64_t share =
          (ExpOf(x[i] - max) * r + (int64_t{1} << (30 - headroom))) >> (31 - headroom);
      y[i] = static_cast<int16_t>(std::clamp<int64_t>(share, 0, 32767));
    }
  }
};

MadeOperation MakeInt16(const MakeArgs& args) {
  const float scaled = args.inputs[0].quant->Scale() * args.op.OptionsOr<SoftmaxOptions>().beta;
  Row16 row;
  row.k = MakeMultiplier(static_cast<double>(scaled) / (10.0 / 65535));
  return MakeRows(row, 5);
}

// LiteRT's kernels are written for one scale and zero point of each output type.
Status CheckOutput(const Operand& out) {
  const bool wide = out.type == Type::kInt16;
  const float scale = wide ? 1.0f / 32768 : 1.0f / 256;
  const int32_t zero = out.type == Type::kInt8 ? -128 : 0;
  if (out.quant->ZeroPoint() != zero)
    return InvalidModel("'{}' is {} with zero point {}, expected {}", out.name, TypeName(out.type),
                        out.quant->ZeroPoint(), zero);
  if (std::fabs(out.quant->Scale() - scale) > scale * 1e-3f)
    return InvalidModel("'{}' is {} with scale {}, expected {}", out.name, TypeName(out.type),
                        out.quant->Scale(), scale);
  return Status();
}

}  // namespace

MadeOperation MakeSoftmax(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  const bool bytes = in.type == Type::kInt8 || in.type == Type::kUInt8;
  if (!bytes || out.type != Type::kInt16) HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (in.type == Type::kFloat32 || in.type == Type::kFloat16) return MakeFloat(args);
  if (!bytes && in.type != Type::kInt16) return UnsupportedType(in);
  if (bytes && out.type == Type::kInt16) {
    HEDDLE_TRY(CheckOneScale(in));
    HEDDLE_TRY(CheckOneScale(out));
    if (out.quant->Scale() < 0x1p-17f)  // a share of 1 fits an int32 with room to spare
      return Unsupported("'{}' is int16 with scale {}, expected 2^-17 or more", out.name,
                         out.quant->Scale());
  } else {
    HEDDLE_TRY(CheckQuantised({&in, &out}));
    HEDDLE_TRY(CheckOutput(out));
  }
  const float beta = args.op.OptionsOr<SoftmaxOptions>().beta;
  if (!(beta >= 0) || std::isinf(beta))
    return Unsupported("beta {} on {}, expected a number that is not negative", beta,
                       TypeName(in.type));
  if (in.type == Type::kInt16) return MakeInt16(args);
  const bool wide = out.type == Type::kInt16;
  if (in.type == Type::kInt8)
    return wide ? MakeBytes<int8_t, int16_t>(args) : MakeBytes<int8_t, int8_t>(args);
  return wide ? MakeBytes<uint8_t, int16_t>(args) : MakeBytes<uint8_t, uint8_t>(args);
}

}  // namespace heddle::core
