// SPDX-License-Identifier: Apache-2.0
// The LSTM cell in float32, with float32 or (hybrid) int8 weights.
#include <cmath>

#include "kernels/recurrent/lstm.h"

namespace heddle::core {
namespace {

// The matrices of one cell with what the shapes say of them.
struct Matrices {
  std::array<Matrix, kGates> input{}, recurrent{}, aux{};
  Matrix projection;
  std::array<float, kGates> peephole_scale{};  // of int8 peephole weights
};

struct FloatLstm {
  LstmRun run;
  RowMath math;
  std::vector<Matrices> matrices;  // of each direction
  size_t floats = 0, bytes = 0;    // of scratch
};

Matrix MatrixAt(std::span<const Operand> inputs, int i, int32_t rows) {
  return {i, rows, i < 0 ? 0.0f : inputs[i].quant->Scale()};
}

// Scratch of one tile: the gates, then the row that a projection reads; int8 rows behind.
struct Room {
  std::array<float*, kGates> gate{};
  float* hidden = nullptr;
  int8_t *x = nullptr, *aux = nullptr, *state = nullptr, *u = nullptr;
};
Room Divide(const FloatLstm& p, const LstmCell& c, std::byte* scratch) {
  Room room;
  auto* next = reinterpret_cast<float*>(scratch);
  for (float*& gate : room.gate) gate = next, next += c.cells;
  room.hidden = next;
  auto* bytes = reinterpret_cast<int8_t*>(scratch + p.floats * sizeof(float));
  room.x = bytes;
  room.aux = room.x + c.inputs;
  room.state = room.aux + c.aux_inputs;
  room.u = room.state + c.outputs;
  return room;
}

// One cell of one batch item.
class CellRun {
 public:
  CellRun(const FloatLstm& p, const TileArgs& args, int direction, int64_t item)
      : p_(p),
        c_(p.run.directions[direction]),
        m_(p.matrices[direction]),
        args_(args),
        room_(Divide(p, c_, args.scratch)),
        item_(item),
        state_(StateRow<float>(args, c_.state, item, c_.outputs)),
        cell_(StateRow<float>(args, c_.cell_state, item, c_.cells)) {}

  void Run() {
    const int64_t time = p_.run.sequence.time;
    for (int64_t i = 0; i < time; ++i) {
      const int64_t at = p_.run.sequence.At(item_, c_.backward ? time - 1 - i : i);
      Gates(at);
      Update();
      Hidden();
      auto* out = static_cast<float*>(args_.outputs[c_.output]);
      std::copy_n(state_, c_.outputs, out + at * c_.output_width + c_.output_at);
    }
  }

