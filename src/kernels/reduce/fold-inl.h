// SPDX-License-Identifier: Apache-2.0
// The bodies of fold.h, included by one file for each instruction set: everything has internal
// linkage, and nothing of std:: is called, so that no code of one set can be linked into another.
#include "kernels/reduce/fold.h"

namespace heddle::core {
namespace {

struct FoldMax {
  template <class T>
  static T Join(T acc, T v) {
    return v > acc ? v : acc;
  }
};
struct FoldMin {
  template <class T>
  static T Join(T acc, T v) {
    return v < acc ? v : acc;
  }
};
struct FoldProd {
  template <class T>
  static T Join(T acc, T v) {
    return acc * v;
  }
};
struct FoldAny {
  static uint8_t Join(uint8_t acc, uint8_t v) { return acc | (v != 0 ? 1 : 0); }
};
struct FoldAll {
  static uint8_t Join(uint8_t acc, uint8_t v) { return acc & (v != 0 ? 1 : 0); }
};

template <class Op, class T>
void FoldRows(const void* from, int64_t rows, int64_t stride, int64_t n, void* to) {
  const T* in = static_cast<const T*>(from);
  T* __restrict acc = static_cast<T*>(to);
  for (int64_t r = 0; r < rows; ++r, in += stride) {
    for (int64_t c = 0; c < n; ++c) acc[c] = Op::Join(acc[c], in[c]);
  }
}

template <class Op, class T>
void FoldToLanes(const void* from, int64_t n, void* to) {
  const T* in = static_cast<const T*>(from);
  T* lanes = static_cast<T*>(to);
  T lane[kFoldLanes];
  for (int j = 0; j < kFoldLanes; ++j) lane[j] = lanes[j];
  int64_t i = 0;
  for (; i + kFoldLanes <= n; i += kFoldLanes) {
    for (int j = 0; j < kFoldLanes; ++j) lane[j] = Op::Join(lane[j], in[i + j]);
  }
  for (int j = 0; i + j < n; ++j) lane[j] = Op::Join(lane[j], in[i + j]);
  for (int j = 0; j < kFoldLanes; ++j) lanes[j] = lane[j];
}

template <class Op, class T>
FoldFns Fns() {
  return {&FoldRows<Op, T>, &FoldToLanes<Op, T>};
}

template <class Op>
FoldKernels::Ordered OrderedFns() {
  return {Fns<Op, float>(),   Fns<Op, _Float16>(), Fns<Op, int8_t>(), Fns<Op, uint8_t>(),
          Fns<Op, int16_t>(), Fns<Op, int32_t>(),  Fns<Op, int64_t>()};
}

FoldKernels MakeKernels() {
  FoldKernels k;
  k.max = OrderedFns<FoldMax>();
  k.min = OrderedFns<FoldMin>();
  k.prod_f32 = Fns<FoldProd, float>();
  k.prod_i32 = Fns<FoldProd, uint32_t>();
  k.prod_i64 = Fns<FoldProd, uint64_t>();
  k.any = Fns<FoldAny, uint8_t>();
  k.all = Fns<FoldAll, uint8_t>();
  return k;
}

}  // namespace
}  // namespace heddle::core
