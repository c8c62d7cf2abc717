// SPDX-License-Identifier: Apache-2.0
// The LSTM family: LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM and the two directions of
// BIDIRECTIONAL_SEQUENCE_LSTM are one cell, run over a sequence.
#ifndef HEDDLE_KERNELS_RECURRENT_LSTM_H_
#define HEDDLE_KERNELS_RECURRENT_LSTM_H_

#include <array>
#include <vector>

#include "kernels/operators.h"
#include "kernels/recurrent/rows.h"

namespace heddle::core {

enum Gate : int { kInputGate, kForgetGate, kCellGate, kOutputGate, kGates };

// Numbers of operands, -1 where absent. Without input gate weights the input gate is 1 less the
// forget gate (CIFG).
struct LstmCell {
  int x = 0, aux = -1;
  std::array<int, kGates> input{}, recurrent{}, aux_weights{}, peephole{}, bias{}, norm{};
  int projection = -1, projection_bias = -1, state = -1, cell_state = -1;
  bool backward = false;
  int output = 0;
  int32_t output_at = 0, output_width = 0;  // where in a row of the output
  // Sizes, known with the shapes.
  int32_t inputs = 0, aux_inputs = 0, cells = 0, outputs = 0;

  bool coupled() const { return input[kInputGate] < 0; }
};

// What all forms share.
struct LstmRun {
  std::vector<LstmCell> directions;
  Sequence sequence;
  float cell_clip = 0, projection_clip = 0;

  int64_t tiles() const { return sequence.batch * static_cast<int64_t>(directions.size()); }
};

// Lowers float and hybrid cells. `inputs`: the operands with their shapes.
void LowerFloatLstm(const LstmRun& run, const RowMath& math, std::span<const Operand> inputs,
                    Step& step);

// The integer cell: int8 rows and weights, int16 cell state.
struct IntegerLstm {
  struct OfGate {
    Multiplier input, recurrent, peephole, norm;
    int32_t norm_variance_limit = 1;
  };
  LstmRun run;
  std::array<OfGate, kGates> gates;
  Multiplier hidden, projection;
  int32_t input_zero = 0, output_zero = 0, hidden_zero = 0;
  int cell_shift = 0;  // the cell state's scale is 2^cell_shift
  int32_t cell_clip = 0, projection_clip = 0;
};
// Checks scales and zero points.
Result<IntegerLstm> MakeIntegerLstm(const MakeArgs& args, const LstmCell& cell,
                                    const RecurrentOptions& options);
void LowerIntegerLstm(IntegerLstm lstm, Step& step);

// LSTM with one matrix of weights for all gates (kernel_type BASIC).
MadeOperation MakeBasicLstm(const MakeArgs& args);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_RECURRENT_LSTM_H_
