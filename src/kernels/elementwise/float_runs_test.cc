// SPDX-License-Identifier: Apache-2.0
// Every instruction set gives the bits of the functions in math.h.
#include "kernels/elementwise/float_runs.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "kernels/math.h"

namespace heddle::core {
namespace {

uint32_t Bits(float v) { return std::isnan(v) ? 0x7fc00000u : std::bit_cast<uint32_t>(v); }

// Floats of every size and sign, then numbers where the functions bend.
std::vector<float> Samples() {
  std::vector<float> v;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 60013)
    v.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  for (int i = -60000; i <= 60000; ++i) v.push_back(static_cast<float>(i) * 0x1.23p-8f);
  for (float x : {0x1p-13f, 0x1.fffffep-14f, 22.0f, 22.5f, 103.9f, 104.1f, 745.0f, 746.5f, 1e30f})
    v.insert(v.end(), {x, -x});
  return v;
}

TEST(FloatRuns, AreTheFunctionsOnEveryIsa) {
  const std::vector<float> in = Samples();
  for (Isa isa : SupportedIsas()) {
    const FloatRuns runs = FloatRunsFor(isa);
    const struct {
      const char* name;
      FloatRunFn run;
      float (*function)(float);
    } cases[] = {{"logistic", runs.logistic, FastLogisticF},
                 {"tanh", runs.tanh, FastTanhF},
                 {"exact logistic", runs.exact_logistic, LogisticF},
                 {"exact tanh", runs.exact_tanh, TanhF}};
    for (const auto& c : cases) {
      std::vector<float> out = in;
      c.run(out.data(), out.data(), static_cast<int64_t>(out.size()));
      for (size_t i = 0; i < in.size(); ++i)
        ASSERT_EQ(Bits(out[i]), Bits(c.function(in[i])))
            << c.name << "(" << in[i] << ") on " << IsaName(isa);
    }
  }
}

template <class F, class In, class Out>
void ExpectOn(const std::vector<In>& in, const char* name, F f,
              FloatRunOf<F, In, Out> FloatRuns::* run) {
  for (Isa isa : SupportedIsas()) {
    std::vector<Out> out(in.size());
    (FloatRunsFor(isa).*run)(f, in.data(), out.data(), static_cast<int64_t>(out.size()));
    for (size_t i = 0; i < in.size(); ++i)
      ASSERT_EQ(Bits(out[i]), Bits(static_cast<Out>(f(in[i]))))
          << name << "(" << +in[i] << ") on " << IsaName(isa);
  }
}
template <class F, class Out>
void ExpectFunction(const char* name, F f, FloatRunOf<F, float, Out> FloatRuns::* run) {
  ExpectOn(Samples(), name, f, run);
}

TEST(FloatRuns, HaveTheirFunctionsBitsOnEveryIsa) {
  ExpectFunction("clip", Clip{-0.5f, 6}, &FloatRuns::clip);
  ExpectFunction("leaky", Leaky{0.3f}, &FloatRuns::leaky);
  ExpectFunction("hard_swish_reference", HardSwishReference{}, &FloatRuns::hard_swish_reference);
  ExpectFunction("hard_swish_fast", HardSwishFast{}, &FloatRuns::hard_swish_fast);
  ExpectFunction("absolute", AbsoluteFloat{}, &FloatRuns::absolute);
  ExpectFunction("square", Square{}, &FloatRuns::square);
  ExpectFunction("square_root", SquareRoot{}, &FloatRuns::square_root);
  ExpectFunction("negation", Negation{}, &FloatRuns::negation);
  ExpectFunction("inverse_root", InverseRoot{}, &FloatRuns::inverse_root);
  ExpectFunction("round_down", RoundDown{}, &FloatRuns::round_down);
  ExpectFunction("round_up", RoundUp{}, &FloatRuns::round_up);
  ExpectFunction("round_to_even", RoundToEven{}, &FloatRuns::round_to_even);
  ExpectFunction("exp", FastExp{}, &FloatRuns::exp);
  ExpectFunction("log", FastLog{}, &FloatRuns::log);
  ExpectFunction("elu", FastElu{}, &FloatRuns::elu);
  ExpectFunction("gelu", FastGelu{}, &FloatRuns::gelu);
  ExpectFunction("gelu_tanh", FastGeluTanh{}, &FloatRuns::gelu_tanh);
  ExpectFunction("quantize_i8", QuantizeFast{3, -125, 130, -3}, &FloatRuns::quantize_i8);
  ExpectFunction("quantize_u8", QuantizeFast{3, -128, 127, 128}, &FloatRuns::quantize_u8);
  ExpectFunction("quantize_i16", QuantizeFast{3, -32768, 32767, 0}, &FloatRuns::quantize_i16);
  std::vector<int8_t> bytes(256);
  std::vector<uint8_t> unsigned_bytes(256);
  for (int i = 0; i < 256; ++i) bytes[i] = static_cast<int8_t>(i), unsigned_bytes[i] = i;
  ExpectOn(bytes, "dequantize_i8", ScaleDifference{0.3f, -7}, &FloatRuns::dequantize_i8);
  ExpectOn(unsigned_bytes, "dequantize_u8", ScaleDifference{0.3f, 7}, &FloatRuns::dequantize_u8);
}

TEST(FloatRuns, WriteNoMoreThanTheirRun) {
  for (Isa isa : SupportedIsas())
    for (int64_t n = 0; n < 40; ++n) {
      std::vector<float> in(40, 0.5f), out(40, 7);
      FloatRunsFor(isa).exact_logistic(in.data(), out.data(), n);
      for (int64_t i = 0; i < 40; ++i) ASSERT_EQ(out[i], i < n ? LogisticF(0.5f) : 7);
    }
}

}  // namespace
}  // namespace heddle::core
