// SPDX-License-Identifier: Apache-2.0
// The checked meaning of CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and FULLY_CONNECTED: what the
// plain forms and the fast ones share. A form adds nothing but a layout of the weights and a loop.
#ifndef HEDDLE_KERNELS_CONV_SPEC_H_
#define HEDDLE_KERNELS_CONV_SPEC_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/operation.h"
#include "kernels/quant.h"

namespace heddle::core {

enum class ConvKind : uint8_t { kConv2d, kDepthwise, kFullyConnected, kTransposed };

// Input [batch][in_h][in_w][in_c], output [batch][out_h][out_w][out_c]. Weights:
//   CONV_2D            [out_c][k_h][k_w][in_c / groups]; output channel c reads group c / (out_c /
//   groups) DEPTHWISE_CONV_2D  [1][k_h][k_w][out_c]; output channel c reads input channel c /
//   depth_multiplier
//   TRANSPOSE_CONV     as CONV_2D, one group
// Tap (ky, kx) of output (oy, ox) is input (oy * stride_h - pad_h + ky * dil_h, ox * stride_w -
// pad_w + kx * dil_w); one outside the image contributes nothing. Every product of sizes fits
// int64, every position int32. TRANSPOSE_CONV is seen from its output: tap (ky, kx) is the input
// (oy + pad_h - ky) / stride_h, (ox + pad_w - kx) / stride_w where both divide.
struct ConvGeometry {
  int32_t batch = 0, in_h = 0, in_w = 0, in_c = 0;
  int32_t out_h = 0, out_w = 0, out_c = 0;
  int32_t k_h = 0, k_w = 0;
  int32_t stride_h = 1, stride_w = 1, dil_h = 1, dil_w = 1;
  int32_t pad_h = 0, pad_w = 0;  // before the first row and column
  int32_t groups = 1;            // in_c for DEPTHWISE_CONV_2D
  int32_t depth_multiplier = 1;  // out_c / in_c for DEPTHWISE_CONV_2D, 1 for CONV_2D
  bool transposed = false;       // TRANSPOSE_CONV

  int64_t pixels() const { return int64_t{batch} * out_h * out_w; }
  // XNNPACK rewrites such a convolution to a fully-connected one, whose rows are the pixels.
  bool xnn_dense() const {
    return k_h == 1 && k_w == 1 && stride_h == 1 && stride_w == 1 && groups == 1 && !transposed &&
           in_c + out_c > 2;
  }
  int32_t filter_c() const { return in_c / groups; }
  int64_t macs() const {
    const int64_t places = transposed ? int64_t{batch} * in_h * in_w : pixels();
    return places * out_c * k_h * k_w * filter_c();
  }
};

// Input [rows][depth], weights [units][depth], output [rows][units].
struct FcGeometry {
  int64_t rows = 0;
  int32_t depth = 0, units = 0;

  int64_t macs() const { return rows * depth * units; }
};

// From the exact sum of an output (bias and zero points included) to its stored integer.
struct IntEpilogue {
  enum class Kind : uint8_t {
    kRequantFloat,  // XNNPACK: RequantFloat with k
    kMbqm,          // Mbqm with m
    kMbqmUp,        // MbqmUp with m in channels below up_channels, Mbqm in the rest
    kDouble,        // round half away (f64(acc) * d)
    kMbqm64,        // Mbqm64 with m
  };
  Kind kind = Kind::kMbqm;
  int32_t up_channels = 0;
  std::vector<float>
      k;  // the one its kind names is as long as there are output channels, the others empty
  std::vector<Multiplier> m;
  std::vector<double> d;
  int32_t zero = 0, lo = 0, hi = 0;  // of the output; lo and hi include the fused activation
  FloatRequant requant{};            // of kRequantFloat: the same bounds in its form

