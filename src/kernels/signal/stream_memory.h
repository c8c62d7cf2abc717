// SPDX-License-Identifier: Apache-2.0
// The bytes that operators of the audio front-end keep from call to call; 0: the file makes no
// sense, and the operator's Make function says why. All zero at first.
#ifndef HEDDLE_KERNELS_SIGNAL_STREAM_MEMORY_H_
#define HEDDLE_KERNELS_SIGNAL_STREAM_MEMORY_H_

#include <cstddef>

#include "model/graph.h"

namespace heddle::core {

size_t FramerMemory(const Operator& op, const Tensor& input);
size_t DelayMemory(const Operator& op, const Tensor& input);
size_t OverlapAddMemory(const Operator& op, const Tensor& input);
size_t StackerMemory(const Operator& op, const Tensor& input);
size_t SpectralSubtractionMemory(const Operator& op, const Tensor& input);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SIGNAL_STREAM_MEMORY_H_
