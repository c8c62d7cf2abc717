// SPDX-License-Identifier: Apache-2.0
// LSTM with kernel_type BASIC: one matrix for all gates over the joined input and last output. Its
// outputs 2 and 3, the joined rows and the gates before their activation, are LiteRT's scratch.
#include <algorithm>
#include <cmath>

#include "kernels/recurrent/fixed16.h"
#include "kernels/recurrent/lstm.h"

namespace heddle::core {
namespace {

enum Input { kX, kLastOutput, kWeights, kBias, kLastState, kInputs };
enum Output { kActivation, kState, kJoined, kPre, kOutputs };
enum Part { kIn, kNew, kForget, kOut };  // the order of the gates

struct Basic {
  bool bytes = false;  // uint8 rows and an int16 state
  RowMath math;
  int64_t batch = 0;
  int32_t inputs = 0, cells = 0;
  int32_t weights_zero = 0;
  Multiplier scale;    // of a sum to Q3.12
  bool keeps = false;  // the last output and state are variables

  int64_t width() const { return int64_t{inputs} + cells; }
};

template <class T>
struct Rows {  // of a batch item
  const T *x, *last;
  T *joined, *out;
};
template <class T>
Rows<T> RowsOf(const Basic& p, const TileArgs& args, int64_t item) {
  const auto in = [&](int i) { return static_cast<const T*>(args.inputs[i]); };
  const auto out = [&](int i) { return static_cast<T*>(args.outputs[i]); };
  Rows<T> rows{in(kX) + item * p.inputs, in(kLastOutput) + item * p.cells,
               out(kJoined) + item * p.width(), out(kActivation) + item * p.cells};
  std::copy_n(rows.x, p.inputs, rows.joined);
  std::copy_n(rows.last, p.cells, rows.joined + p.inputs);
  return rows;
}

void FloatItem(const Basic& p, const TileArgs& args, int64_t item) {
  const Rows<float> rows = RowsOf<float>(p, args, item);
  const auto in = [&](int i) { return static_cast<const float*>(args.inputs[i]); };
  const int32_t n = p.cells;
  float* pre = static_cast<float*>(args.outputs[kPre]) + item * n * 4;
  float* state = static_cast<float*>(args.outputs[kState]) + item * n;
  std::copy_n(in(kBias), n * 4, pre);
  const Row joined{rows.joined, nullptr, {}, static_cast<int32_t>(p.width())};
  p.math.AddProduct({kWeights, n * 4, 0}, args, joined, pre);
  auto* gate = reinterpret_cast<float*>(args.scratch);
  std::copy_n(pre, n * 4, gate);
  p.math.Sigmoid(gate + kIn * n, n);
  p.math.Activate(gate + kNew * n, n);
  p.math.Sigmoid(gate + kForget * n, 2 * n);
  const float* last = in(kLastState) + item * n;
  for (int32_t i = 0; i < n; ++i)
    state[i] = gate[kIn * n + i] * gate[kNew * n + i] + gate[kForget * n + i] * last[i];
  std::copy_n(state, n, rows.out);
  p.math.Activate(rows.out, n);
  for (int32_t i = 0; i < n; ++i) rows.out[i] *= gate[kOut * n + i];
}

void ByteItem(const Basic& p, const TileArgs& args, int64_t item) {
  constexpr int kStateBits = 4;  // before the point
  const Rows<uint8_t> rows = RowsOf<uint8_t>(p, args, item);
  const int32_t n = p.cells;
  auto* pre = static_cast<int16_t*>(args.outputs[kPre]) + item * n * 4;
  auto* state = static_cast<int16_t*>(args.outputs[kState]) + item * n;
  const auto* last = static_cast<const int16_t*>(args.inputs[kLastState]) + item * n;
  const auto* w = static_cast<const uint8_t*>(args.inputs[kWeights]);
  for (int64_t g = 0; g < int64_t{n} * 4; ++g, w += p.width()) {
    uint32_t sum = static_cast<const int32_t*>(args.inputs[kBias])[g];
    for (int64_t i = 0; i < p.width(); ++i)
      sum += static_cast<uint32_t>((rows.joined[i] - 128) * (w[i] - p.weights_zero));
    const int32_t v = MbqmUp(static_cast<int32_t>(sum), p.scale);
    pre[g] = static_cast<int16_t>(std::clamp<int32_t>(v, -32768, 32767));
  }
  for (int32_t i = 0; i < n; ++i) {
    const int16_t in = Fixed16::Logistic(pre[kIn * n + i], 3);
    const int16_t fresh = Fixed16::Tanh(pre[kNew * n + i], 3);
    const int16_t forget = Fixed16::Logistic(pre[kForget * n + i], 3);
    const int16_t out = Fixed16::Logistic(pre[kOut * n + i], 3);
    const int32_t added = Fixed16::ShiftRight(Fixed16::Product(in, fresh), kStateBits);
    const int32_t sum = added + Fixed16::Product(forget, last[i]);
    state[i] = static_cast<int16_t>(std::clamp<int32_t>(sum, -32768, 32767));
    const int16_t y = Fixed16::Product(out, Fixed16::Tanh(state[i], kStateBits));
    rows.out[i] =
        static_cast<uint8_t>(128 + std::clamp<int32_t>(Fixed16::ShiftRight(y, 8), -128, 127));
  }
}

// A tile is a batch item.
TileCode BasicTile(const Basic& p, const TileArgs& args, TileRange tiles) {
  for (int64_t item = tiles.begin; item < tiles.end; ++item) {
    if (p.bytes) {
      ByteItem(p, args, item);
    } else {
      FloatItem(p, args, item);
    }
    if (!p.keeps) continue;
    const auto keep = [&](int output, int input, int64_t element) {
      const int64_t row = p.cells * element;
      std::copy_n(static_cast<const std::byte*>(args.outputs[output]) + item * row, row,
                  StateRow<std::byte>(args, input, item, row));
    };
    keep(kActivation, kLastOutput, p.bytes ? 1 : 4);
    keep(kState, kLastState, p.bytes ? 2 : 4);
  }
  return TileCode::kOk;
}

class BasicLstm final : public Operation {
 public:
  explicit BasicLstm(Basic basic) : basic_(std::move(basic)) {}

