// SPDX-License-Identifier: Apache-2.0
// Every instruction set gives the bits of the functions in math.h.
#include "kernels/elementwise/sigmoid_runs.h"

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

TEST(SigmoidRuns, AreTheFunctionsOnEveryIsa) {
  const std::vector<float> in = Samples();
  for (Isa isa : SupportedIsas()) {
    const SigmoidRuns runs = SigmoidRunsFor(isa);
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

TEST(SigmoidRuns, WriteNoMoreThanTheirRun) {
  for (Isa isa : SupportedIsas())
    for (int64_t n = 0; n < 40; ++n) {
      std::vector<float> in(40, 0.5f), out(40, 7);
      SigmoidRunsFor(isa).exact_logistic(in.data(), out.data(), n);
      for (int64_t i = 0; i < 40; ++i) ASSERT_EQ(out[i], i < n ? LogisticF(0.5f) : 7);
    }
}

}  // namespace
}  // namespace heddle::core
