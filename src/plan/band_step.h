// SPDX-License-Identifier: Apache-2.0
// A step that is several: each of its tiles takes one band of rows through all of them.
#ifndef HEDDLE_PLAN_BAND_STEP_H_
#define HEDDLE_PLAN_BAND_STEP_H_

#include <optional>
#include <span>
#include <vector>

#include "kernels/operation.h"

namespace heddle::core {

// An operand of one of the steps. Rows lie one behind the other.
struct BandOperand {
  enum class From : uint8_t {
    kAbsent,
    kInput,    // of the step that is all of them
    kOutput,   // of that
    kScratch,  // `at` bytes into the slots: of one band only
  };
  Operand whole;
  int axis = -1;  // of the rows; -1: every band reads all of it
  From from = From::kAbsent;
  int64_t at = 0;

  int64_t row_bytes() const {
    return axis < 0 ? 0 : static_cast<int64_t>(whole.bytes) / whole.shape[axis];
  }
};

struct BandMember {
  const Operation* operation = nullptr;
  std::vector<BandOperand> inputs;  // at most kMostInputs
  BandOperand output;

  static constexpr size_t kMostInputs = 6;
};

struct BandSizes {
  int64_t rows = 0;       // in all
  int64_t band_rows = 0;  // of a tile; the last one may have fewer
  size_t slot_bytes = 0;  // of scratch, for what is inside of a band
};

// Nothing: one of the operations makes no such step of a band. REQUIRES: each of them makes of a
// band of its inputs that band of its output, with the same bits.
std::optional<Step> MakeBandStep(std::span<const BandMember> members, const BandSizes& sizes);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_BAND_STEP_H_
