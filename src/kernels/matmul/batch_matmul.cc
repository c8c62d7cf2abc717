// SPDX-License-Identifier: Apache-2.0
// BATCH_MATMUL: what is checked, the shapes, and the plan of the product.
#include <fmt/format.h>

#include "kernels/elementwise/check.h"
#include "kernels/matmul/plan.h"
#include "kernels/operators.h"
#include "kernels/part_filler.h"
#include "kernels/spent_inputs.h"

namespace heddle::core {
namespace {

struct Spec {
  MatMulForm form = MatMulForm::kFloat;
  BatchMatMulOptions options;
  bool fused = false;  // float sums
  bool xnn = false;    // hybrid and int8
  const GemmKernels* kernels = nullptr;
  Type output = Type::kFloat32;
  int32_t lhs_zero = 0, rhs_zero = 0;
  IntEpilogue epilogue;
  const Quantization* rhs_quant = nullptr;
};

Result<MatMulForm> FormOf(const Operand& lhs, const Operand& rhs, const Operand& output) {
  const auto is = [&](Type x, Type y, Type z) {
    return lhs.type == x && rhs.type == y && output.type == z;
  };
  using enum Type;
  if (is(kFloat32, kFloat32, kFloat32)) return MatMulForm::kFloat;
  if (is(kFloat16, kFloat16, kFloat16)) return MatMulForm::kHalf;
  if (is(kFloat32, kInt8, kFloat32)) return MatMulForm::kHybrid;
  if (is(kInt8, kInt8, kInt8) || is(kInt8, kInt8, kInt32)) return MatMulForm::kInt8;
  if (is(kInt16, kInt16, kInt16)) return MatMulForm::kInt16;
  if (is(kInt16, kInt8, kInt16)) return MatMulForm::kInt16By8;
  return Unsupported("'{}' is {}, '{}' {} and the output {}: no kernel for these types together",
                     lhs.name, TypeName(lhs.type), rhs.name, TypeName(rhs.type),
                     TypeName(output.type));
}

const GemmKernels* KernelsOf(MatMulForm form, Isa isa) {
  if (form == MatMulForm::kInt16 || form == MatMulForm::kInt16By8) return &kPlainInt16Gemm;
  const bool is_float = form == MatMulForm::kFloat || form == MatMulForm::kHalf;
  const GemmKernels* kernels = is_float ? FloatGemm(isa) : IntGemm(isa);
  if (kernels != nullptr) return kernels;
  return is_float ? &kPlainFloatGemm : &kPlainIntGemm;
}

void SetEpilogue(const MakeArgs& args, Spec& spec) {
  const float x = args.inputs[0].quant->Scale(), y = args.inputs[1].quant->Scale();
  const float out = args.outputs[0].quant->Scale();
  IntEpilogue& e = spec.epilogue;
  e.zero = args.outputs[0].quant->ZeroPoint();
  const IntRange range = RangeOf(spec.output);
  e.lo = range.lo, e.hi = range.hi;
  const float k = x * y / out;
  spec.xnn = spec.xnn && spec.rhs_zero == 0 && k < 256.0f;
  if (spec.form == MatMulForm::kInt8 && spec.xnn) {
    e.kind = IntEpilogue::Kind::kRequantFloat;
    e.k = {k};
    e.requant = {static_cast<float>(e.hi - e.zero), e.zero, e.lo, range.lo, range.hi};
    return;
  }
  e.kind = spec.form == MatMulForm::kInt8 ? IntEpilogue::Kind::kMbqm : IntEpilogue::Kind::kMbqm64;
  e.m = {MakeMultiplier(static_cast<double>(x * y) / static_cast<double>(out))};
}

Status CheckHybrid(const Operand& rhs) {
  if (!rhs.quant->quantised()) {
    return InvalidModel("'{}' is {} without a scale", rhs.name, TypeName(rhs.type));
  }
  for (const float s : rhs.quant->scale) {
    if (!std::isfinite(s)) {
      return InvalidModel("'{}' has scale {}, expected a finite number", rhs.name, s);
    }
  }
  return Status();
}

Result<Spec> Check(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  const Operand &lhs = args.inputs[0], &rhs = args.inputs[1], &output = args.outputs[0];
  Spec spec;
  HEDDLE_ASSIGN(spec.form, FormOf(lhs, rhs, output));
  spec.options = args.op.OptionsOr<BatchMatMulOptions>();
  spec.fused = args.numerics == Numerics::kFast;
  spec.kernels = KernelsOf(spec.form, args.isa);
  spec.output = output.type;
  spec.rhs_quant = rhs.quant;
  if (spec.form == MatMulForm::kHybrid) {
    HEDDLE_TRY(CheckHybrid(rhs));
    spec.xnn = args.numerics == Numerics::kFast && rhs.constant;
    return spec;
  }
  if (lhs.type == Type::kInt8 && output.type == Type::kInt32) return spec;  // stored values
  if (lhs.type != Type::kInt8 && lhs.type != Type::kInt16) return spec;
  HEDDLE_TRY(CheckQuantised({&lhs, &rhs, &output}));
  spec.lhs_zero = lhs.quant->ZeroPoint();
  spec.rhs_zero = rhs.quant->ZeroPoint();
  if (lhs.type == Type::kInt16 && spec.rhs_zero != 0) {
    return InvalidModel("'{}' has zero point {}, expected 0", rhs.name, spec.rhs_zero);
  }
  spec.xnn = XnnTakesAll(args);
  SetEpilogue(args, spec);
  return spec;
}

struct Sizes {
  int64_t m = 0, n = 0, k = 0;
  BatchMap batches;
  Shape output;
};

Status DoNotFit(const Operand& lhs, const Operand& rhs, std::string_view what) {
  return InvalidModel("'{}' has shape {}, '{}' {}: {}", lhs.name, lhs.shape.ToString(), rhs.name,
                      rhs.shape.ToString(), what);
}

// Batch axes, aligned at the end; a 1 takes the other's size.
Result<BatchMap> MapBatches(const Operand& lhs, const Operand& rhs) {
  const Shape &x = lhs.shape, &y = rhs.shape;
  BatchMap map;
  map.rank = std::max(x.rank(), y.rank()) - 2;
  map.lhs_count = x.Product(0, x.rank() - 2);
  map.rhs_count = y.Product(0, y.rank() - 2);
  int64_t lhs_stride = 1, rhs_stride = 1;
  for (int i = 1; i <= map.rank; ++i) {
    const int32_t a = i <= x.rank() - 2 ? x[x.rank() - 2 - i] : 1;
    const int32_t b = i <= y.rank() - 2 ? y[y.rank() - 2 - i] : 1;
    if (a != b && a != 1 && b != 1) return DoNotFit(lhs, rhs, "the batches do not broadcast");
    const int axis = map.rank - i;
    map.size[axis] = a == 1 ? b : a;
    map.lhs[axis] = a == 1 ? 0 : lhs_stride;
    map.rhs[axis] = b == 1 ? 0 : rhs_stride;
    lhs_stride *= a, rhs_stride *= b;
    map.count *= map.size[axis];
  }
  return map;
}

Result<Sizes> MakeSizes(const Spec& spec, std::span<const Operand> inputs) {
  const Operand &lhs = inputs[0], &rhs = inputs[1];
  const Shape &x = lhs.shape, &y = rhs.shape;
  for (const Operand* operand : {&lhs, &rhs}) {
    int64_t elements = 0;
    if (operand->shape.rank() < 2 || !operand->shape.CheckedElements(&elements)) {
      return InvalidModel("'{}' has shape {}, expected rank 2 or more", operand->name,
                          operand->shape.ToString());
    }
  }
  const auto size = [](const Shape& s, bool last) { return s[s.rank() - (last ? 1 : 2)]; };
  const bool adj_x = spec.options.adj_x, adj_y = spec.options.adj_y;
  Sizes s;
  s.m = size(x, adj_x), s.k = size(x, !adj_x), s.n = size(y, !adj_y);
  if (size(y, adj_y) != s.k) {
    return DoNotFit(lhs, rhs, fmt::format("{} columns by {} rows", s.k, size(y, adj_y)));
  }
  HEDDLE_ASSIGN(s.batches, MapBatches(lhs, rhs));
  for (int i = 0; i < s.batches.rank; ++i) s.output.Append(s.batches.size[i]);
  s.output.Append(static_cast<int32_t>(s.m));
  s.output.Append(static_cast<int32_t>(s.n));
  int64_t elements = 0, macs = 0;
  if (!s.output.CheckedElements(&elements) || __builtin_mul_overflow(elements, s.k, &macs)) {
    return ResourceExhausted("output of shape {} is too large", s.output.ToString());
  }
  const size_t scales = spec.rhs_quant->scale.size();
  if (spec.form == MatMulForm::kHybrid && scales > 1 && scales != static_cast<size_t>(s.n)) {
    return InvalidModel("'{}' has {} scales, expected 1 or {} (columns)", rhs.name, scales, s.n);
  }
  return s;
}

size_t RoundUp64(int64_t bytes) { return static_cast<size_t>(CeilDiv(bytes, 64)) * 64; }

// Everything but the places in shared memory.
MatMulPlan MakePlan(const Spec& spec, const Sizes& s) {
  MatMulPlan p;
  p.form = spec.form;
  p.m = s.m, p.n = s.n, p.k = s.k;
  p.adj_x = spec.options.adj_x, p.adj_y = spec.options.adj_y;
  p.batches = s.batches;
  if (p.batches.rhs_count == 1 && !p.adj_x) {  // all rows meet the same rhs
    p.m *= p.batches.lhs_count;
    p.batches = {};
  }
  p.kernels = spec.kernels;
  p.run = spec.kernels->Form(spec.form == MatMulForm::kInt8 || spec.form == MatMulForm::kHybrid ||
                                     spec.fused
                                 ? GemmForm::kFloatFused
                                 : GemmForm::kFloatUnfused);
  const bool wide = spec.form == MatMulForm::kInt16 || spec.form == MatMulForm::kInt16By8;
  const bool is_float = spec.form == MatMulForm::kFloat || spec.form == MatMulForm::kHalf;
  const int64_t group = spec.kernels->group_k;
  p.groups = CeilDiv(p.k, group);
  p.row_bytes = p.groups * (wide ? 2 : 4);
  p.rows_in_place = (spec.form == MatMulForm::kFloat || wide) && !p.adj_x;
  p.division = Divide(*spec.kernels, p.m, 1, p.n, p.k, p.row_bytes);
  p.sum_bytes = wide ? 8 : 4;
  p.panel_bytes = p.groups * group * spec.kernels->lanes * (is_float ? 4 : wide ? 2 : 1);
  const int64_t columns = p.division.panels * spec.kernels->lanes;
  p.rhs_bytes = static_cast<int64_t>(RoundUp64(p.sums_offset() + columns * 4));
  p.zeros.assign(columns, 0);
  p.lhs_zero = spec.lhs_zero, p.rhs_zero = spec.rhs_zero;
  if (spec.output == Type::kInt32) p.lhs_zero = p.rhs_zero = 0;
  p.output = spec.output;
  p.epilogue = spec.epilogue;
  p.rhs_quant = spec.rhs_quant;
  p.scheme = spec.xnn                         ? RowScheme::kXnn
             : spec.options.asymmetric_inputs ? RowScheme::kAsymmetric
                                              : RowScheme::kSymmetric;
  return p;
}

class BatchMatMul final : public Operation, public SpentInputs {
 public:
  BatchMatMul(Spec spec, const std::byte* packed) : spec_(std::move(spec)), packed_(packed) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Sizes s, MakeSizes(spec_, inputs));
    outputs[0] = s.output;
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override;
  uint64_t spent_inputs() const override { return packed_ == nullptr ? 0 : 1u << 1; }