  uint64_t WrittenInputs() const override {
    return basic_.keeps ? uint64_t{1} << kLastOutput | uint64_t{1} << kLastState : 0;
  }
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Basic p, Sized(inputs));
    const auto batch = static_cast<int32_t>(p.batch);
    outputs[kActivation] = outputs[kState] = {batch, p.cells};
    outputs[kJoined] = {batch, static_cast<int32_t>(p.width())};
    outputs[kPre] = {batch, p.cells * 4};
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    HEDDLE_ASSIGN(Basic p, Sized(inputs));
    step.macs = p.batch * p.cells * 4 * p.width();
    step.scratch_bytes = p.bytes ? 0 : size_t{4} * p.cells * sizeof(float);
    step.kernel = p.bytes ? "lstm_basic_uint8" : "lstm_basic_f32";
    const int64_t tiles = p.batch;
    const auto tile_ns = static_cast<float>(4 * p.cells * p.width());
    SetTiled<&BasicTile>(step, std::move(p), tiles, tile_ns);
    return Status();
  }

 private:
  Result<Basic> Sized(std::span<const Operand> in) const {
    Basic p = basic_;
    for (int i = 0; i < kInputs; ++i) {
      HEDDLE_TRY(CheckSizes(in, i));
      const int rank = i == kBias ? 1 : 2;
      if (in[i].shape.rank() != rank)
        return InvalidModel("input {} '{}' has shape {}, expected rank {}", i, in[i].name,
                            in[i].shape.ToString(), rank);
    }
    const int32_t batch = in[kX].shape[0], cells = in[kLastOutput].shape[1];
    const int64_t width = int64_t{in[kX].shape[1]} + cells;
    if (cells > (1 << 28) || width > (1 << 30)) {
      return InvalidModel("'{}' has shape {}, which is too large", in[kLastOutput].name,
                          in[kLastOutput].shape.ToString());
    }
    p.batch = batch, p.inputs = in[kX].shape[1], p.cells = cells;
    HEDDLE_TRY(ExpectShape(in, kLastOutput, {batch, cells}));
    HEDDLE_TRY(ExpectShape(in, kWeights, {cells * 4, static_cast<int32_t>(width)}));
    HEDDLE_TRY(ExpectShape(in, kBias, {cells * 4}));
    HEDDLE_TRY(ExpectShape(in, kLastState, {batch, cells}));
    return p;
  }

  Basic basic_;
};

Status CheckTypes(const MakeArgs& args, bool bytes) {
  const Type row = bytes ? Type::kUInt8 : Type::kFloat32;
  const Type wide = bytes ? Type::kInt16 : Type::kFloat32;
  for (const int i : {kX, kLastOutput, kWeights}) HEDDLE_TRY(ExpectType(args.inputs, i, row));
  HEDDLE_TRY(ExpectType(args.inputs, kBias, bytes ? Type::kInt32 : Type::kFloat32));
  HEDDLE_TRY(ExpectType(args.inputs, kLastState, wide));
  for (int i = 0; i < kOutputs; ++i) {
    const Type expected = i == kActivation || i == kJoined ? row : wide;
    if (args.outputs[i].type == expected) continue;
    return InvalidModel("output {} '{}' is {}, expected {}", i, args.outputs[i].name,
                        TypeName(args.outputs[i].type), TypeName(expected));
  }
  return Status();
}

}  // namespace

MadeOperation MakeBasicLstm(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, kInputs, kInputs, kOutputs));
  Basic p;
  p.bytes = args.inputs[kX].type == Type::kUInt8;
  HEDDLE_TRY(CheckTypes(args, p.bytes));
  p.math = RowMath(args, WeightsKind::kFloat, false, Activation::kTanh);
  if (args.op.OptionsOr<RecurrentOptions>().activation != Activation::kTanh) {
    return Unsupported("fused activation other than tanh");
  }
  if (p.bytes) {
    if (args.inputs[kLastState].quant->Scale() != 0x1p-11f) {
      return InvalidModel("state '{}' has scale {}, expected {}", args.inputs[kLastState].name,
                          args.inputs[kLastState].quant->Scale(), 0x1p-11f);
    }
    p.weights_zero = args.inputs[kWeights].quant->ZeroPoint();
    p.scale = MakeMultiplier(4096.0 * static_cast<double>(args.inputs[kBias].quant->Scale()));
  }
  const std::span<const Tensor> tensors = TensorsAround(args);
  const auto variable = [&](Input i) {
    const int32_t t = args.op.inputs[i];
    return t >= 0 && t < static_cast<int32_t>(tensors.size()) && tensors[t].variable;
  };
  p.keeps = variable(kLastOutput) && variable(kLastState);
  return std::unique_ptr<Operation>(std::make_unique<BasicLstm>(std::move(p)));
}

}  // namespace heddle::core
