// SPDX-License-Identifier: Apache-2.0
// What the operators of the LSTM family check, and their shapes.
#include "kernels/recurrent/lstm.h"

#include <cmath>
#include <optional>

namespace heddle::core {
namespace {

enum class Kind : uint8_t { kStep, kSequence, kBidirectional };

// Operands 1 to 17 of a direction, `shift` further for the second; norm coefficients, states and
// auxiliary weights lie apart.
LstmCell CellAt(std::span<const Operand> in, int shift, int state, int norm, int aux_weights) {
  LstmCell c;
  for (int g = 0; g < kGates; ++g) {
    c.input[g] = IfPresent(in, 1 + g + shift);
    c.recurrent[g] = IfPresent(in, 5 + g + shift);
    c.bias[g] = IfPresent(in, 12 + g + shift);
    c.norm[g] = norm < 0 ? -1 : IfPresent(in, norm + g);
    c.aux_weights[g] = aux_weights < 0 ? -1 : IfPresent(in, aux_weights + g);
  }
  c.peephole = {IfPresent(in, 9 + shift), IfPresent(in, 10 + shift), -1, IfPresent(in, 11 + shift)};
  c.projection = IfPresent(in, 16 + shift);
  c.projection_bias = IfPresent(in, 17 + shift);
  c.state = state, c.cell_state = state + 1;
  return c;
}

std::vector<LstmCell> CellsOf(const MakeArgs& args, Kind kind, bool merge) {
  const std::span<const Operand> in = args.inputs;
  if (kind != Kind::kBidirectional) return {CellAt(in, 0, 18, 20, -1)};
  std::vector<LstmCell> cells = {CellAt(in, 0, 35, -1, 40), CellAt(in, 17, 37, -1, 44)};
  cells[1].backward = true;
  cells[1].output = merge ? 0 : 1;
  if (!Present(in, 39)) return cells;
  if (cells[0].aux_weights[kForgetGate] >= 0) {
    cells[0].aux = cells[1].aux = 39;
  } else {
    cells[1].x = 39;  // the directions read different rows
  }
  return cells;
}

Status ExpectGate(int operand, int gate, std::string_view role) {
  constexpr const char* kNames[kGates] = {"input", "forget", "cell", "output"};
  if (operand >= 0) return Status();
  return InvalidModel("{} of the {} gate are absent", role, kNames[gate]);
}

Status CheckCell(const MakeArgs& args, const LstmCell& c, WeightsKind kind) {
  const std::span<const Operand> in = args.inputs;
  const Type weights = in[c.input[kForgetGate]].type;
  const Type bias = kind == WeightsKind::kInteger ? Type::kInt32 : Type::kFloat32;
  const bool peephole = c.peephole[kOutputGate] >= 0, normal = c.norm[kForgetGate] >= 0;
  for (int g = c.coupled() ? kForgetGate : kInputGate; g < kGates; ++g) {
    HEDDLE_TRY(ExpectGate(c.input[g], g, "input weights"));
    HEDDLE_TRY(ExpectGate(c.recurrent[g], g, "recurrent weights"));
    HEDDLE_TRY(ExpectGate(c.bias[g], g, "biases"));
    if (peephole && g != kCellGate) HEDDLE_TRY(ExpectGate(c.peephole[g], g, "peephole weights"));
    if (normal) HEDDLE_TRY(ExpectGate(c.norm[g], g, "layer norm coefficients"));
    if (c.aux >= 0) HEDDLE_TRY(ExpectGate(c.aux_weights[g], g, "auxiliary weights"));
    for (const int i : {c.input[g], c.recurrent[g], c.aux_weights[g]})
      HEDDLE_TRY(ExpectType(in, i, weights));
    HEDDLE_TRY(ExpectType(in, c.bias[g], bias));
    const Type fine = kind == WeightsKind::kInteger ? Type::kInt16 : Type::kFloat32;
    HEDDLE_TRY(ExpectType(in, c.norm[g], fine));
    HEDDLE_TRY(ExpectType(in, c.peephole[g], kind == WeightsKind::kInteger ? fine : weights));
  }
  HEDDLE_TRY(ExpectPresent(in, c.state, "output state"));
  HEDDLE_TRY(ExpectPresent(in, c.cell_state, "cell state"));
  const Type row = in[0].type;
  HEDDLE_TRY(ExpectType(in, c.x, row));
  HEDDLE_TRY(ExpectType(in, c.aux, row));
  HEDDLE_TRY(ExpectType(in, c.state, row));
  HEDDLE_TRY(ExpectType(in, c.cell_state, row == Type::kInt8 ? Type::kInt16 : row));
  HEDDLE_TRY(ExpectType(in, c.projection, weights));
  return ExpectType(in, c.projection_bias, bias);
}

// Fills in the sizes of a cell. `rows`: batch and time, which its rows have in front.
Status SizeCell(std::span<const Operand> in, const Sequence& sequence, LstmCell& c) {
  const auto last = [&](int i) { return in[i].shape[in[i].shape.rank() - 1]; };
  c.inputs = last(c.x);
  c.aux_inputs = c.aux >= 0 ? last(c.aux) : 0;
  const Shape& weights = in[c.input[kOutputGate]].shape;
  const Shape& recurrent = in[c.recurrent[kOutputGate]].shape;
  if (weights.rank() != 2 || recurrent.rank() != 2) {
    return InvalidModel("weights '{}' and '{}' have shapes {} and {}, expected rank 2",
                        in[c.input[kOutputGate]].name, in[c.recurrent[kOutputGate]].name,
                        weights.ToString(), recurrent.ToString());
  }
  c.cells = weights[0], c.outputs = recurrent[1];
  if (c.projection < 0 && c.outputs != c.cells) {
    return InvalidModel("weights '{}' have shape {}, expected {}x{} without a projection",
                        in[c.recurrent[kOutputGate]].name, recurrent.ToString(), c.cells, c.cells);
  }
  const auto batch = static_cast<int32_t>(sequence.batch);
  for (int g = 0; g < kGates; ++g) {
    HEDDLE_TRY(ExpectShape(in, c.input[g], {c.cells, c.inputs}));
    HEDDLE_TRY(ExpectShape(in, c.recurrent[g], {c.cells, c.outputs}));
    HEDDLE_TRY(ExpectShape(in, c.aux_weights[g], {c.cells, c.aux_inputs}));
    for (const int i : {c.peephole[g], c.bias[g], c.norm[g]})
      HEDDLE_TRY(ExpectShape(in, i, {c.cells}));
  }
  HEDDLE_TRY(ExpectShape(in, c.projection, {c.outputs, c.cells}));
  HEDDLE_TRY(ExpectShape(in, c.projection_bias, {c.outputs}));
  HEDDLE_TRY(ExpectShape(in, c.state, {batch, c.outputs}));
  return ExpectShape(in, c.cell_state, {batch, c.cells});
}

class Lstm final : public Operation {
 public:
  Lstm(Kind kind, const RecurrentOptions& options, std::vector<LstmCell> cells, RowMath math,
       std::optional<IntegerLstm> integer)
      : kind_(kind),
        options_(options),
        cells_(std::move(cells)),
        math_(math),
        integer_(std::move(integer)) {}

