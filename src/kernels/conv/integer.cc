// SPDX-License-Identifier: Apache-2.0
// Integer inputs with integer weights. Sums wrap like LiteRT's: 32 bits for 8-bit inputs, 64 for
// 16-bit ones.
#include "kernels/conv/loops.h"

namespace heddle::core {
namespace {

template <class InT, class WeightT, class SumT>
struct IntegerMath {
  struct Bound {
    using In = InT;
    using Weight = WeightT;
    using Out = InT;
    using Sum = SumT;  // unsigned, so that it wraps

    const In* input;
    const Weight* weights;
    Out* output;
    const void* bias;
    Type bias_type;
    int32_t input_zero, weights_zero;
    const IntEpilogue* epilogue;

    void Enter(int64_t, int64_t) {}
    Sum Start(int32_t channel) const {
      return static_cast<Sum>(IntegerBias(bias, bias_type, channel));
    }
    Sum Add(Sum sum, In x, Weight w) const {
      return sum + static_cast<Sum>((x - input_zero) * (w - weights_zero));
    }
    Out Finish(Sum sum, int32_t channel) const {
      return static_cast<Out>(
          epilogue->Requantise(static_cast<std::make_signed_t<Sum>>(sum), channel));
    }
  };

  Bound Bind(const TileArgs& args) const {
    return {static_cast<const InT*>(args.inputs[0]),
            static_cast<const WeightT*>(WeightsPointer(args)),
            static_cast<InT*>(args.outputs[0]),
            BiasPointer(args, bias_type),
            bias_type,
            input_zero,
            weights_zero,
            &epilogue};
  }

  Type bias_type;
  int32_t input_zero, weights_zero;
  IntEpilogue epilogue;
};

class IntegerForm final : public ConvOperation {
 public:
  IntegerForm(ConvSpec spec, const std::byte* weights)
      : ConvOperation(std::move(spec)), weights_(weights) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    step.packed = weights_;
    if (spec().input == Type::kUInt8) return LowerAs<uint8_t, uint8_t, uint32_t>(inputs, step);
    if (spec().input == Type::kInt8) return LowerAs<int8_t, int8_t, uint32_t>(inputs, step);
    if (spec().weights == Type::kInt16) return LowerAs<int16_t, int16_t, uint64_t>(inputs, step);
    return LowerAs<int16_t, int8_t, uint64_t>(inputs, step);
  }

 private:
  template <class In, class Weight, class Sum>
  Status LowerAs(std::span<const Operand> inputs, Step& step) const {
    const auto math = [&](int32_t out_channels, int32_t groups) {
      return IntegerMath<In, Weight, Sum>{spec().bias, spec().input_zero, spec().weights_zero,
                                          MakeIntEpilogue(spec(), out_channels, groups)};
    };
    return LowerPlain(spec(), inputs, 1.0f, math, step);
  }

  const std::byte* weights_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeIntegerForm(ConvSpec spec, const std::byte* weights) {
  return std::unique_ptr<Operation>(std::make_unique<IntegerForm>(std::move(spec), weights));
}

}  // namespace heddle::core