 private:
  Spec spec_;
  const std::byte* packed_;  // the panels of a constant rhs
};

Status BatchMatMul::Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
                          Step& step) const {
  HEDDLE_ASSIGN(const Sizes s, MakeSizes(spec_, inputs));
  MatMulPlan p = MakePlan(spec_, s);
  p.packed = packed_ != nullptr;
  size_t shared = 0;
  const auto take = [&shared](int64_t bytes) {
    const size_t at = shared;
    shared += RoundUp64(bytes);
    return at;
  };
  const int64_t rows = p.rows_in_place ? 0 : p.lhs_rows(), panels = p.packed ? 0 : p.rhs_panels();
  p.rows_at = take(rows * p.row_bytes);
  p.terms_at = take(rows * int64_t{sizeof(RowTerms)});
  p.panels_at = take(p.packed ? 0 : p.batches.rhs_count * p.rhs_bytes);
  step.kind = StepKind::kPhased;
  step.kernel = p.kernels->name;
  step.packed = packed_;
  step.shared_bytes = shared;
  step.scratch_bytes = MatMulScratch(p);
  step.macs = outputs[0].shape.elements() * p.k;
  const bool empty = outputs[0].shape.elements() == 0;
  const int64_t tiles = empty ? 0 : p.batches.count * p.division.tiles();
  const float ns = static_cast<float>(step.macs) / p.kernels->macs_per_ns /
                   static_cast<float>(std::max<int64_t>(tiles, 1));
  const float row_ns = static_cast<float>(p.k), panel_ns = row_ns * p.kernels->lanes;
  if (!empty && rows > 0) step.phases.push_back({Erase<&RowTile>(), rows, row_ns});
  if (!empty && panels > 0) step.phases.push_back({Erase<&PanelTile>(), panels, panel_ns});
  step.phases.push_back({Erase<&ProductTile>(), tiles, ns});
  step.params = std::make_shared<const MatMulPlan>(std::move(p));
  return Status();
}

