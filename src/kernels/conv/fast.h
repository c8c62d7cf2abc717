// SPDX-License-Identifier: Apache-2.0
// The fast forms of CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and FULLY_CONNECTED. The plain forms
// are their oracle, bit for bit.
#ifndef HEDDLE_KERNELS_CONV_FAST_H_
#define HEDDLE_KERNELS_CONV_FAST_H_

#include "kernels/conv/spec.h"

namespace heddle::core {

// Each is asked when args.isa is not kPlain, after CheckConv. nullptr: this form does not take the
// case (its types, weights or bias that are not constant, an ISA without such a kernel), and the
// plain one runs.
Result<std::unique_ptr<Operation>> MakeFastConv2d(const MakeArgs& args, const ConvSpec& spec);
Result<std::unique_ptr<Operation>> MakeFastDepthwise(const MakeArgs& args, const ConvSpec& spec);
Result<std::unique_ptr<Operation>> MakeFastTransposed(const MakeArgs& args, const ConvSpec& spec);
Result<std::unique_ptr<Operation>> MakeFastFullyConnected(const MakeArgs& args,
                                                          const ConvSpec& spec);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_FAST_H_
