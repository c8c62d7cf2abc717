// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_BENCH_KERNELS_AMX_H_
#define HEDDLE_BENCH_KERNELS_AMX_H_

#include <optional>

#include "base/peaks.h"

namespace heddle::bench {

// Of AMX's products of bytes; nothing where the CPU or its operating system has none. Asks the
// system for its tiles, which the process then has for good.
std::optional<core::ProductPeak> MeasureAmx();

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_KERNELS_AMX_H_
