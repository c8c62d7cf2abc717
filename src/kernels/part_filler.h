// SPDX-License-Identifier: Apache-2.0
// PartFiller: a PackStore that lets several threads fill what is packed.
#ifndef HEDDLE_KERNELS_PART_FILLER_H_
#define HEDDLE_KERNELS_PART_FILLER_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "kernels/operation.h"

namespace heddle::core {

// Parts [begin, end), each of bytes of its own, in any order.
using FillRange = std::function<void(int64_t begin, int64_t end)>;

// A further base of such a PackStore.
class PartFiller {
 public:
  // Calls fill for ranges that make up [0, parts), perhaps on several threads at once, and returns
  // when all calls have returned. For use in a `fill` of the PackStore. `part_bytes`: what one part
  // writes, about.
  virtual void FillParts(int64_t parts, int64_t part_bytes, const FillRange& fill) = 0;

 protected:
  ~PartFiller() = default;
};

inline void FillParts(PackStore& packs, int64_t parts, int64_t part_bytes, const FillRange& fill) {
  if (auto* filler = dynamic_cast<PartFiller*>(&packs)) {
    filler->FillParts(parts, part_bytes, fill);
  } else {
    fill(0, parts);
  }
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_PART_FILLER_H_
