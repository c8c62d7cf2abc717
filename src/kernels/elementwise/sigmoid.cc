// SPDX-License-Identifier: Apache-2.0
// LOGISTIC and TANH.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/elementwise/float_runs.h"
#include "kernels/elementwise/function.h"
#include "kernels/math.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

// 65536 / (1 + exp(-i/24)): the int16 kernels' table. Some entries are one above the nearest
// integer.
constexpr uint16_t kSigmoidTable[256] = {
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794,
    41432, 42064, 42688, 43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443,
    48964, 49475, 49975, 50464, 50942, 51409, 51865, 52311, 52745, 53169, 53581, 53983, 54374,
    54755, 55125, 55485, 55834, 56174, 56503, 56823, 57133, 57433, 57724, 58007, 58280, 58544,
    58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370, 60565, 60753, 60935, 61110, 61279,
    61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666, 62778, 62886, 62990,
    63090, 63186, 63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968, 64030,
    64090, 64148, 64204, 64257, 64308, 64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652,
    64687, 64721, 64754, 64786, 64816, 64845, 64873, 64900, 64926, 64950, 64974, 64997, 65019,
    65039, 65060, 65079, 65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208, 65221, 65234,
    65246, 65258, 65269, 65280, 65291, 65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360,
    65367, 65374, 65381, 65387, 65393, 65399, 65404, 65410, 65415, 65420, 65425, 65429, 65433,
    65438, 65442, 65445, 65449, 65453, 65456, 65459, 65462, 65465, 65468, 65471, 65474, 65476,
    65479, 65481, 65483, 65485, 65488, 65489, 65491, 65493, 65495, 65497, 65498, 65500, 65501,
    65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513, 65514, 65515, 65516,
    65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524,
    65525, 65525, 65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529,
    65529, 65530, 65530, 65530, 65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532,
    65532, 65532, 65532, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65534, 65534,
    65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65535,
};

// Position h and fraction of the table's argument.
constexpr int32_t Interpolate(int32_t h, int32_t fraction, int bits) {
  return (kSigmoidTable[h] << bits) + fraction * (kSigmoidTable[h + 1] - kSigmoidTable[h]);
}

// The int16 kernels' argument: 24/65536 of the table's step (LOGISTIC), half of it (TANH).
struct Argument16 {
  int64_t multiplier = 0;
  int shift = 0;
  int32_t operator()(int16_t x) const {
    const int64_t round = shift > 0 ? int64_t{1} << (shift - 1) : 0;
    const int64_t v = (x * multiplier + round) >> shift;
    return static_cast<int32_t>(std::clamp<int64_t>(v, -(1 << 30), 1 << 30));
  }
};

// `powers`: 12 + log2(scale) up to this counts as a power of two.
Argument16 MakeArgument16(float scale, int powers) {
  int e;
  const double q = std::frexp(static_cast<double>(scale), &e);  // in [1/2, 1)
  if (q < 0.50034670) --e;  // within 1e-3 in log2 of the power below
  if ((q < 0.50034670 || q > 0.99930709) && 12 + e >= 0 && 12 + e <= powers)
    return {int64_t{3} << (12 + e), 0};
  Argument16 a;
  double m = static_cast<double>(scale) * 4096 * 3;
  for (; m <= 16383.5 && a.shift <= 30; ++a.shift) m *= 2;
  a.multiplier = static_cast<int64_t>(std::min(m, 0x1p40));
  return a;
}

struct Logistic16 {
  static constexpr int kPowers = 0;
  Argument16 argument;
  int16_t operator()(int16_t x) const {
    const int32_t v = argument(x), u = std::abs(v), h = u >> 9;
    const int32_t r = h >= 255 ? 0x7fff << 10 : Interpolate(h, u & 511, 9);
    return static_cast<int16_t>((v >= 0 ? r + (1 << 9) : (1 << 25) - r + (1 << 9) - 1) >> 10);
  }
};

