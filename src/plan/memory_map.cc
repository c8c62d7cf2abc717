// SPDX-License-Identifier: Apache-2.0
#include "plan/memory_map.h"

#include <algorithm>
#include <numeric>

namespace heddle::core {

size_t MapMemory(std::vector<BufferLife>& buffers) {
  constexpr size_t kAlignment = 64;
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return buffers[a].bytes != buffers[b].bytes ? buffers[a].bytes > buffers[b].bytes : a < b;
  });

  size_t arena = 0;
  std::vector<const BufferLife*> placed;  // by offset
  for (const size_t i : order) {
    BufferLife& b = buffers[i];
    const size_t need = (b.bytes + kAlignment - 1) / kAlignment * kAlignment;
    size_t offset = 0;
    for (const BufferLife* p : placed) {
      if (p->last < b.first || b.last < p->first) continue;
      if (p->offset >= offset + need) break;
      offset = std::max(offset, (p->offset + p->bytes + kAlignment - 1) / kAlignment * kAlignment);
    }
    b.offset = offset;
    arena = std::max(arena, offset + need);
    const auto by_offset = [](const BufferLife* x, const BufferLife* y) {
      return x->offset < y->offset;
    };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), &b, by_offset), &b);
  }
  return arena;
}

}  // namespace heddle::core
