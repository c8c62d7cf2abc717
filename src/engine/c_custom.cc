// SPDX-License-Identifier: Apache-2.0
// heddle/c_custom.h: the C interface of custom operators.
#include "heddle/c_custom.h"

#include "engine/c_objects.h"

using namespace heddle;        // NOLINT: this file is the seam between the two
using namespace heddle::core;  // NOLINT

heddle_status* heddle_engine_register(heddle_engine* engine, const heddle_operator* given) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"engine", engine}, {"op", given}}));
    HEDDLE_ASSIGN(const heddle_operator op, Complete(given));
    return engine->core->operators().Add(op);
  });
}

heddle_status* heddle_status_create(int32_t code, const char* message) {
  return Guarded([&] {
    const bool known = code >= HEDDLE_OK && code <= HEDDLE_INTERNAL;
    return Status(known ? static_cast<Code>(code) : Code::kInternal,
                  message == nullptr ? "" : message);
  });
}
