// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "base/hash.h"
#include "kernels/movement/strings.h"
#include "kernels/state.h"

namespace heddle::core {

std::span<const std::byte> ElementOf(const ResourceValue& value, int64_t i) {
  if (value.type != Type::kString)
    return value.bytes.subspan(static_cast<size_t>(i) * sizeof(int64_t), sizeof(int64_t));
  const StringTensor strings(value.bytes.data());
  return {strings.bytes(i), static_cast<size_t>(strings.length(i))};
}

void HashIndex::Build(const ResourceValue& keys) {
  const auto count = static_cast<size_t>(keys.shape.elements());
  size_ = 0;
  slots_.assign(std::bit_ceil(2 * count + 1), 0);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < count; ++i) {
    const auto key = ElementOf(keys, static_cast<int64_t>(i));
    if (Find(keys, key) >= 0) continue;
    size_t at = ContentHash(key) & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = static_cast<int32_t>(i + 1);
    ++size_;
  }
}

int64_t HashIndex::Find(const ResourceValue& keys, std::span<const std::byte> key) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = ContentHash(key) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    if (std::ranges::equal(ElementOf(keys, slots_[at] - 1), key)) return slots_[at] - 1;
  }
  return -1;
}

}  // namespace heddle::core