  // REQUIRES for kinds other than kDouble and kMbqm64: acc is the sum wrapped to int32.
  int32_t Requantise(int64_t acc, int32_t channel) const {
    int64_t v = 0;
    switch (kind) {
      case Kind::kRequantFloat:
        return RequantFloat(static_cast<int32_t>(acc), k[channel], requant);
      case Kind::kMbqm:
        v = Mbqm(static_cast<int32_t>(acc), m[channel]);
        break;
      case Kind::kMbqmUp:
        v = channel < up_channels ? MbqmUp(static_cast<int32_t>(acc), m[channel])
                                  : Mbqm(static_cast<int32_t>(acc), m[channel]);
        break;
      case Kind::kDouble:
        v = RoundHalfAway(static_cast<double>(acc) * d[channel]);
        v = std::clamp<int64_t>(v, -(int64_t{1} << 32), int64_t{1} << 32);
        break;
      case Kind::kMbqm64:
        // Sums of real models stay far inside; a hostile bias must not overflow the product.
        v = Mbqm64(std::clamp<int64_t>(acc, -(int64_t{1} << 47), int64_t{1} << 47), m[channel]);
        break;
    }
    return static_cast<int32_t>(std::clamp<int64_t>(v + zero, lo, hi));
  }
};

// A NaN stays one, and of equal zeros the value's own sign stays: maxps(lo, v), then minps(hi, v)
// in vector code.
struct FloatEpilogue {
  float lo, hi;
  float Clamp(float v) const { return std::min(std::max(v, lo), hi); }
};

// One operator, checked as far as types, options, quantisation and the shapes of constants say;
// what needs the other shapes is checked by the geometry functions. The Quantizations belong to the
// Model.
struct ConvSpec {
  ConvKind kind = ConvKind::kConv2d;
  Numerics numerics = Numerics::kFast;
  // XNNPACK takes the node in LiteRT's default interpreter, so its arithmetic is `fast`. False in
  // `reference`.
  bool xnn = false;
  Type input = Type::kNone, weights = Type::kNone, bias = Type::kNone, output = Type::kNone;
  const Quantization* input_quant = nullptr;
  const Quantization* weights_quant = nullptr;
  const Quantization* output_quant = nullptr;
  int32_t input_zero = 0,
          weights_zero =
              0;       // of integer types; weights_zero is not 0 only in uint8 and FULLY_CONNECTED
  int32_t groups = 0;  // that the model's own shapes make, and every run's must; 0: only runs know
  bool weights_constant = false, bias_constant = false;  // an absent bias counts as constant
  Activation activation = Activation::kNone;
  ConvOptions window;           // of the other three
  FullyConnectedOptions dense;  // FULLY_CONNECTED

  // float32 sums. `reference`: acc = 0; acc = acc + x * w with two roundings; acc + bias. `fast`:
  // acc = bias (or 0); acc = fma(x, w, acc), one chain. Order: ky, kx, ci; in `fast` a depthwise
  // convolution of multiplier 1 goes kx, ky.
  bool fused_sums() const { return numerics == Numerics::kFast; }
  // float32 rows meet float weights, or are quantised as they come, to meet integer ones.
  bool float_product() const {
    return input == Type::kFloat32 && (weights == Type::kFloat32 || weights == Type::kFloat16);
  }
  bool hybrid() const { return input == Type::kFloat32 && !float_product(); }
  bool columns_first() const {
    return fused_sums() && kind == ConvKind::kDepthwise;
  }  // where the multiplier is 1
};

// The groups that these shapes make; 0: they leave it open, or make none.
int32_t GroupsOf(ConvKind kind, const Shape& input, const Shape& weights);

// Errors are those MakeFn promises.
Result<ConvSpec> CheckConv(const MakeArgs& args, ConvKind kind);

// The geometry for these operands: input, weights, bias; TRANSPOSE_CONV: and the output's shape.
// All but FULLY_CONNECTED.
Result<ConvGeometry> MakeConvGeometry(const ConvSpec& spec, std::span<const Operand> inputs);
// FULLY_CONNECTED.
Result<FcGeometry> MakeFcGeometry(const ConvSpec& spec, std::span<const Operand> inputs);

// REQUIRES: integer input and output. `groups` is 1 but for CONV_2D.
IntEpilogue MakeIntEpilogue(const ConvSpec& spec, int32_t out_channels, int32_t groups);
FloatEpilogue MakeFloatEpilogue(const ConvSpec& spec);

// What every form derives from: it owns the spec and knows the shapes; a form adds packing (when it
// is made) and Lower.
class ConvOperation : public Operation {
 public:
  explicit ConvOperation(ConvSpec spec) : spec_(std::move(spec)) {}
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const final;

 protected:
  const ConvSpec& spec() const { return spec_; }

 private:
  ConvSpec spec_;
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_SPEC_H_
