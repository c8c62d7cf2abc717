// SPDX-License-Identifier: Apache-2.0
// The project's own models and inputs for tests that span the whole library.
#ifndef HEDDLE_TESTS_ENGINE_DIGITS_H_
#define HEDDLE_TESTS_ENGINE_DIGITS_H_

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "heddle/engine.h"

namespace heddle::testing {

inline std::string DigitsFile(bool int8) {
  return std::string(HEDDLE_TEST_MODELS) + (int8 ? "/digits_int8.tflite" : "/digits_f32.tflite");
}

// HEDDLE_SEED from the environment, which repeats a run, or another one each time.
inline uint32_t Seed() {
  const char* given = std::getenv("HEDDLE_SEED");
  return given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10))
                          : std::random_device()();
}

// One call's input: bytes of its type from a seeded generator.
struct FilledInput {
  std::vector<uint8_t> bytes;
  std::string name;
  TensorView view;
};

// Fills an input of the model for `batch` items where its first dimension is left open or 1, else
// as the file says; floats are in [-1, 1), wide integers below 16.
inline FilledInput FillInput(const Model& model, size_t index, int batch, uint32_t seed) {
  heddle_tensor_info info{};
  info.struct_size = sizeof(info);
  heddle_status_free(heddle_model_input(model.get(), nullptr, index, &info));
  FilledInput in;
  in.name = info.name;
  in.view.type = info.type;
  in.view.rank = info.rank;
  size_t elements = 1;
  for (int i = 0; i < info.rank; ++i) {
    const int size = info.dims[i] < 0 ? 1 : info.dims[i];
    in.view.dims[i] = i == 0 && size == 1 ? batch : size;
    elements *= static_cast<size_t>(in.view.dims[i]);
  }
  const size_t size = heddle_type_bits(info.type) / 8;
  in.bytes.resize(elements * size);
  uint32_t state = seed * 2654435761u + 1;
  for (size_t i = 0; i < in.bytes.size() && size > 0; i += size) {
    state = state * 1664525u + 1013904223u;
    const float f = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
    const auto b = static_cast<uint8_t>(state >> 24);
    if (info.type == HEDDLE_FLOAT32)
      __builtin_memcpy(&in.bytes[i], &f, 4);
    else
      in.bytes[i] = size < 4 ? b : b % 16;
  }
  in.view.name = nullptr;
  in.view.data = in.bytes.data();
  in.view.bytes = in.bytes.size();
  return in;
}

inline FilledInput Fill(const Model& model, int batch, uint32_t seed) {
  return FillInput(model, 0, batch, seed);
}

inline uint64_t HashOf(const Outputs& outputs) {
  uint64_t h = 1469598103934665603u;
  for (size_t k = 0; k < outputs.size(); ++k) {
    const TensorView t = outputs[k];
    const auto* p = static_cast<const uint8_t*>(t.data);
    for (size_t i = 0; i < t.bytes; ++i) h = (h ^ p[i]) * 1099511628211u;
  }
  return h;
}

}  // namespace heddle::testing

#endif  // HEDDLE_TESTS_ENGINE_DIGITS_H_
