// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/bytes.h"

#include "kernels/elementwise/binary.h"

namespace heddle::core {
namespace {

template <class T, class F>
struct PlainBytes {
  F f;
  T operator()(T a, T b) const { return static_cast<T>(f(a, b)); }
};

#if defined(__x86_64__)
template <class F>
struct BytesForm {
  const char* name;
  void (*run)(const F& f, bool is_signed, const PairRun& run);
};
template <class F>
BytesForm<F> FormOf(Isa isa) {
  if (VectorsOf(isa) == Isa::kAvx512) return {"avx512", &RunBytesAvx512};
  return {"avx2", &RunBytesAvx2};
}

template <class T, class F>
struct VectorBytes {
  F f;
  BytesForm<F> form;
  const char* name() const { return form.name; }
  void Run(const PairRun& run) const { form.run(f, T(-1) < T(0), run); }
};
#endif

template <class T, class F>
MadeOperation MakeOfType(F f, [[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa != Isa::kPlain) return MakeBinary<Plain<T>>(VectorBytes<T, F>{f, FormOf<F>(isa)}, 0.15f);
#endif
  return MakeBinary<Plain<T>>(PlainBytes<T, F>{f}, 0.9f);
}

template <class F>
MadeOperation MakeOfSign(const F& f, const MakeArgs& args) {
  if (args.inputs[0].type == Type::kInt8) return MakeOfType<int8_t>(f, args.isa);
  return MakeOfType<uint8_t>(f, args.isa);
}

}  // namespace

MadeOperation MakeBytes(const AddBytes& f, const MakeArgs& args) { return MakeOfSign(f, args); }
MadeOperation MakeBytes(const MulBytes& f, const MakeArgs& args) { return MakeOfSign(f, args); }

}  // namespace heddle::core
