// SPDX-License-Identifier: Apache-2.0
// A node of any operator, most often sound, now and then with a slip: loaded and run, bounded by
// limits and a deadline, on the plain kernels and on the best of this CPU. Both must say the same.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/poison.h"
#include "heddle/engine.h"
#include "support/node_views.h"

namespace {

using heddle::core::RandomNode;

heddle::Result<heddle::Outputs> Run(const heddle::Model& model, const RandomNode& node) {
  heddle::RunOptions options;
  options.fresh_state = true;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  return model.Run(heddle::core::ViewsOf(node), options);
}

template <class T>
bool SameFloats(const heddle::TensorView& a, const heddle::TensorView& b) {
  for (size_t i = 0; i + sizeof(T) <= a.bytes; i += sizeof(T)) {
    T x, y;
    std::memcpy(&x, static_cast<const char*>(a.data) + i, sizeof(T));
    std::memcpy(&y, static_cast<const char*>(b.data) + i, sizeof(T));
    if (std::memcmp(&x, &y, sizeof(T)) != 0 && !(std::isnan(x) && std::isnan(y))) return false;
  }
  return true;
}

// NaN is NaN; the sign and payload of one are nobody's promise.
bool Same(const heddle::TensorView& a, const heddle::TensorView& b) {
  if (a.bytes != b.bytes || a.rank != b.rank) return false;
  if (a.type == HEDDLE_FLOAT32 || a.type == HEDDLE_COMPLEX64) return SameFloats<float>(a, b);
  if (a.type == HEDDLE_FLOAT64) return SameFloats<double>(a, b);
  if (a.type == HEDDLE_FLOAT16 || a.type == HEDDLE_BFLOAT16) return true;
  return a.bytes == 0 || std::memcmp(a.data, b.data, a.bytes) == 0;
}

void Complain(const char* what, const std::string& detail) {
  std::fprintf(stderr, "plain kernels and this CPU's differ: %s: %s\n", what, detail.c_str());
  std::abort();
}

void Compare(const heddle::Result<heddle::Outputs>& plain,
             const heddle::Result<heddle::Outputs>& best) {
  const bool late = plain.status().code() == heddle::Code::kDeadlineExceeded ||
                    best.status().code() == heddle::Code::kDeadlineExceeded;
  if (late) return;
  if (plain.status().code() != best.status().code())
    Complain("status",
             std::string(plain.status().message()) + " / " + std::string(best.status().message()));
  if (plain.status().code() == heddle::Code::kInternal)
    Complain("internal error", std::string(plain.status().message()));
  if (!plain.ok()) return;
  for (size_t k = 0; k < plain->size(); ++k)
    if (!Same((*plain)[k], (*best)[k])) Complain("output", std::to_string(k));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const heddle::Engine engine(heddle::Options{.memory_limit_bytes = 64 << 20,
                                                     .arena_limit_bytes = 16 << 20,
                                                     .mac_limit = 5'000'000,
                                                     .cores = 1});
  heddle::core::PoisonRuns();
  if (size < 3) return 0;
  const auto recipes = heddle::core::Recipes();
  heddle::core::Choices choices(std::span(bytes + 2, size - 2));
  const auto& recipe = recipes[(bytes[0] + 256u * bytes[1]) % recipes.size()];
  const RandomNode node = heddle::core::MakeRandomNode(recipe, {}, choices);
  heddle::LoadOptions options;
  options.numerics = choices.OneIn(2) ? heddle::Numerics::kReference : heddle::Numerics::kFast;
  const auto best = engine.LoadBytes(node.file, options);
  options.isa = "plain";
  const auto plain = engine.LoadBytes(node.file, options);
  if (plain.ok() != best.ok())
    Complain("load", std::string((plain.ok() ? best : plain).status().message()));
  if (!plain.ok()) return 0;
  Compare(Run(*plain, node), Run(*best, node));
  return 0;
}
