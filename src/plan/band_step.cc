// SPDX-License-Identifier: Apache-2.0
#include "plan/band_step.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace heddle::core {
namespace {

using From = BandOperand::From;

struct Pointer {
  From from = From::kAbsent;
  int64_t at = 0, row_bytes = 0;
};

struct BandPointers {
  std::vector<Pointer> inputs;
  Pointer output;
};

struct BandParams {
  BandSizes sizes;
  std::vector<BandPointers> pointers;  // by member
  std::vector<Step> full, rest;        // the members for band_rows, and for what the last band has
};

Pointer PointerOf(const BandOperand& operand) {
  return {operand.from, operand.at, operand.row_bytes()};
}

std::byte* Resolve(const Pointer& p, const TileArgs& args, int64_t first_row) {
  switch (p.from) {
    case From::kAbsent:
      break;
    case From::kInput: {
      const void* base = args.inputs[p.at];
      return static_cast<std::byte*>(const_cast<void*>(base)) + first_row * p.row_bytes;
    }
    case From::kOutput:
      return static_cast<std::byte*>(args.outputs[p.at]) + first_row * p.row_bytes;
    case From::kScratch:
      return args.scratch + p.at;
  }
  return nullptr;
}

TileCode RunBand(const BandParams& p, const TileArgs& args, int64_t first_row) {
  const bool full = p.sizes.rows - first_row >= p.sizes.band_rows;
  const std::vector<Step>& steps = full ? p.full : p.rest;
  for (size_t m = 0; m < steps.size(); ++m) {
    const Step& step = steps[m];
    const BandPointers& pointers = p.pointers[m];
    const void* inputs[BandMember::kMostInputs];
    for (size_t i = 0; i < pointers.inputs.size(); ++i)
      inputs[i] = Resolve(pointers.inputs[i], args, first_row);
    void* output = Resolve(pointers.output, args, first_row);
    const TileArgs own{inputs, &output, step.packed, nullptr, args.scratch + p.sizes.slot_bytes};
    for (const Phase& phase : step.phases) {
      if (phase.tiles == 0) continue;
      const TileCode code = phase.tile(step.params.get(), own, {0, phase.tiles});
      if (code != TileCode::kOk) return code;
    }
  }
  return TileCode::kOk;
}

TileCode BandTile(const BandParams& p, const TileArgs& args, TileRange tiles) {
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
    const TileCode code = RunBand(p, args, tile * p.sizes.band_rows);
    if (code != TileCode::kOk) return code;
  }
  return TileCode::kOk;
}

Operand Band(const BandOperand& operand, int64_t rows) {
  Operand band = operand.whole;
  if (operand.axis < 0) return band;
  band.shape[operand.axis] = static_cast<int32_t>(rows);
  band.bytes = static_cast<size_t>(operand.row_bytes() * rows);
  return band;
}

// The step of one member for a band of so many rows.
std::optional<Step> LowerBand(const BandMember& member, int64_t rows) {
  std::vector<Operand> inputs;
  for (const BandOperand& input : member.inputs) inputs.push_back(Band(input, rows));
  const Operand output = Band(member.output, rows);
  Shape shape;
  if (!member.operation->Shapes(inputs, {&shape, 1}).ok() || !(shape == output.shape)) return {};
  Step step;
  if (!member.operation->Lower(inputs, {&output, 1}, step).ok()) return {};
  const bool tiled = step.kind == StepKind::kTiled || step.kind == StepKind::kPhased;
  if (!tiled || step.fault != nullptr || step.shared_bytes != 0) return {};
  return step;
}

bool LowerBands(std::span<const BandMember> members, int64_t rows, std::vector<Step>& steps) {
  for (const BandMember& member : members) {
    std::optional<Step> step = LowerBand(member, rows);
    if (!step) return false;
    steps.push_back(std::move(*step));
  }
  return true;
}

}  // namespace

std::optional<Step> MakeBandStep(std::span<const BandMember> members, const BandSizes& sizes) {
  BandParams p;
  p.sizes = sizes;
  for (const BandMember& member : members) {
    BandPointers& pointers = p.pointers.emplace_back();
    for (const BandOperand& input : member.inputs) pointers.inputs.push_back(PointerOf(input));
    pointers.output = PointerOf(member.output);
  }
  const int64_t rest = sizes.rows % sizes.band_rows;
  if (!LowerBands(members, sizes.band_rows, p.full)) return {};
  if (rest != 0 && !LowerBands(members, rest, p.rest)) return {};
  size_t scratch = 0;
  for (const std::vector<Step>* steps : {&p.full, &p.rest})
    for (const Step& step : *steps) scratch = std::max(scratch, step.scratch_bytes);
  float band_ns = 0;
  for (const Step& step : p.full)
    for (const Phase& phase : step.phases)
      band_ns += phase.tile_ns * static_cast<float>(phase.tiles);
  Step step;
  SetTiled<&BandTile>(step, std::move(p), (sizes.rows + sizes.band_rows - 1) / sizes.band_rows,
                      band_ns);
  step.scratch_bytes = sizes.slot_bytes + scratch;
  step.kernel = "bands";
  return step;
}

}  // namespace heddle::core
