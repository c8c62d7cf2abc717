// SPDX-License-Identifier: Apache-2.0
// The LSTM cell with int8 rows and weights and an int16 cell state, as LiteRT computes it.
#include <cmath>

#include "kernels/elementwise/inverse_sqrt.h"
#include "kernels/gemm/dot.h"
#include "kernels/recurrent/fixed16.h"
#include "kernels/recurrent/lstm.h"

namespace heddle::core {
namespace {

int16_t Saturate16(int64_t v) {
  return static_cast<int16_t>(std::clamp<int64_t>(v, -32768, 32767));
}
int8_t Saturate8(int64_t v) { return static_cast<int8_t>(std::clamp<int64_t>(v, -128, 127)); }

// One batch item.
class IntegerCell {
 public:
  IntegerCell(const IntegerLstm& p, const TileArgs& args, int64_t item)
      : p_(p),
        c_(p.run.directions[0]),
        args_(args),
        item_(item),
        state_(StateRow<int8_t>(args, c_.state, item, c_.outputs)),
        cell_(StateRow<int16_t>(args, c_.cell_state, item, c_.cells)) {
    auto* next = reinterpret_cast<int16_t*>(args.scratch);
    for (int16_t*& gate : gate_) gate = next, next += c_.cells;
    hidden_ = reinterpret_cast<int8_t*>(next);
  }

  void Run() {
    const Sequence& s = p_.run.sequence;
    auto* out = static_cast<int8_t*>(args_.outputs[0]);
    for (int64_t t = 0; t < s.time; ++t) {
      const int64_t at = s.At(item_, t);
      const auto* x = static_cast<const int8_t*>(args_.inputs[c_.x]) + at * c_.inputs;
      for (int g = c_.coupled() ? kForgetGate : kInputGate; g < kGates; ++g) {
        if (g == kOutputGate) Update();  // its peephole reads the new cell state
        RunGate(g, x);
      }
      Hidden();
      std::copy_n(state_, c_.outputs, out + at * c_.outputs);
    }
  }