 private:
  const float* Floats(int operand) const {
    return static_cast<const float*>(args_.inputs[operand]);
  }
  void Gates(int64_t at) {
    const RowMath& math = p_.math;
    const Row x = math.Make(Floats(c_.x) + at * c_.inputs, c_.inputs, room_.x);
    Row aux;
    if (c_.aux >= 0) {
      aux = math.Make(Floats(c_.aux) + at * c_.aux_inputs, c_.aux_inputs, room_.aux);
    }
    const Row h = math.Make(state_, c_.outputs, room_.state);
    for (int g = c_.coupled() ? kForgetGate : kInputGate; g < kGates; ++g) {
      float* pre = room_.gate[g];
      if (c_.norm[g] >= 0) {
        std::fill_n(pre, c_.cells, 0.0f);
      } else {
        std::copy_n(Floats(c_.bias[g]), c_.cells, pre);
      }
      math.AddProduct(m_.input[g], args_, x, pre);
      math.AddProduct(m_.aux[g], args_, aux, pre);
      math.AddProduct(m_.recurrent[g], args_, h, pre);
      if (g != kOutputGate) Finish(g);  // the output gate waits for the new cell state
    }
  }
  void Finish(int g) {
    float* pre = room_.gate[g];
    AddPeephole(g, pre);
    if (c_.norm[g] >= 0) Normalise(g, pre);
    if (g == kCellGate) {
      p_.math.Activate(pre, c_.cells);
    } else {
      p_.math.Sigmoid(pre, c_.cells);
    }
  }
  void AddPeephole(int g, float* pre) const {
    if (c_.peephole[g] < 0) return;
    if (!p_.math.hybrid) {
      const float* w = Floats(c_.peephole[g]);
      for (int32_t i = 0; i < c_.cells; ++i) pre[i] += w[i] * cell_[i];
      return;
    }
    const auto* w = static_cast<const int8_t*>(args_.inputs[c_.peephole[g]]);
    const float scale = m_.peephole_scale[g];
    for (int32_t i = 0; i < c_.cells; ++i) pre[i] += static_cast<float>(w[i]) * scale * cell_[i];
  }
  void Normalise(int g, float* v) const {
    const auto n = static_cast<float>(c_.cells);
    float sum = 0, squares = 0;
    for (int32_t i = 0; i < c_.cells; ++i) sum += v[i];
    const float mean = sum / n;
    for (int32_t i = 0; i < c_.cells; ++i) squares += (v[i] - mean) * (v[i] - mean);
    const float inverse = 1.0f / std::sqrt(squares / n + 1e-8f);
    const float *scale = Floats(c_.norm[g]), *bias = Floats(c_.bias[g]);
    for (int32_t i = 0; i < c_.cells; ++i) v[i] = (v[i] - mean) * inverse * scale[i] + bias[i];
  }
  void Update() {
    const float *f = room_.gate[kForgetGate], *g = room_.gate[kCellGate];
    float* input = room_.gate[kInputGate];
    if (c_.coupled())
      for (int32_t i = 0; i < c_.cells; ++i) input[i] = 1.0f - f[i];
    for (int32_t i = 0; i < c_.cells; ++i) cell_[i] = f[i] * cell_[i] + g[i] * input[i];
    Clip(cell_, c_.cells, p_.run.cell_clip);
  }
  void Hidden() {
    Finish(kOutputGate);
    float* u = room_.hidden;
    std::copy_n(cell_, c_.cells, u);
    p_.math.Activate(u, c_.cells);
    for (int32_t i = 0; i < c_.cells; ++i) u[i] *= room_.gate[kOutputGate][i];
    if (c_.projection < 0) {
      std::copy_n(u, c_.cells, state_);
      return;
    }
    const Row row = p_.math.Make(u, c_.cells, room_.u);
    if (c_.projection_bias >= 0) {
      std::copy_n(Floats(c_.projection_bias), c_.outputs, state_);
    } else {
      std::fill_n(state_, c_.outputs, 0.0f);
    }
    p_.math.AddProduct(m_.projection, args_, row, state_);
    Clip(state_, c_.outputs, p_.run.projection_clip);
  }

  const FloatLstm& p_;
  const LstmCell& c_;
  const Matrices& m_;
  const TileArgs& args_;
  Room room_;
  int64_t item_;
  float *state_, *cell_;
};

// A tile is a batch item in one direction.
TileCode FloatLstmTile(const FloatLstm& p, const TileArgs& args, TileRange tiles) {
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
    const int64_t batch = p.run.sequence.batch;
    CellRun(p, args, static_cast<int>(tile / batch), tile % batch).Run();
  }
  return TileCode::kOk;
}

}  // namespace

void LowerFloatLstm(const LstmRun& run, const RowMath& math, std::span<const Operand> inputs,
                    Step& step) {
  FloatLstm p{run, math, {}, 0, 0};
  for (const LstmCell& c : run.directions) {
    Matrices m;
    for (int g = 0; g < kGates; ++g) {
      m.input[g] = MatrixAt(inputs, c.input[g], c.cells);
      m.recurrent[g] = MatrixAt(inputs, c.recurrent[g], c.cells);
      m.aux[g] = MatrixAt(inputs, c.aux >= 0 ? c.aux_weights[g] : -1, c.cells);
      if (c.peephole[g] >= 0) m.peephole_scale[g] = inputs[c.peephole[g]].quant->Scale();
    }
    m.projection = MatrixAt(inputs, c.projection, c.outputs);
    p.matrices.push_back(m);
    p.floats = std::max<size_t>(p.floats, size_t{5} * c.cells);
    p.bytes = std::max<size_t>(p.bytes, size_t{0} + c.inputs + c.aux_inputs + c.outputs + c.cells);
  }
  step.scratch_bytes = p.floats * sizeof(float) + p.bytes;
  step.kernel = math.hybrid ? "lstm_hybrid" : "lstm_f32";
  const int64_t tiles = run.tiles();
  const float ns =
      0.5f * static_cast<float>(step.macs) / static_cast<float>(std::max<int64_t>(1, tiles));
  SetTiled<&FloatLstmTile>(step, std::move(p), tiles, ns);
}

}  // namespace heddle::core
