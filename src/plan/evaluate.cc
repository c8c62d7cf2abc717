// SPDX-License-Identifier: Apache-2.0
#include "plan/evaluate.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/errors.h"
#include "base/float_env.h"

namespace heddle::core {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<std::byte, Free>;

Buffer Allocate(size_t bytes) {
  return Buffer(static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 64) / 64 * 64)));
}

}  // namespace

Status EvaluateStep(const Step& step, std::span<const Operand> inputs,
                    std::span<void* const> outputs, size_t output_bytes, Numerics numerics) {
  if (step.kind == StepKind::kAlias) {
    if (output_bytes > 0) std::memcpy(outputs[0], inputs[0].data, output_bytes);
    return Status();
  }
  const Buffer scratch = Allocate(step.scratch_bytes), shared = Allocate(step.shared_bytes);
  if (!scratch || !shared) return ResourceExhausted("no memory for a constant's scratch");
  std::vector<const void*> data;
  std::vector<std::string_view> names;
  for (const Operand& input : inputs) data.push_back(input.data), names.push_back(input.name);
  const TileArgs args{data.data(), outputs.data(), step.packed, shared.get(), scratch.get()};
  const ScopedFloatEnv float_env(numerics == Numerics::kFast ? Denormals::kFlush
                                                             : Denormals::kKeep);
  for (const Phase& phase : step.phases) {
    if (phase.tiles == 0) continue;
    const TileCode code = phase.tile(step.params.get(), args, {0, phase.tiles});
    if (code != TileCode::kOk) return StepError(step, args, code, names);
  }
  return Status();
}

}  // namespace heddle::core
