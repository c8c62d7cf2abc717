// SPDX-License-Identifier: Apache-2.0
// float32 and float16 (which computes in float32 and rounds each output once).
#include <cmath>

#include "base/half.h"
#include "kernels/conv/loops.h"

namespace heddle::core {
namespace {

// Taps in the padding are skipped. XNNPACK reads zeros there, which changes nothing for finite
// weights.
template <class T, bool kFused>
struct FloatMath {
  struct Bound {
    using In = T;
    using Weight = float;
    using Out = T;
    using Sum = float;

    const T* input;
    const float* weights;
    T* output;
    const void* bias;
    Type bias_type;
    FloatEpilogue epilogue;

    void Enter(int64_t, int64_t) {}
    float Start(int32_t channel) const {
      return kFused ? FloatBias(bias, bias_type, channel) : 0.0f;
    }
    float Add(float sum, T x, float w) const {
      if constexpr (kFused) return std::fma(ToFloat(x), w, sum);
      return sum + ToFloat(x) * w;
    }
    T Finish(float sum, int32_t channel) const {
      if (!kFused && bias != nullptr) sum += FloatBias(bias, bias_type, channel);
      const float v = epilogue.Clamp(sum);
      if constexpr (std::is_same_v<T, Half>) {
        return ToHalf(v);
      } else {
        return v;
      }
    }
  };

  Bound Bind(const TileArgs& args) const {
    return {static_cast<const T*>(args.inputs[0]),
            static_cast<const float*>(WeightsPointer(args)),
            static_cast<T*>(args.outputs[0]),
            BiasPointer(args, bias_type),
            bias_type,
            epilogue};
  }

  Type bias_type;
  FloatEpilogue epilogue;
};

class FloatForm final : public ConvOperation {
 public:
  FloatForm(ConvSpec spec, const std::byte* weights)
      : ConvOperation(std::move(spec)), weights_(weights) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    step.packed = weights_;
    if (spec().input == Type::kFloat16) {
      return spec().fused_sums() ? LowerAs<Half, true>(inputs, step)
                                 : LowerAs<Half, false>(inputs, step);
    }
    return spec().fused_sums() ? LowerAs<float, true>(inputs, step)
                               : LowerAs<float, false>(inputs, step);
  }

 private:
  template <class T, bool kFused>
  Status LowerAs(std::span<const Operand> inputs, Step& step) const {
    const auto math = [&](int32_t, int32_t) {
      return FloatMath<T, kFused>{spec().bias, MakeFloatEpilogue(spec())};
    };
    return LowerPlain(spec(), inputs, kFused ? 6.0f : 2.0f, math, step);
  }

  const std::byte* weights_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeFloatForm(ConvSpec spec, const std::byte* weights) {
  return std::unique_ptr<Operation>(std::make_unique<FloatForm>(std::move(spec), weights));
}

}  // namespace heddle::core
