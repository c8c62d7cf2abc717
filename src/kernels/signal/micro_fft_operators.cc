// SPDX-License-Identifier: Apache-2.0
// SignalRfft, SignalIrfft and SignalFftAutoScale of TensorFlow Lite Micro.
#include <algorithm>
#include <cstring>
#include <memory>

#include "kernels/custom/flex_options.h"
#include "kernels/custom/shape_error.h"
#include "kernels/elementwise/check.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"
#include "kernels/signal/micro_fft.h"

namespace heddle::core {
namespace {

constexpr int64_t kMostLength = 1 << 16;

template <class T>
struct TransformParams {
  std::shared_ptr<const MicroRealFft<T>> fft;
  int64_t samples;  // of a row of the input of a forward transform; zeros follow
};

// One tile for each row. Scratch: room for the transform, then the samples with their zeros.
template <class T>
TileCode ForwardTiles(const TransformParams<T>& p, const TileArgs& args, TileRange tiles) {
  using Value = MicroComplex<T>;
  const MicroRealFft<T>& fft = *p.fft;
  Value* room = reinterpret_cast<Value*>(args.scratch);
  Value* pairs = room + fft.size() / 2;
  T* samples = &pairs->re;
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    std::copy_n(static_cast<const T*>(args.inputs[0]) + row * p.samples, p.samples, samples);
    std::fill(samples + p.samples, samples + fft.size(), T{0});
    fft.Forward(pairs, static_cast<Value*>(args.outputs[0]) + row * fft.bins(), room);
  }
  return TileCode::kOk;
}

template <class T>
TileCode InverseTiles(const TransformParams<T>& p, const TileArgs& args, TileRange tiles) {
  using Value = MicroComplex<T>;
  const MicroRealFft<T>& fft = *p.fft;
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    T* out = static_cast<T*>(args.outputs[0]) + row * fft.size();
    fft.Inverse(static_cast<const Value*>(args.inputs[0]) + row * fft.bins(),
                reinterpret_cast<Value*>(out), reinterpret_cast<Value*>(args.scratch));
    // Fixed point has divided by the length as it went.
    if constexpr (std::is_same_v<T, float>)
      for (int64_t i = 0; i < fft.size(); ++i) out[i] /= static_cast<float>(fft.size());
  }
  return TileCode::kOk;
}

template <class T>
class RealTransform final : public Operation {
 public:
  RealTransform(int64_t length, bool inverse)
      : inverse_(inverse), fft_(std::make_shared<const MicroRealFft<T>>(length, inverse)) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape& shape = in[0].shape;
    const int last = shape.rank() - 1;
    const auto length = static_cast<int32_t>(fft_->size());
    if (last < 0 || (inverse_ && shape[last] != length + 2))
      return BadShape(
          in[0], fmt::format("rows of {} values (fft_length / 2 + 1 complex ones)", length + 2));
    if (shape[last] < 1 || (!inverse_ && shape[last] > length))
      return BadShape(in[0], fmt::format("rows of 1 to {} samples (fft_length)", length));
    out[0] = shape;
    out[0][last] = inverse_ ? length : length + 2;
    return Status();
  }

  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    const Shape& shape = in[0].shape;
    const int64_t rows = shape.Product(0, shape.rank() - 1);
    const auto length = static_cast<size_t>(fft_->size());
    const float ns = 10 * static_cast<float>(length);
    const TransformParams<T> params{fft_, shape[shape.rank() - 1]};
    step.scratch_bytes = 2 * length * sizeof(T);
    if (inverse_) {
      SetTiled<&InverseTiles<T>>(step, params, rows, ns);
    } else {
      SetTiled<&ForwardTiles<T>>(step, params, rows, ns);
    }
    step.kernel = inverse_ ? "signal_irfft" : "signal_rfft";
    return Status();
  }

 private:
  bool inverse_;
  std::shared_ptr<const MicroRealFft<T>> fft_;
};

template <class T>
MadeOperation MakeTransform(int64_t length, bool inverse) {
  return MadeOperation(std::make_unique<RealTransform<T>>(length, inverse));
}

MadeOperation MakeRealTransform(const MakeArgs& args, bool inverse) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(args.op.custom_options));
  HEDDLE_ASSIGN(const int64_t length, flex.Int("fft_length", 4, kMostLength));
  if (!MicroRealFft<float>::Takes(length))
    return Unsupported("fft_length is {}, expected an even number with no prime factor above 5",
                       length);
  switch (args.inputs[0].type) {
    case Type::kInt16:
      return MakeTransform<int16_t>(length, inverse);
    case Type::kInt32:
      return MakeTransform<int32_t>(length, inverse);
    case Type::kFloat32:
      return MakeTransform<float>(length, inverse);
    default:
      return UnsupportedType(args.inputs[0]);
  }
}

// --- SignalFftAutoScale: samples -> samples that fill their 16 bits, and by how many bits moved
// ---

struct AutoScaleParams {
  int64_t samples;
};

// The largest magnitude as the original finds it: -32768 stays negative, so that it counts for less
// than any sample after it. Models were trained on that.
int16_t LargestOf(const int16_t* in, int64_t count) {
  int16_t largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (in[i] > largest) {
      largest = in[i];
    } else if (-in[i] > largest) {
      largest = static_cast<int16_t>(-in[i]);
    }
  }
  return largest;
}

TileCode AutoScaleTile(const AutoScaleParams& p, const TileArgs& args, TileRange) {
  const auto* in = static_cast<const int16_t*>(args.inputs[0]);
  auto* out = static_cast<int16_t*>(args.outputs[0]);
  const int16_t largest = LargestOf(in, p.samples);
  int32_t bits = 0;
  if (largest > 0) bits = 15 - static_cast<int32_t>(std::bit_width(static_cast<uint16_t>(largest)));
  for (int64_t i = 0; i < p.samples; ++i) out[i] = static_cast<int16_t>(in[i] * (1 << bits));
  *static_cast<int32_t*>(args.outputs[1]) = bits;
  return TileCode::kOk;
}

class FftAutoScale final : public Operation {
 public:
  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    if (in[0].shape.rank() != 1) return BadShape(in[0], "one dimension");
    out[0] = in[0].shape;
    out[1] = Shape();
    return Status();
  }
  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    const int64_t samples = in[0].shape[0];
    SetTiled<&AutoScaleTile>(step, AutoScaleParams{samples}, 1, 10 + static_cast<float>(samples));
    step.kernel = "signal_auto_scale";
    return Status();
  }
};

}  // namespace

MadeOperation MakeSignalRfft(const MakeArgs& args) { return MakeRealTransform(args, false); }
MadeOperation MakeSignalIrfft(const MakeArgs& args) { return MakeRealTransform(args, true); }

MadeOperation MakeSignalFftAutoScale(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 2));
  for (const Operand* o : {&args.inputs[0], &args.outputs[0]})
    if (o->type != Type::kInt16) return UnsupportedType(*o);
  if (args.outputs[1].type != Type::kInt32) return UnsupportedType(args.outputs[1]);
  return MadeOperation(std::make_unique<FftAutoScale>());
}

}  // namespace heddle::core
