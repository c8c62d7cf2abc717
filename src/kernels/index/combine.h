// SPDX-License-Identifier: Apache-2.0
// How a new value joins the one that stands in the output: what scatters, segments and windows are
// made of.
#ifndef HEDDLE_KERNELS_INDEX_COMBINE_H_
#define HEDDLE_KERNELS_INDEX_COMBINE_H_

#include <cstdint>
#include <span>

#include "kernels/operation.h"

namespace heddle::core {

// Integers wrap; of bools, a sum is their or, a product their and.
enum class Combine : uint8_t {
  kAssign,
  kAdd,
  kMul,
  kMin,  // a NaN that arrives is ignored
  kMax,
  kWindowMin,  // a NaN that arrives stays until the next value
  kWindowMax,
  kAll,
  kAny,
};

// to[i * to_step] joined by from[i * from_step], for i in [0, count).
using CombineFn = void (*)(void* to, int64_t to_step, const void* from, int64_t from_step,
                           int64_t count);

// nullptr: this type has no such combination. kAssign takes every type of whole bytes up to eight;
// the others take float32, float64, float16, bool and all integers of whole bytes.
CombineFn FindCombine(Combine combine, Type type);

// The combination that a subgraph of one operator stands for, an empty one being `kAssign`. The
// error says what else it holds.
Result<Combine> CombineOfBody(std::span<const Subgraph> subgraphs, int body);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_INDEX_COMBINE_H_
