// SPDX-License-Identifier: Apache-2.0
// Two hashes: SHA-256 where a hash is shown or shared, XXH3 where Heddle only talks to itself.
#ifndef HEDDLE_BASE_HASH_H_
#define HEDDLE_BASE_HASH_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "heddle/status.h"

namespace heddle::core {

// 64 lower-case hexadecimal digits. Fails only if the cryptographic library refuses.
Result<std::string> Sha256Hex(std::span<const std::byte> bytes);

// XXH3, 64 bits: the same on every machine, at memory speed. No defence against an adversary. A
// seed chains parts: the hash of one is the seed of the next.
uint64_t ContentHash(std::span<const std::byte> bytes, uint64_t seed = 0);

}  // namespace heddle::core

#endif  // HEDDLE_BASE_HASH_H_
