// SPDX-License-Identifier: Apache-2.0
// The plain forms: the loops of the three operators, written once over the arithmetic of a type
// family, which is a `Math`:
//   Math::Bound Bind(const TileArgs&) const   the arithmetic over the memory of one call; Bound has
//     In, Weight, Out, Sum                    element types
//     const In* input; const Weight* weights; Out* output;
//     void Enter(int64_t batch, int64_t pixel)   the output position that follows; rows of
//     FULLY_CONNECTED count as both Sum Start(int32_t channel) const Sum Add(Sum, In, Weight) const
//     one tap; taps come in the order that ConvSpec gives Out Finish(Sum, int32_t channel) const
#ifndef HEDDLE_KERNELS_CONV_PLAIN_H_
#define HEDDLE_KERNELS_CONV_PLAIN_H_

#include <memory>

#include "kernels/conv/spec.h"

namespace heddle::core {

// Each makes the plain form of a checked operator of its family; `weights` is what ExpandWeights
// gave.
Result<std::unique_ptr<Operation>> MakeFloatForm(ConvSpec spec, const std::byte* weights);
Result<std::unique_ptr<Operation>> MakeIntegerForm(ConvSpec spec, const std::byte* weights);
Result<std::unique_ptr<Operation>> MakeHybridForm(ConvSpec spec, const std::byte* weights, Isa isa);
Result<std::unique_ptr<Operation>> MakeBlockwiseForm(const MakeArgs& args, ConvSpec spec,
                                                     const std::byte* weights);

// The plain form for the types of a checked operator.
Result<std::unique_ptr<Operation>> MakePlainForm(const MakeArgs& args, ConvSpec spec);

// int4 and int2 constants as int8, float16 ones as float32. nullptr: the weights are read as they
// are.
Result<const std::byte*> ExpandWeights(const MakeArgs& args);

// Element `channel` of a bias; nullptr counts as zeros.
int64_t IntegerBias(const void* bias, Type type, int32_t channel);
float FloatBias(const void* bias, Type type, int32_t channel);

// The third operand, which may be left out of the list.
inline const void* BiasPointer(const TileArgs& args, Type type) {
  return type == Type::kNone ? nullptr : args.inputs[2];
}
inline const void* WeightsPointer(const TileArgs& args) {
  return args.packed != nullptr ? args.packed : args.inputs[1];
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_PLAIN_H_
