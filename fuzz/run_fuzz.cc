// SPDX-License-Identifier: Apache-2.0
// Any bytes as a model file, loaded and run with zeros for inputs: bounded by limits and a
// deadline.
#include <chrono>
#include <cstdint>
#include <vector>

#include "heddle/engine.h"

namespace {

// Zeros of the inputs' declared sizes; false when they are past what a fuzzer should feed.
bool MakeInputs(const heddle::Model& model, std::vector<std::vector<uint64_t>>& data,
                std::vector<heddle::TensorView>& inputs) {
  size_t count = 0;
  heddle_status_free(heddle_model_input_count(model.get(), nullptr, &count));
  for (size_t k = 0; k < count; ++k) {
    heddle_tensor_info info{};
    info.struct_size = sizeof(info);
    heddle_status_free(heddle_model_input(model.get(), nullptr, k, &info));
    uint64_t bits = heddle_type_bits(info.type);
    for (int i = 0; i < info.rank && bits < (uint64_t{1} << 30); ++i)
      bits *= static_cast<uint64_t>(info.dims[i] < 0 ? 1 : info.dims[i]);
    if (bits > (uint64_t{1} << 24)) return false;
    data.emplace_back(bits / 64 + 1);
    heddle::TensorView view;
    view.type = info.type;
    view.data = data.back().data();
    view.bytes = (bits + 7) / 8;
    inputs.push_back(view);
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const heddle::Engine engine(heddle::Options{.memory_limit_bytes = 64 << 20,
                                                     .arena_limit_bytes = 16 << 20,
                                                     .mac_limit = 50'000'000,
                                                     .cores = 1});
  const auto model = engine.LoadBytes(std::as_bytes(std::span(bytes, size)));
  if (!model.ok()) return 0;
  std::vector<std::vector<uint64_t>> data;
  std::vector<heddle::TensorView> inputs;
  if (!MakeInputs(*model, data, inputs)) return 0;
  heddle::RunOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  options.fresh_state = true;  // a model that remembers runs, too
  static_cast<void>(model->Run(inputs, options).ok());
  return 0;
}
