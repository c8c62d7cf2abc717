// SPDX-License-Identifier: Apache-2.0
// RNN, UNIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_RNN: one cell over a sequence.
#include <vector>

#include "kernels/operators.h"
#include "kernels/recurrent/rows.h"

namespace heddle::core {
namespace {

enum class Kind : uint8_t { kStep, kSequence, kBidirectional };

struct RnnCell {
  int x = 0, aux = -1;
  int input = 1, recurrent = 2, bias = 3, state = 4, aux_weights = -1;
  bool backward = false;
  int output = 0;
  int32_t output_at = 0, output_width = 0;
  int32_t inputs = 0, aux_inputs = 0, units = 0;
  Matrix input_matrix, recurrent_matrix, aux_matrix;
};

struct Rnn {
  std::vector<RnnCell> directions;
  Sequence sequence;
  RowMath math;
  size_t floats = 0;  // of scratch, before the int8 rows
};

void RunItem(const Rnn& p, const TileArgs& args, const RnnCell& c, int64_t item) {
  auto* pre = reinterpret_cast<float*>(args.scratch);
  auto* x_room = reinterpret_cast<int8_t*>(args.scratch + p.floats * sizeof(float));
  int8_t *aux_room = x_room + c.inputs, *state_room = aux_room + c.aux_inputs;
  float* state = StateRow<float>(args, c.state, item, c.units);
  const auto floats = [&](int i) { return static_cast<const float*>(args.inputs[i]); };
  for (int64_t i = 0; i < p.sequence.time; ++i) {
    const int64_t at = p.sequence.At(item, c.backward ? p.sequence.time - 1 - i : i);
    std::copy_n(floats(c.bias), c.units, pre);
    const Row x = p.math.Make(floats(c.x) + at * c.inputs, c.inputs, x_room);
    p.math.AddProduct(c.input_matrix, args, x, pre);
    if (c.aux >= 0) {
      const Row aux = p.math.Make(floats(c.aux) + at * c.aux_inputs, c.aux_inputs, aux_room);
      p.math.AddProduct(c.aux_matrix, args, aux, pre);
    }
    const Row h = p.math.Make(state, c.units, state_room);
    p.math.AddProduct(c.recurrent_matrix, args, h, pre);
    p.math.Activate(pre, c.units);
    std::copy_n(pre, c.units, state);
    auto* out = static_cast<float*>(args.outputs[c.output]);
    std::copy_n(pre, c.units, out + at * c.output_width + c.output_at);
  }
}

// A tile is a batch item in one direction.
TileCode RnnTile(const Rnn& p, const TileArgs& args, TileRange tiles) {
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile)
    RunItem(p, args, p.directions[tile / p.sequence.batch], tile % p.sequence.batch);
  return TileCode::kOk;
}

Status SizeCell(std::span<const Operand> in, const Sequence& sequence, RnnCell& c) {
  const auto last = [&](int i) { return in[i].shape[in[i].shape.rank() - 1]; };
  const Shape& weights = in[c.input].shape;
  if (weights.rank() != 2) {
    return InvalidModel("weights '{}' have shape {}, expected rank 2", in[c.input].name,
                        weights.ToString());
  }
  c.inputs = last(c.x), c.units = c.output_width = weights[0];
  c.aux_inputs = c.aux >= 0 ? last(c.aux) : 0;
  HEDDLE_TRY(ExpectShape(in, c.input, {c.units, c.inputs}));
  HEDDLE_TRY(ExpectShape(in, c.recurrent, {c.units, c.units}));
  HEDDLE_TRY(ExpectShape(in, c.aux_weights, {c.units, c.aux_inputs}));
  HEDDLE_TRY(ExpectShape(in, c.bias, {c.units}));
  HEDDLE_TRY(ExpectShape(in, c.state, {static_cast<int32_t>(sequence.batch), c.units}));
  const auto matrix = [&](int i) {
    return Matrix{i, c.units, i < 0 ? 0.0f : in[i].quant->Scale()};
  };
  c.input_matrix = matrix(c.input);
  c.recurrent_matrix = matrix(c.recurrent);
  c.aux_matrix = matrix(c.aux_weights);
  return Status();
}

class RnnOperation final : public Operation {
 public:
  RnnOperation(Kind kind, const RecurrentOptions& options, std::vector<RnnCell> cells, RowMath math)
      : kind_(kind), options_(options), cells_(std::move(cells)), math_(math) {}