struct Tanh16 {
  static constexpr int kPowers = 1;
  Argument16 argument;
  int16_t operator()(int16_t x) const {
    const int32_t v = argument(x), u = std::abs(v), h = u >> 8;
    const int32_t r = h >= 255 ? 0xffff << 8 : Interpolate(h, u & 255, 8);
    return static_cast<int16_t>(
        (v >= 0 ? r - (1 << 23) + (1 << 7) : -r + (1 << 23) + (1 << 7) - 1) >> 8);
  }
};

struct LogisticFunction {
  using Integer16 = Logistic16;
  static float Exact(float x) { return LogisticF(x); }
  static float Reference(float x) { return 1.0f / (1.0f + ExpF(-x)); }
  // LiteRT's float kernel takes the exponential itself below -9, which is 1.2e-4 off there.
  static float ReferenceTensor(float x) { return x < -9.0f ? ExpF(x) : Reference(x); }
  static float Fast(float x) { return FastLogisticF(x); }
  static FloatRunFn Run(const FloatRuns& runs) { return runs.logistic; }
};
struct TanhFunction {
  using Integer16 = Tanh16;
  static float Exact(float x) { return TanhF(x); }
  static float Reference(float x) { return TanhF(x); }
  static float ReferenceTensor(float x) { return TanhF(x); }
  static float Fast(float x) { return FastTanhF(x); }
  static FloatRunFn Run(const FloatRuns& runs) { return runs.tanh; }
};

template <class Function>
struct ReferenceFloat {
  float operator()(float x) const { return Function::ReferenceTensor(x); }
};
template <class Function>
struct FastFloat {
  float operator()(float x) const { return Function::Fast(x); }
};

// Of float_runs.h.
struct SigmoidRun {
  FloatRunFn run;
  const char* isa;
  const char* name() const { return isa; }
  void Run(const void* in, void* out, int64_t begin, int64_t end) const {
    run(static_cast<const float*>(in) + begin, static_cast<float*>(out) + begin, end - begin);
  }
};

template <class Function>
MadeOperation MakeFloat32(const MakeArgs& args) {
  using Element = Plain<float>;
  if (args.numerics == Numerics::kReference)
    return MakeMap<Element, Element>(ReferenceFloat<Function>{}, 12);
  const FloatRuns runs = FloatRunsFor(args.isa);
  return MakeMap<Element, Element>(SigmoidRun{Function::Run(runs), runs.name}, runs.fast_ns);
}

template <class Function, class Element>
MadeOperation MakeFloat(Numerics numerics) {
  if (numerics == Numerics::kFast) return MakeMap<Element, Element>(FastFloat<Function>{}, 2);
  return MakeMap<Element, Element>(ReferenceFloat<Function>{}, 12);
}

template <class Function>
MadeOperation MakeByte(const MakeArgs& args) {
  if (XnnTakesAll(args)) return MakeByteFunction(args, &Function::Exact, ByteRounding::kXnn);
  return MakeByteFunction(args, &Function::Reference, ByteRounding::kBuiltin);
}

template <class Function>
MadeOperation MakeSigmoid(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  switch (in.type) {
    case Type::kFloat32:
      return MakeFloat32<Function>(args);
    case Type::kFloat16:
      return MakeFloat<Function, Float16>(args.numerics);
    case Type::kBFloat16:  // never XNNPACK's
      return MakeFloat<Function, Bfloat16>(Numerics::kReference);
    case Type::kInt8:
    case Type::kUInt8:
      HEDDLE_TRY(CheckQuantised({&in, &out}));
      return MakeByte<Function>(args);
    case Type::kInt16: {
      HEDDLE_TRY(CheckQuantised({&in, &out}));
      using Integer = typename Function::Integer16;
      return MakeMap<Plain<int16_t>, Plain<int16_t>>(
          Integer{MakeArgument16(in.quant->Scale(), Integer::kPowers)}, 2);
    }
    default:
      return UnsupportedType(in);
  }
}

}  // namespace

MadeOperation MakeLogistic(const MakeArgs& args) { return MakeSigmoid<LogisticFunction>(args); }
MadeOperation MakeTanh(const MakeArgs& args) { return MakeSigmoid<TanhFunction>(args); }

}  // namespace heddle::core
