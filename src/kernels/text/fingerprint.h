// SPDX-License-Identifier: Apache-2.0
// FarmHash's Fingerprint64, whose values are the same on every machine and forever: models are
// trained on them.
#ifndef HEDDLE_KERNELS_TEXT_FINGERPRINT_H_
#define HEDDLE_KERNELS_TEXT_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>

namespace heddle::core {

uint64_t Fingerprint64(const std::byte* bytes, size_t length);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_TEXT_FINGERPRINT_H_
