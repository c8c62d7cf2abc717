// SPDX-License-Identifier: Apache-2.0
// What the plain and the fast hybrid form share: how rows are quantised and outputs scaled.
#ifndef HEDDLE_KERNELS_CONV_HYBRID_H_
#define HEDDLE_KERNELS_CONV_HYBRID_H_

#include "kernels/conv/row_quantiser.h"
#include "kernels/conv/spec.h"

namespace heddle::core {

enum class Scaling : uint8_t {
  kFused,        // XNNPACK: fma(acc * row, w, bias)
  kProduct,      // builtin: acc * (row * w) + bias
  kTwoProducts,  // builtin: (acc * w) * row + bias, from channel `tail` on (acc * row) * w + bias
};

struct HybridRows {
  RowLayout rows;
  bool row_per_pixel = false;  // else a row is a batch item
  Scaling scaling = Scaling::kFused;
  int32_t tail = 0;  // of kTwoProducts: first of the channels that vector code by fours leaves over
};

HybridRows HybridRowsOf(const ConvSpec& spec, const ConvGeometry& g, const RowKernels& kernels);
HybridRows HybridRowsOf(const ConvSpec& spec, const FcGeometry& g, const RowKernels& kernels);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_HYBRID_H_
