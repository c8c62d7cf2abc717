// SPDX-License-Identifier: Apache-2.0
#include "kernels/signal/stream_memory.h"
#include "kernels/state.h"

namespace heddle::core {
namespace {

struct CustomMemory {
  std::string_view name;
  size_t (*bytes)(const Operator& op, const Tensor& input);
};

constexpr CustomMemory kCustomMemories[] = {
    {"SignalFramer", &FramerMemory},
    {"SignalDelay", &DelayMemory},
    {"SignalOverlapAdd", &OverlapAddMemory},
    {"SignalStacker", &StackerMemory},
    {"SignalFilterBankSpectralSubtraction", &SpectralSubtractionMemory},
};

}  // namespace

OperatorMemory MemoryOf(const Operator& op, const Tensor* input) {
  switch (op.code) {
    case OpCode::kRANDOM_UNIFORM:
    case OpCode::kRANDOM_STANDARD_NORMAL:
    case OpCode::kMULTINOMIAL:
      return {sizeof(uint64_t), false};
    case OpCode::kCUSTOM:
      for (const auto& [name, bytes] : kCustomMemories)
        if (op.custom_name == name && input != nullptr) return {bytes(op, *input), true};
      return {};
    default:
      return {};
  }
}

}  // namespace heddle::core