  uint64_t WrittenInputs() const override {
    uint64_t bits = 0;
    for (const LstmCell& c : cells_) bits |= uint64_t{3} << c.state;
    return bits;
  }
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const LstmRun run, RunOf(inputs));
    for (const LstmCell& c : run.directions) {
      outputs[c.output] = inputs[0].shape;
      outputs[c.output][inputs[0].shape.rank() - 1] = c.output_width;
    }
    for (const Shape& shape : outputs) {
      int64_t elements = 0;
      if (!shape.CheckedElements(&elements))
        return ResourceExhausted("output of shape {} is too large", shape.ToString());
    }
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    HEDDLE_ASSIGN(LstmRun run, RunOf(inputs));
    for (const LstmCell& c : run.directions) {
      const int64_t width = int64_t{c.inputs} + c.aux_inputs + c.outputs;
      step.macs += run.sequence.batch * run.sequence.time * c.cells * width * 4;
    }
    if (integer_) {
      IntegerLstm lstm = *integer_;
      lstm.run = std::move(run);
      LowerIntegerLstm(std::move(lstm), step);
    } else {
      LowerFloatLstm(run, math_, inputs, step);
    }
    return Status();
  }

 private:
  Result<LstmRun> RunOf(std::span<const Operand> inputs) const {
    LstmRun run{cells_, {}, options_.cell_clip, options_.proj_clip};
    HEDDLE_ASSIGN(run.sequence,
                  SequenceOf(inputs, kind_ == Kind::kStep ? 2 : 3, options_.time_major));
    for (LstmCell& c : run.directions) {
      for (const int i : {c.x, c.aux}) HEDDLE_TRY(ExpectBesideInput(inputs, i));
      HEDDLE_TRY(SizeCell(inputs, run.sequence, c));
      c.output_width = c.outputs;
    }
    if (run.directions.size() == 2 && options_.merge_outputs) {
      LstmCell &forward = run.directions[0], &backward = run.directions[1];
      forward.output_width = backward.output_width = forward.outputs + backward.outputs;
      backward.output_at = forward.outputs;
    }
    return run;
  }

