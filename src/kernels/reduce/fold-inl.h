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
  static constexpr uint8_t kSettled = 1;  // whatever else there is
  static uint8_t Join(uint8_t acc, uint8_t v) { return acc | (v != 0 ? 1 : 0); }
};
struct FoldAll {
  static constexpr uint8_t kSettled = 0;
  static uint8_t Join(uint8_t acc, uint8_t v) { return acc & (v != 0 ? 1 : 0); }
};

constexpr int64_t kRowsToLook = 16, kElementsToLook = 32 * kFoldLanes;

// Whether further elements change nothing: of accumulators that are an output each, or of lanes
// that become one.
template <class Op, class T>
bool AllSettled(const T* acc, int64_t n) {
  if constexpr (requires { Op::kSettled; }) {
    T other = 0;
    for (int64_t c = 0; c < n; ++c) other |= acc[c] ^ Op::kSettled;
    return other == 0;
  }
  return false;
}
template <class Op, class T>
bool AnySettled(const T (&lane)[kFoldLanes]) {
  if constexpr (requires { Op::kSettled; }) {
    T settled = 0;
    for (int j = 0; j < kFoldLanes; ++j) settled |= lane[j] == Op::kSettled ? 1 : 0;
    return settled != 0;
  }
  return false;
}

template <class Op, class T>
void FoldRows(const void* from, int64_t rows, int64_t stride, int64_t n, void* to) {
  const T* in = static_cast<const T*>(from);
  T* __restrict acc = static_cast<T*>(to);
  for (int64_t r = 0; r < rows; ++r, in += stride) {
    for (int64_t c = 0; c < n; ++c) acc[c] = Op::Join(acc[c], in[c]);
    if (r % kRowsToLook == kRowsToLook - 1 && AllSettled<Op>(acc, n)) return;
  }
}

template <class Op, class T>
void FoldToLanes(const void* from, int64_t n, void* to) {
  const T* in = static_cast<const T*>(from);
  T* lanes = static_cast<T*>(to);
  T lane[kFoldLanes];
  for (int j = 0; j < kFoldLanes; ++j) lane[j] = lanes[j];
  if (AnySettled<Op>(lane)) return;
  int64_t i = 0;
  for (; i + kFoldLanes <= n; i += kFoldLanes) {
    for (int j = 0; j < kFoldLanes; ++j) lane[j] = Op::Join(lane[j], in[i + j]);
    if (i % kElementsToLook == 0 && AnySettled<Op>(lane)) break;
  }
  for (int j = 0; j < kFoldLanes && i + j < n; ++j) lane[j] = Op::Join(lane[j], in[i + j]);
  for (int j = 0; j < kFoldLanes; ++j) lanes[j] = lane[j];
}

template <class Op, class T>
void FoldRuns(const void* from, int64_t runs, int64_t n, const void* identity, void* to) {
  const T* in = static_cast<const T*>(from);
  T* out = static_cast<T*>(to);
  const T first = *static_cast<const T*>(identity);
  for (int64_t r = 0; r < runs; ++r, in += n) {
    T lane[kFoldLanes];
    for (T& l : lane) l = first;
    FoldToLanes<Op, T>(in, n, lane);
    for (int width = kFoldLanes / 2; width > 0; width /= 2)
      for (int j = 0; j < width; ++j) lane[j] = Op::Join(lane[j], lane[j + width]);
    out[r] = lane[0];
  }
}

template <class Op, class T>
FoldFns Fns() {
  return {&FoldRows<Op, T>, &FoldToLanes<Op, T>, &FoldRuns<Op, T>};
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
