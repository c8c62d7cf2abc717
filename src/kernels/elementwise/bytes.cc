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
template <class T, class F>
struct Avx2Bytes {
  F f;
  const char* name() const { return "avx2"; }
  void Run(const PairRun& run) const { RunBytesAvx2(f, T(-1) < T(0), run); }
};
#endif

template <class T, class F>
MadeOperation MakeOfType(F f, [[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa != Isa::kPlain) return MakeBinary<Plain<T>>(Avx2Bytes<T, F>{f}, 0.15f);
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
