// SPDX-License-Identifier: Apache-2.0
// Random options for any operator, field by field as the schema describes its table.
#ifndef HEDDLE_TESTS_SUPPORT_RANDOM_OPTIONS_H_
#define HEDDLE_TESTS_SUPPORT_RANDOM_OPTIONS_H_

#include "support/choices.h"
#include "support/model_options.h"

namespace heddle::core {

struct OptionsWish {
  int rank = 0;    // of the node's operands: as long are most lists of numbers
  int bodies = 0;  // subgraphs 1 to this may be called
  bool wild = false;
};

// A table of the operator's own kind; none where the format has none for it.
OptionsTable RandomOptions(flatbuffers::FlatBufferBuilder& to, OpCode code, const OptionsWish& wish,
                           Choices& choices);

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_RANDOM_OPTIONS_H_
