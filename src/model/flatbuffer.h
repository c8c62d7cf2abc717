// SPDX-License-Identifier: Apache-2.0
// The compiled schema, with FlatBuffers' own assertions off: no file may reach an abort. What they
// would catch is checked by the reader instead.
#ifndef HEDDLE_MODEL_FLATBUFFER_H_
#define HEDDLE_MODEL_FLATBUFFER_H_

#define FLATBUFFERS_ASSERT(condition) static_cast<void>(condition)
#include "model/schema_generated.h"

namespace heddle::core {

template <class T>
using FbVector = flatbuffers::Vector<T>;
template <class T>
using FbTables = flatbuffers::Vector<flatbuffers::Offset<T>>;

template <class V>
size_t FbSize(const V* vector) {
  return vector == nullptr ? 0 : vector->size();
}

}  // namespace heddle::core

#endif  // HEDDLE_MODEL_FLATBUFFER_H_