 private:
  template <class T>
  const T* At(int operand) const {
    return static_cast<const T*>(args_.inputs[operand]);
  }
  void RunGate(int g, const int8_t* x) {
    int16_t* v = gate_[g];
    const IntegerLstm::OfGate& k = p_.gates[g];
    const int8_t *w = At<int8_t>(c_.input[g]), *r = At<int8_t>(c_.recurrent[g]);
    const int32_t* bias = At<int32_t>(c_.bias[g]);
    const bool normal = c_.norm[g] >= 0;
    for (int32_t i = 0; i < c_.cells; ++i) {
      const uint32_t dot = Dot(w + int64_t{i} * c_.inputs, x, p_.input_zero, c_.inputs);
      const uint32_t start = normal ? 0 : bias[i];
      v[i] = Saturate16(Mbqm(static_cast<int32_t>(dot + start), k.input));
    }
    for (int32_t i = 0; i < c_.cells; ++i) {
      const int32_t dot = Dot(r + int64_t{i} * c_.outputs, state_, p_.output_zero, c_.outputs);
      v[i] = Saturate16(int64_t{v[i]} + Mbqm(dot, k.recurrent));
    }
    if (c_.peephole[g] >= 0) {
      const int16_t* peephole = At<int16_t>(c_.peephole[g]);
      for (int32_t i = 0; i < c_.cells; ++i)
        v[i] = Saturate16(int64_t{v[i]} + Mbqm(int32_t{peephole[i]} * cell_[i], k.peephole));
    }
    if (normal) Normalise(g, v);
    for (int32_t i = 0; i < c_.cells; ++i)
      v[i] = g == kCellGate ? Fixed16::Tanh(v[i], 3) : Fixed16::Logistic(v[i], 3);
  }
  void Normalise(int g, int16_t* v) const {
    const IntegerLstm::OfGate& k = p_.gates[g];
    const int64_t n = c_.cells;
    int64_t sum = 0, squares = 0;
    for (int32_t i = 0; i < n; ++i) {
      sum += v[i];
      squares += int64_t{v[i]} * v[i];
    }
    const int64_t mean = sum * 1024 / n;
    const int64_t spread = squares * ((1 << 20) / n) - mean * mean;
    int32_t variance = static_cast<int32_t>(spread / (1 << 20));
    if (variance < 1) variance = k.norm_variance_limit;
    const Multiplier inverse = InverseSqrt(variance);
    const int16_t* scale = At<int16_t>(c_.norm[g]);
    const int32_t* bias = At<int32_t>(c_.bias[g]);
    for (int32_t i = 0; i < n; ++i) {
      const int32_t r = Mbqm(static_cast<int32_t>(1024 * int64_t{v[i]} - mean), inverse);
      const int64_t y = int64_t{r} * scale[i] + bias[i];
      const auto q = static_cast<int32_t>((y > 0 ? y + 512 : y - 512) / 1024);
      v[i] = Saturate16(Mbqm(q, {k.norm.m, k.norm.e + 12}));
    }
  }
  void Update() {
    const int16_t *f = gate_[kForgetGate], *g = gate_[kCellGate];
    int16_t* input = gate_[kInputGate];
    if (c_.coupled())
      for (int32_t i = 0; i < c_.cells; ++i) input[i] = static_cast<int16_t>(32767 - f[i]);
    for (int32_t i = 0; i < c_.cells; ++i) {
      const int64_t kept = RoundingShift(int32_t{f[i]} * cell_[i], 15);
      const int64_t added = RoundingShift(int32_t{input[i]} * g[i], 30 + p_.cell_shift);
      cell_[i] = Saturate16(kept + added);
      if (p_.cell_clip > 0)
        cell_[i] = static_cast<int16_t>(std::clamp<int32_t>(cell_[i], -p_.cell_clip, p_.cell_clip));
    }
  }
  void Hidden() {
    const int16_t* o = gate_[kOutputGate];
    const bool projected = c_.projection >= 0;
    int8_t* to = projected ? hidden_ : state_;
    const int32_t zero = projected ? -p_.hidden_zero : p_.hidden_zero;
    for (int32_t i = 0; i < c_.cells; ++i) {
      const int16_t t = Fixed16::Tanh(cell_[i], 15 + p_.cell_shift);
      to[i] = Saturate8(int64_t{Mbqm(int32_t{o[i]} * t, p_.hidden)} + zero);
    }
    if (!projected) return;
    const auto* w = At<int8_t>(c_.projection);
    const int32_t* bias = c_.projection_bias < 0 ? nullptr : At<int32_t>(c_.projection_bias);
    for (int32_t i = 0; i < c_.outputs; ++i) {
      const uint32_t dot = Dot(w + int64_t{i} * c_.cells, hidden_, -p_.hidden_zero, c_.cells);
      const uint32_t start = bias == nullptr ? 0 : bias[i];
      const int64_t h = int64_t{Mbqm(static_cast<int32_t>(dot + start), p_.projection)};
      state_[i] = Saturate8(h + p_.output_zero);
      if (p_.projection_clip > 0)
        state_[i] = static_cast<int8_t>(
            std::clamp<int32_t>(state_[i], -p_.projection_clip, p_.projection_clip));
    }
  }

