// SPDX-License-Identifier: Apache-2.0
// Offsets in one arena for buffers whose lifetimes are known: greedy by size, each at the lowest
// gap that fits.
#ifndef HEDDLE_PLAN_MEMORY_MAP_H_
#define HEDDLE_PLAN_MEMORY_MAP_H_

#include <cstddef>
#include <vector>

namespace heddle::core {

struct BufferLife {
  size_t bytes = 0;
  int first = 0, last = 0;  // steps, both included
  size_t offset = 0;        // the answer, a multiple of 64
};

// Buffers that live at the same step never overlap. Returns the bytes of the arena.
size_t MapMemory(std::vector<BufferLife>& buffers);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_MEMORY_MAP_H_