  Kind kind_;
  RecurrentOptions options_;
  std::vector<LstmCell> cells_;
  RowMath math_;
  std::optional<IntegerLstm> integer_;
};

MadeOperation MakeLstmOf(const MakeArgs& args, Kind kind) {
  const bool both = kind == Kind::kBidirectional;
  const auto options = args.op.OptionsOr<RecurrentOptions>();
  const size_t outputs = both && !options.merge_outputs ? 2 : 1;
  const size_t least = both ? 39 : 20, most = both ? 48 : 24;
  if (args.inputs.size() < least || args.inputs.size() > most) {
    return InvalidModel("{} inputs, expected {} to {}", args.inputs.size(), least, most);
  }
  if (args.outputs.size() != outputs) {
    return InvalidModel("{} outputs, expected {}", args.outputs.size(), outputs);
  }
  if (options.diagonal) return Unsupported("diagonal recurrent weights");
  HEDDLE_TRY(CheckActivation(options.activation));
  HEDDLE_TRY(ExpectPresent(args.inputs, 0, "input"));
  std::vector<LstmCell> cells = CellsOf(args, kind, options.merge_outputs);
  HEDDLE_TRY(ExpectGate(cells[0].input[kForgetGate], kForgetGate, "input weights"));
  HEDDLE_ASSIGN(const WeightsKind weights,
                KindOfWeights(args.inputs[0], args.inputs[cells[0].input[kForgetGate]]));
  for (const LstmCell& c : cells) HEDDLE_TRY(CheckCell(args, c, weights));
  for (const Operand& output : args.outputs) {
    if (output.type != args.inputs[0].type) {
      return InvalidModel("output '{}' is {}, expected {} (input)", output.name,
                          TypeName(output.type), TypeName(args.inputs[0].type));
    }
  }
  std::optional<IntegerLstm> integer;
  if (weights == WeightsKind::kInteger) {
    if (both) return Unsupported("input '{}' is int8, expected float32", args.inputs[0].name);
    HEDDLE_ASSIGN(integer, MakeIntegerLstm(args, cells[0], options));
  }
  const RowMath math(args, weights, options.asymmetric_inputs, options.activation);
  return std::unique_ptr<Operation>(
      std::make_unique<Lstm>(kind, options, std::move(cells), math, std::move(integer)));
}

}  // namespace

MadeOperation MakeLstm(const MakeArgs& args) {
  if (args.op.OptionsOr<RecurrentOptions>().basic_cell) return MakeBasicLstm(args);
  return MakeLstmOf(args, Kind::kStep);
}

MadeOperation MakeUnidirectionalSequenceLstm(const MakeArgs& args) {
  return MakeLstmOf(args, Kind::kSequence);
}

MadeOperation MakeBidirectionalSequenceLstm(const MakeArgs& args) {
  return MakeLstmOf(args, Kind::kBidirectional);
}

}  // namespace heddle::core
