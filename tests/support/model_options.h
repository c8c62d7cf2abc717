// SPDX-License-Identifier: Apache-2.0
// The options of an operator as a table of the file: the way back from model/graph.h.
#ifndef HEDDLE_TESTS_SUPPORT_MODEL_OPTIONS_H_
#define HEDDLE_TESTS_SUPPORT_MODEL_OPTIONS_H_

#include "model/flatbuffer.h"
#include "model/graph.h"

namespace heddle::core {

struct OptionsTable {
  int number = 0;  // of its kind, in the union; 0: none
  flatbuffers::Offset<void> table = 0;
  bool second = false;  // of the unions
};

OptionsTable WriteOptions(flatbuffers::FlatBufferBuilder& to, const Operator& op);

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_MODEL_OPTIONS_H_
