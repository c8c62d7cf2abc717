// SPDX-License-Identifier: Apache-2.0
// What people write in C++ around an interpreter that is not thread-safe.
#ifndef HEDDLE_BENCH_RECIPES_RECIPES_H_
#define HEDDLE_BENCH_RECIPES_RECIPES_H_

#include <memory>
#include <string>
#include <vector>

#include "tflite_c.h"

namespace heddle::bench {

using Buffer = std::vector<char>;

class Recipe {
 public:
  virtual ~Recipe() = default;
  // Of any thread; `output` becomes the model's first.
  virtual void Call(const std::vector<Buffer>& inputs, Buffer& output) = 0;
};

// "per_thread", "behind_a_lock" or "pool"; nullptr: there is no such recipe. `c` outlives it.
std::unique_ptr<Recipe> MakeRecipe(const std::string& name, const TfLiteC& c,
                                   const std::string& path, int cores);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_RECIPES_RECIPES_H_
