// SPDX-License-Identifier: Apache-2.0
// Inputs that need no file: element i of input k from a 32-bit hash, the same on every machine.
#ifndef HEDDLE_CLI_HASH_INPUTS_H_
#define HEDDLE_CLI_HASH_INPUTS_H_

#include <cstdint>

#include "cli/tensors.h"

namespace heddle::cli {

// h = i*0x9E3779B9 + (k+1)*0x85EBCA6B, mixed.
uint32_t ElementHash(uint32_t k, uint32_t i);

// float32 gets (h>>8) * 2^-23 - 1; uint8, int8, int16 and bool the top bits of h; wider integers
// (h>>24) % 16. The types that this leaves open: the other floats get the value of float32,
// rounded; uint16, int4, uint4 and int2 the top bits; complex parts are elements 2i and 2i+1;
// strings are the digits of (h>>24) % 16. Fails for resource and variant.
Result<OwnedTensor> HashInput(uint32_t k, core::Type type, const core::Shape& shape,
                              const std::string& name);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_HASH_INPUTS_H_
