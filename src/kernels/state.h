// SPDX-License-Identifier: Apache-2.0
// State that outlives a call, as kernels see it: resources by number, and memory of an operator.
#ifndef HEDDLE_KERNELS_STATE_H_
#define HEDDLE_KERNELS_STATE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/type.h"
#include "heddle/status.h"
#include "model/graph.h"

namespace heddle::core {

// What an operator has for itself in every session (TileArgs::memory): all zero at first, written
// by its step, carried from call to call.
struct OperatorMemory {
  size_t bytes = 0;  // 0: nothing
  // Its answers are about a stream of calls, so one without a session is refused. Else such a call
  // starts anew (a random generator).
  bool needs_session = false;
};
// `input`: the operator's first input in the file, whose shape fixes the size; nullptr: it has
// none. An operator whose options make no sense keeps nothing: it is refused when it is made.
OperatorMemory MemoryOf(const Operator& op, const Tensor* input);

struct ResourceValue {
  Type type = Type::kNone;
  Shape shape;
  std::span<const std::byte> bytes;
};

// Finds elements of a tensor of int64 or strings by value.
class HashIndex {
 public:
  // Of equal elements the first is the one to be found.
  void Build(const ResourceValue& keys);
  // The index of the element equal to `key` (an int64 or the bytes of a string); -1: none.
  // REQUIRES: the keys are those of Build.
  int64_t Find(const ResourceValue& keys, std::span<const std::byte> key) const;
  int64_t size() const { return size_; }  // elements that differ

 private:
  int64_t size_ = 0;
  std::vector<int32_t> slots_;  // element + 1; 0: free. A power of two, at most half full
};

// Element i of a tensor of int64 or strings.
std::span<const std::byte> ElementOf(const ResourceValue& value, int64_t i);

// What VAR_HANDLE or HASHTABLE names.
struct Resource {
  bool set = false;     // assigned or imported
  ResourceValue value;  // of a variable; of a table its values
  ResourceValue keys;   // of a table
  HashIndex index;      // of a table: finds a key
};

// The resources of a running call.
class CallState {
 public:
  // nullptr: there is no such resource.
  virtual const Resource* Find(int32_t id) = 0;
  // Copies the value. Nothing happens to a resource that belongs to the Model: it has its value.
  virtual Status Assign(int32_t id, const ResourceValue& value) = 0;
  // Fills a table, once: later imports change nothing.
  virtual Status Import(int32_t id, const ResourceValue& keys, const ResourceValue& values) = 0;

 protected:
  ~CallState() = default;
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_STATE_H_
