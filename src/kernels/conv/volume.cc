// SPDX-License-Identifier: Apache-2.0
// CONV_3D and CONV_3D_TRANSPOSE, float32.
#include <array>

#include "base/errors.h"
#include "kernels/conv/spec.h"
#include "kernels/gemm/dot.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int kAxes = 3;  // depth, height, width

struct VolumeAxis {
  int32_t in = 0, out = 0, k = 0, stride = 1, dilation = 1, pad = 0;

  // Where tap `t` of output `o` reads the input; -1: outside.
  int64_t Forward(int64_t o, int64_t t) const {
    const int64_t at = o * stride - pad + t * dilation;
    return at >= 0 && at < in ? at : -1;
  }
  int64_t Transposed(int64_t o, int64_t t) const {
    const int64_t reach = o + pad - t * dilation;
    if (reach < 0 || reach % stride != 0 || reach / stride >= in) return -1;
    return reach / stride;
  }
};

// Weights [k][k][k][in_c][out_c], transposed [k][k][k][out_c][in_c].
struct Volume {
  bool transposed = false;
  int x = 0, weights = 1, bias = 2;  // operands; bias -1: absent
  std::array<VolumeAxis, kAxes> axes;
  int64_t batch = 0;
  int32_t in_c = 0, out_c = 0;
  FloatEpilogue epilogue{};

  int64_t At(int axis, int64_t o, int64_t t) const {
    return transposed ? axes[axis].Transposed(o, t) : axes[axis].Forward(o, t);
  }
  int64_t taps() const { return int64_t{axes[0].k} * axes[1].k * axes[2].k; }
};

// out[] += one tap.
void AddTap(const Volume& p, const float* x, const float* w, float* out) {
  if (p.transposed) {
    for (int32_t c = 0; c < p.out_c; ++c) out[c] += Dot(w + int64_t{c} * p.in_c, x, p.in_c);
    return;
  }
  for (int32_t i = 0; i < p.in_c; ++i, w += p.out_c) {
    const float v = x[i];
    for (int32_t c = 0; c < p.out_c; ++c) out[c] += v * w[c];
  }
}

// The sums of one output pixel: taps in the order of the weights.
void SumPixel(const Volume& p, const float* image, const float* weights,
              const std::array<int64_t, kAxes>& o, float* out) {
  const auto& [d, h, w] = p.axes;
  const int64_t tap_weights = int64_t{p.in_c} * p.out_c;
  std::fill_n(out, p.out_c, 0.0f);
  for (int32_t kd = 0; kd < d.k; ++kd) {
    const int64_t z = p.At(0, o[0], kd);
    if (z < 0) continue;
    for (int32_t kh = 0; kh < h.k; ++kh) {
      const int64_t y = p.At(1, o[1], kh);
      if (y < 0) continue;
      for (int32_t kw = 0; kw < w.k; ++kw) {
        const int64_t x = p.At(2, o[2], kw);
        if (x < 0) continue;
        const int64_t tap = (int64_t{kd} * h.k + kh) * w.k + kw;
        AddTap(p, image + ((z * h.in + y) * w.in + x) * p.in_c, weights + tap * tap_weights, out);
      }
    }
  }
}

// A tile is a row of the output.
TileCode VolumeTile(const Volume& p, const TileArgs& args, TileRange tiles) {
  const auto& [d, h, w] = p.axes;
  const auto* weights = static_cast<const float*>(args.inputs[p.weights]);
  const auto* bias = p.bias < 0 ? nullptr : static_cast<const float*>(args.inputs[p.bias]);
  const int64_t image = int64_t{d.in} * h.in * w.in * p.in_c;
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const int64_t plane = row / h.out, batch = plane / d.out;
    const auto* x = static_cast<const float*>(args.inputs[p.x]) + batch * image;
    float* out = static_cast<float*>(args.outputs[0]) + row * w.out * p.out_c;
    for (int64_t ox = 0; ox < w.out; ++ox, out += p.out_c) {
      SumPixel(p, x, weights, {plane % d.out, row % h.out, ox}, out);
      for (int32_t c = 0; c < p.out_c; ++c)
        out[c] = p.epilogue.Clamp(out[c] + (bias == nullptr ? 0.0f : bias[c]));
    }
  }
  return TileCode::kOk;
}

// Output size (given when transposed) and padding of one axis.
Status SetAxis(Padding padding, bool transposed, VolumeAxis& a) {
  constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();
  const int64_t reach = (int64_t{a.k} - 1) * a.dilation + 1;
  if (a.k < 1 || reach + int64_t{a.in} * a.stride > kMaxInt || reach + a.out > kMaxInt) {
    return InvalidModel(
        "weights reach over {} positions of {}, expected at least 1 and a sum that "
        "fits 32 bits",
        reach, a.in);
  }
  if (!transposed && padding == Padding::kValid && a.in > 0 && a.in < reach) {
    return InvalidModel("input has {} positions, expected at least {} (dilated weights)", a.in,
                        reach);
  }
  if (!transposed) {
    const int64_t places = padding == Padding::kValid ? a.in - reach + 1 : a.in;
    a.out = a.in == 0 ? 0 : static_cast<int32_t>((places + a.stride - 1) / a.stride);
  }
  if (padding == Padding::kValid) return Status();
  // A transposed convolution is padded as the convolution from its output to its input.
  const int64_t from = transposed ? a.out : a.in;
  const int64_t to = (from + a.stride - 1) / a.stride;
  a.pad = static_cast<int32_t>(std::max<int64_t>(0, (to - 1) * a.stride + reach - from) / 2);
  return Status();
}

