// SPDX-License-Identifier: Apache-2.0
// L2_NORMALIZATION and LOCAL_RESPONSE_NORMALIZATION, both over the last axis.
#include <cmath>

#include "kernels/elementwise/inverse_sqrt.h"
#include "kernels/elementwise/types.h"
#include "kernels/math.h"
#include "kernels/softmax/rows.h"

namespace heddle::core {
namespace {

constexpr float kLeastNorm = 1e-6f;

// One sum from first to last, then divisions.
struct ReferenceL2 {
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const float* x = static_cast<const float*>(in) + at;
    float* y = static_cast<float*>(out) + at;
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += x[i] * x[i];
    const float norm = std::max(std::sqrt(sum), kLeastNorm);
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] / norm;
  }
};

struct FastL2 {
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const float* x = static_cast<const float*>(in) + at;
    float* y = static_cast<float*>(out) + at;
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * x[i];
    const float sum = ReduceRow(y, n, 0, [](float a, float b) { return a + b; });
    const float norm = std::max(std::sqrt(sum), kLeastNorm);
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] / norm;
  }
};

// In units of 1/128 around the type's middle.
template <class T>
struct L2Bytes {
  int32_t zero;
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const T* x = static_cast<const T*>(in) + at;
    T* y = static_cast<T*>(out) + at;
    int64_t sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += (x[i] - zero) * (x[i] - zero);
    sum = std::min<int64_t>(sum, std::numeric_limits<int32_t>::max());
    Multiplier k = InverseSqrt(static_cast<int32_t>(sum));
    constexpr bool kSigned = std::is_same_v<T, int8_t>;
    if (kSigned) k.e += 7;
    for (int64_t i = 0; i < n; ++i) {
      const int32_t d = x[i] - zero;
      const int32_t q = kSigned ? Mbqm(d, k) : 128 + Mbqm(128 * d, k);
      y[i] = static_cast<T>(
          std::clamp<int32_t>(q, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    }
  }
};

// x / (bias + alpha * sum of the squares around it)^beta.
template <bool fast>
struct LocalResponse {
  LocalResponseOptions options;
  float Power(float base) const {
    if (options.beta == 1) return 1.0f / base;
    if (options.beta == 0.5f) return 1.0f / std::sqrt(base);
    return fast ? FastExpF(-options.beta * FastLogF(base)) : PowF(base, -options.beta);
  }
  void operator()(const void* in, void* out, int64_t at, int64_t n, std::byte*) const {
    const float* x = static_cast<const float*>(in) + at;
    float* y = static_cast<float*>(out) + at;
    const int64_t radius = std::min<int64_t>(options.radius, n);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t end = std::min(n, i + radius + 1);
      float sum = 0;
      for (int64_t j = std::max<int64_t>(0, i - radius); j < end; ++j) sum += x[j] * x[j];
      y[i] = options.bias + options.alpha * sum;
    }
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * Power(y[i]);
  }
};

Status CheckL2Output(const Operand& out) {
  const int32_t zero = out.type == Type::kInt8 ? 0 : 128;
  if (out.quant->Scale() != 1.0f / 128 || out.quant->ZeroPoint() != zero)
    return InvalidModel("'{}' is {} with scale {} and zero point {}, expected {} and {}", out.name,
                        TypeName(out.type), out.quant->Scale(), out.quant->ZeroPoint(), 1.0f / 128,
                        zero);
  return Status();
}

}  // namespace

MadeOperation MakeL2Normalization(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  if (args.op.OptionsOr<L2NormOptions>().activation != Activation::kNone)
    return Unsupported("a fused activation, expected none");
  if (in.type == Type::kFloat32)
    return args.numerics == Numerics::kFast ? MakeRows(FastL2{}, 1) : MakeRows(ReferenceL2{}, 2);
  if (!IsByte(in.type)) return UnsupportedType(in);
  HEDDLE_TRY(CheckQuantised({&in, &out}));
  HEDDLE_TRY(CheckL2Output(out));
  if (in.type == Type::kInt8) return MakeRows(L2Bytes<int8_t>{in.quant->ZeroPoint()}, 4);
  return MakeRows(L2Bytes<uint8_t>{in.quant->ZeroPoint()}, 4);
}

MadeOperation MakeLocalResponseNormalization(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (args.inputs[0].type != Type::kFloat32) return UnsupportedType(args.inputs[0]);
  const LocalResponseOptions options = args.op.OptionsOr<LocalResponseOptions>();
  if (options.radius < 0) return InvalidModel("radius {}, expected 0 or more", options.radius);
  const float element_ns = static_cast<float>(std::min(options.radius, 100)) + 5;
  if (args.numerics == Numerics::kFast) return MakeRows(LocalResponse<true>{options}, element_ns);
  return MakeRows(LocalResponse<false>{options}, element_ns + 40);
}

}  // namespace heddle::core