// The panels of a constant, as far as its own shape tells them.
Result<const std::byte*> PackConstant(const MakeArgs& args, const Spec& spec) {
  const Operand& rhs = args.inputs[1];
  int64_t elements = 0;
  if (!rhs.constant || rhs.shape.rank() < 2 || !rhs.shape.CheckedElements(&elements) ||
      elements == 0) {
    return static_cast<const std::byte*>(nullptr);
  }
  const int rank = rhs.shape.rank();
  Sizes s;
  s.m = 1;
  s.k = rhs.shape[rank - (spec.options.adj_y ? 1 : 2)];
  s.n = rhs.shape[rank - (spec.options.adj_y ? 2 : 1)];
  s.batches.rhs_count = rhs.shape.Product(0, rank - 2);
  const MatMulPlan p = MakePlan(spec, s);
  const std::string key = fmt::format("matmul_{}_n{}_k{}_{}_l{}x{}", TypeName(rhs.type), s.n, s.k,
                                      p.adj_y, p.kernels->lanes, p.panel_bytes);
  const int64_t batches = s.batches.rhs_count;
  const auto fill = [&](std::byte* to) {
    FillParts(args.packs, batches * p.division.panels, p.panel_bytes,
              [&](int64_t begin, int64_t end) {
                for (int64_t panel = begin; panel < end; ++panel) PackPanel(p, rhs.data, panel, to);
              });
  };
  return args.packs.Pack(rhs.data, key, batches * p.rhs_bytes, fill);
}

}  // namespace

MadeOperation MakeBatchMatMul(const MakeArgs& args) {
  HEDDLE_ASSIGN(Spec spec, Check(args));
  HEDDLE_ASSIGN(const std::byte* packed, PackConstant(args, spec));
  return std::unique_ptr<Operation>(std::make_unique<BatchMatMul>(std::move(spec), packed));
}

}  // namespace heddle::core