class VolumeOperation final : public Operation {
 public:
  VolumeOperation(const Volume& volume, const Conv3dOptions& options)
      : volume_(volume), options_(options) {}

  uint32_t ValueInputs() const override { return volume_.transposed ? 1 : 0; }
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Volume p, Sized(inputs));
    outputs[0] = {static_cast<int32_t>(p.batch), p.axes[0].out, p.axes[1].out, p.axes[2].out,
                  p.out_c};
    int64_t elements = 0, macs = 0;
    if (!outputs[0].CheckedElements(&elements) ||
        __builtin_mul_overflow(elements, p.taps(), &macs) ||
        __builtin_mul_overflow(macs, int64_t{p.in_c}, &macs))
      return ResourceExhausted("output of shape {} is too large", outputs[0].ToString());
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(Volume p, Sized(inputs));
    const Shape& out = outputs[0].shape;
    step.macs = out.elements() * p.taps() * p.in_c;
    step.kernel = "plain";
    const int64_t tiles = out.elements() == 0 ? 0 : out.Product(0, 3);
    const float ns =
        0.5f * static_cast<float>(step.macs) / static_cast<float>(std::max<int64_t>(1, tiles));
    SetTiled<&VolumeTile>(step, std::move(p), tiles, ns);
    return Status();
  }

 private:
  Result<Volume> Sized(std::span<const Operand> in) const {
    Volume p = volume_;
    const Operand &input = in[p.x], &weights = in[p.weights];
    for (const Operand* o : {&input, &weights}) {
      int64_t elements = 0;
      if (o->shape.rank() != 5 || !o->shape.CheckedElements(&elements))
        return InvalidModel("'{}' has shape {}, expected rank 5", o->name, o->shape.ToString());
    }
    const Shape &x = input.shape, &w = weights.shape;
    p.batch = x[0], p.in_c = x[4];
    p.out_c = w[p.transposed ? 3 : 4];
    if (w[p.transposed ? 4 : 3] != p.in_c) {
      return InvalidModel("weights '{}' have {} channels, expected {} (input channels)",
                          weights.name, w[p.transposed ? 4 : 3], p.in_c);
    }
    if (p.bias >= 0 && in[p.bias].shape.elements() != p.out_c) {
      return InvalidModel("bias '{}' has {} values, expected {} (output channels)", in[p.bias].name,
                          in[p.bias].shape.elements(), p.out_c);
    }
    const int32_t stride[] = {options_.stride_d, options_.stride_h, options_.stride_w};
    const int32_t dilation[] = {options_.dilation_d, options_.dilation_h, options_.dilation_w};
    for (int a = 0; a < kAxes; ++a) p.axes[a] = {x[1 + a], 0, w[a], stride[a], dilation[a], 0};
    if (p.transposed) HEDDLE_TRY(TakeOutputShape(in[0], p));
    for (VolumeAxis& axis : p.axes) HEDDLE_TRY(SetAxis(options_.padding, p.transposed, axis));
    return p;
  }
  static Status TakeOutputShape(const Operand& shape, Volume& p) {
    HEDDLE_ASSIGN(const IntList sizes, ReadInts(shape, "output shape"));
    bool fits = sizes.size == 5 && sizes[0] == p.batch && sizes[4] == p.out_c;
    for (int a = 0; fits && a < kAxes; ++a) {
      fits = sizes[1 + a] >= 0;
      p.axes[a].out = static_cast<int32_t>(sizes[1 + a]);
    }
    if (fits) return Status();
    return BadValue(shape, "output shape '{}' does not have 5 sizes with batch {} and {} channels",
                    shape.name, p.batch, p.out_c);
  }

  Volume volume_;
  Conv3dOptions options_;
};

MadeOperation MakeVolume(const MakeArgs& args, bool transposed) {
  Volume p;
  p.transposed = transposed;
  if (transposed) p.x = 2, p.weights = 1, p.bias = 3;
  const size_t least = transposed ? 3 : 2;
  HEDDLE_TRY(CheckCounts(args, least, least + 1, 1));
  if (args.inputs.size() == least || !args.inputs[least].present()) p.bias = -1;
  for (const int i : {p.x, p.weights, p.bias}) {
    if (i < 0 || args.inputs[i].type == Type::kFloat32) continue;
    return Unsupported("'{}' is {}, expected float32", args.inputs[i].name,
                       TypeName(args.inputs[i].type));
  }
  if (args.outputs[0].type != Type::kFloat32) {
    return InvalidModel("output '{}' is {}, expected float32", args.outputs[0].name,
                        TypeName(args.outputs[0].type));
  }
  if (transposed && args.inputs[0].type != Type::kInt32) {
    return InvalidModel("output shape '{}' is {}, expected int32", args.inputs[0].name,
                        TypeName(args.inputs[0].type));
  }
  const auto o = args.op.OptionsOr<Conv3dOptions>();
  for (const int32_t step :
       {o.stride_d, o.stride_h, o.stride_w, o.dilation_d, o.dilation_h, o.dilation_w}) {
    if (step < 1) return InvalidModel("a stride or dilation is {}, expected at least 1", step);
  }
  if (o.activation == Activation::kTanh || o.activation == Activation::kSignBit) {
    return Unsupported("fused activation, expected none, relu, relu_n1_to_1 or relu6");
  }
  const FloatRange range = ActivationRange(o.activation);
  p.epilogue = {range.lo, range.hi};
  return std::unique_ptr<Operation>(std::make_unique<VolumeOperation>(p, o));
}

}  // namespace

MadeOperation MakeConv3d(const MakeArgs& args) { return MakeVolume(args, false); }
MadeOperation MakeConv3dTranspose(const MakeArgs& args) { return MakeVolume(args, true); }

}  // namespace heddle::core