  uint64_t WrittenInputs() const override {
    uint64_t bits = 0;
    for (const RnnCell& c : cells_) bits |= uint64_t{1} << c.state;
    return bits;
  }
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Rnn p, Sized(inputs));
    for (const RnnCell& c : p.directions) {
      Shape& shape = outputs[c.output];
      shape = inputs[0].shape;
      shape[shape.rank() - 1] = c.output_width;
      int64_t elements = 0;
      if (!shape.CheckedElements(&elements))
        return ResourceExhausted("output of shape {} is too large", shape.ToString());
    }
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    HEDDLE_ASSIGN(Rnn p, Sized(inputs));
    size_t bytes = 0;
    for (const RnnCell& c : p.directions) {
      const int64_t width = int64_t{c.inputs} + c.aux_inputs + c.units;
      p.floats = std::max<size_t>(p.floats, c.units);
      bytes = std::max<size_t>(bytes, width);
      step.macs += p.sequence.batch * p.sequence.time * c.units * width;
    }
    step.scratch_bytes = p.floats * sizeof(float) + bytes;
    step.kernel = math_.hybrid ? "rnn_hybrid" : "rnn_f32";
    const int64_t tiles = p.sequence.batch * static_cast<int64_t>(p.directions.size());
    const float ns =
        0.5f * static_cast<float>(step.macs) / static_cast<float>(std::max<int64_t>(1, tiles));
    SetTiled<&RnnTile>(step, std::move(p), tiles, ns);
    return Status();
  }

 private:
  Result<Rnn> Sized(std::span<const Operand> inputs) const {
    Rnn p{cells_, {}, math_, 0};
    HEDDLE_ASSIGN(p.sequence,
                  SequenceOf(inputs, kind_ == Kind::kStep ? 2 : 3, options_.time_major));
    for (RnnCell& c : p.directions) {
      for (const int i : {c.x, c.aux}) HEDDLE_TRY(ExpectBesideInput(inputs, i));
      HEDDLE_TRY(SizeCell(inputs, p.sequence, c));
    }
    if (p.directions.size() == 2 && options_.merge_outputs) {
      RnnCell &forward = p.directions[0], &backward = p.directions[1];
      forward.output_width = backward.output_width = forward.units + backward.units;
      backward.output_at = forward.units;
    }
    return p;
  }

  Kind kind_;
  RecurrentOptions options_;
  std::vector<RnnCell> cells_;
  RowMath math_;
};

std::vector<RnnCell> CellsOf(const MakeArgs& args, Kind kind, bool merge) {
  if (kind != Kind::kBidirectional) return {RnnCell{}};
  RnnCell forward, backward;
  backward.input = 5, backward.recurrent = 6, backward.bias = 7, backward.state = 8;
  backward.backward = true;
  backward.output = merge ? 0 : 1;
  if (Present(args.inputs, 9) && Present(args.inputs, 10)) {
    forward.aux = backward.aux = 9;
    forward.aux_weights = 10, backward.aux_weights = 11;
  } else if (Present(args.inputs, 9)) {
    backward.x = 9;  // the directions read different rows
  }
  return {forward, backward};
}

Status CheckCell(const MakeArgs& args, const RnnCell& c) {
  const std::span<const Operand> in = args.inputs;
  const Type weights = in[1].type;
  HEDDLE_TRY(ExpectPresent(in, c.input, "weights"));
  HEDDLE_TRY(ExpectPresent(in, c.recurrent, "recurrent weights"));
  HEDDLE_TRY(ExpectPresent(in, c.bias, "bias"));
  HEDDLE_TRY(ExpectPresent(in, c.state, "hidden state"));
  if (c.aux >= 0) HEDDLE_TRY(ExpectPresent(in, c.aux_weights, "auxiliary weights"));
  for (const int i : {c.input, c.recurrent, c.aux_weights}) HEDDLE_TRY(ExpectType(in, i, weights));
  for (const int i : {c.x, c.aux, c.bias, c.state}) HEDDLE_TRY(ExpectType(in, i, Type::kFloat32));
  return Status();
}

MadeOperation MakeRnnOf(const MakeArgs& args, Kind kind) {
  const bool both = kind == Kind::kBidirectional;
  const auto options = args.op.OptionsOr<RecurrentOptions>();
  const size_t least = both ? 9 : 5, most = both ? 12 : 5;
  const size_t outputs = both && !options.merge_outputs ? 2 : 1;
  if (args.inputs.size() < least || args.inputs.size() > most) {
    return InvalidModel("{} inputs, expected {} to {}", args.inputs.size(), least, most);
  }
  if (args.outputs.size() != outputs) {
    return InvalidModel("{} outputs, expected {}", args.outputs.size(), outputs);
  }
  HEDDLE_TRY(CheckActivation(options.activation));
  HEDDLE_TRY(ExpectPresent(args.inputs, 0, "input"));
  HEDDLE_TRY(ExpectPresent(args.inputs, 1, "weights"));
  HEDDLE_ASSIGN(const WeightsKind weights, KindOfWeights(args.inputs[0], args.inputs[1]));
  if (weights == WeightsKind::kInteger) {
    return Unsupported("input '{}' is int8, expected float32", args.inputs[0].name);
  }
  std::vector<RnnCell> cells = CellsOf(args, kind, options.merge_outputs);
  for (const RnnCell& c : cells) HEDDLE_TRY(CheckCell(args, c));
  for (const Operand& output : args.outputs) {
    if (output.type != Type::kFloat32) {
      return InvalidModel("output '{}' is {}, expected float32", output.name,
                          TypeName(output.type));
    }
  }
  const RowMath math(args, weights, options.asymmetric_inputs, options.activation);
  return std::unique_ptr<Operation>(
      std::make_unique<RnnOperation>(kind, options, std::move(cells), math));
}

}  // namespace

MadeOperation MakeRnn(const MakeArgs& args) { return MakeRnnOf(args, Kind::kStep); }

MadeOperation MakeUnidirectionalSequenceRnn(const MakeArgs& args) {
  return MakeRnnOf(args, Kind::kSequence);
}

MadeOperation MakeBidirectionalSequenceRnn(const MakeArgs& args) {
  return MakeRnnOf(args, Kind::kBidirectional);
}

}  // namespace heddle::core