  const IntegerLstm& p_;
  const LstmCell& c_;
  const TileArgs& args_;
  int64_t item_;
  int8_t* state_;
  int16_t* cell_;
  std::array<int16_t*, kGates> gate_{};
  int8_t* hidden_ = nullptr;
};

TileCode IntegerLstmTile(const IntegerLstm& p, const TileArgs& args, TileRange tiles) {
  for (int64_t item = tiles.begin; item < tiles.end; ++item) IntegerCell(p, args, item).Run();
  return TileCode::kOk;
}

Status CheckScale(const Quantization& q, std::string_view name) {
  if (q.scale.size() == 1 && q.scale[0] > 0 && std::isfinite(q.scale[0])) return Status();
  return InvalidModel("'{}' has {} scales, expected 1 that is positive", name, q.scale.size());
}

// The quantisation of the tensors between the products, which only the operator names.
Result<std::array<const Quantization*, kGates + 1>> Intermediates(const MakeArgs& args,
                                                                  bool normal) {
  const std::span<const Tensor> tensors = TensorsAround(args);
  const std::vector<int32_t>& numbers = args.op.intermediates;
  if (numbers.size() == 12) return Unsupported("12 intermediate tensors (8-bit gates), expected 5");
  if (numbers.size() != kGates + 1) {
    return InvalidModel("{} intermediate tensors, expected {}", numbers.size(), kGates + 1);
  }
  std::array<const Quantization*, kGates + 1> to{};
  for (int i = 0; i <= kGates; ++i) {
    const int32_t t = numbers[i];
    if (t < 0 || t >= static_cast<int32_t>(tensors.size())) continue;
    to[i] = &tensors[t].quant;
    if (i == kGates || (normal && to[i]->quantised()))
      HEDDLE_TRY(CheckScale(*to[i], tensors[t].name));
  }
  if (to[kGates] != nullptr) return to;
  return InvalidModel("the intermediate tensor of the hidden state is absent");
}

}  // namespace

Result<IntegerLstm> MakeIntegerLstm(const MakeArgs& args, const LstmCell& cell,
                                    const RecurrentOptions& options) {
  const std::span<const Operand> in = args.inputs;
  const bool normal = cell.norm[kForgetGate] >= 0;
  HEDDLE_ASSIGN(const auto between, Intermediates(args, normal));
  for (const int i : {cell.x, cell.state, cell.cell_state, cell.projection})
    if (i >= 0) HEDDLE_TRY(CheckScale(*in[i].quant, in[i].name));
  IntegerLstm p;
  const float x = in[cell.x].quant->Scale(), h = in[cell.state].quant->Scale();
  const float c = in[cell.cell_state].quant->Scale();
  int exponent = 0;
  if (std::frexp(c, &exponent) != 0.5f || exponent - 1 > -9 || exponent - 1 < -15) {
    return InvalidModel("cell state '{}' has scale {}, expected a power of two from 2^-15 to 2^-9",
                        in[cell.cell_state].name, c);
  }
  p.cell_shift = exponent - 1;
  for (int g = cell.coupled() ? kForgetGate : kInputGate; g < kGates; ++g) {
    for (const int i : {cell.input[g], cell.recurrent[g], cell.peephole[g], cell.norm[g]})
      if (i >= 0) HEDDLE_TRY(CheckScale(*in[i].quant, in[i].name));
    if (normal && (between[g] == nullptr || !between[g]->quantised()))
      return InvalidModel("intermediate tensor {} has no scale", g);
    const float to = normal ? between[g]->Scale() : 0x1p-12f;
    const auto scale = [&](int i) { return in[i].quant->Scale(); };
    IntegerLstm::OfGate& k = p.gates[g];
    k.input = MakeMultiplier(scale(cell.input[g]) * x / to);
    k.recurrent = MakeMultiplier(scale(cell.recurrent[g]) * h / to);
    if (cell.peephole[g] >= 0) k.peephole = MakeMultiplier(c * scale(cell.peephole[g]) / to);
    if (!normal) continue;
    k.norm = MakeMultiplier(scale(cell.norm[g]));
    k.norm_variance_limit =
        std::max(1, static_cast<int32_t>(std::min(10000.0f * scale(cell.norm[g]), 1e9f)));
  }
  const Quantization& hidden = *between[kGates];
  p.hidden = MakeMultiplier(0x1p-15f / hidden.Scale() * 0x1p-15f);
  p.hidden_zero = hidden.ZeroPoint();
  p.input_zero = in[cell.x].quant->ZeroPoint();
  p.output_zero = in[cell.state].quant->ZeroPoint();
  const auto limit = [](float clip, float scale, float most) {
    return clip > 0 ? static_cast<int32_t>(std::clamp(clip / scale, -most, most)) : 0;
  };
  p.cell_clip = limit(options.cell_clip, c, 32767.0f);
  p.projection_clip = limit(options.proj_clip, h, 127.0f);
  if (cell.projection >= 0)
    p.projection = MakeMultiplier(in[cell.projection].quant->Scale() * hidden.Scale() / h);
  return p;
}

void LowerIntegerLstm(IntegerLstm lstm, Step& step) {
  const size_t cells = lstm.run.directions[0].cells;
  step.scratch_bytes = cells * (kGates * sizeof(int16_t) + 1);
  step.kernel = "lstm_int8";
  const int64_t tiles = lstm.run.tiles();
  const float ns =
      0.3f * static_cast<float>(step.macs) / static_cast<float>(std::max<int64_t>(1, tiles));
  SetTiled<&IntegerLstmTile>(step, std::move(lstm), tiles, ns);
}

}  // namespace heddle::core
