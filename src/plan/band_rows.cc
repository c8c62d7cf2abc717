// SPDX-License-Identifier: Apache-2.0
#include "plan/band_rows.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "plan/band_step.h"
#include "plan/batch_rules.h"
#include "plan/memory_map.h"

namespace heddle::core {
namespace {

using From = BandOperand::From;
using Memory = UnplacedSteps::Memory;

// Of the largest value in a band: the few that live at once are to fit the nearest cache.
constexpr int64_t kBandBytes = 8192;
constexpr int64_t kMostRowBytes = 4 * kBandBytes;
// What stays inside, of all bands together: less is near at hand anyway.
constexpr int64_t kLeastInside = 16384;
// Of a run: what joins it is compared with them all.
constexpr size_t kMostSteps = 64;

// The axis that rows lie along when they are contiguous; -1: there is one element only.
int OutermostAxis(const Shape& shape) {
  for (int a = 0; a < shape.rank(); ++a)
    if (shape[a] != 1) return a;
  return -1;
}

// Where an operand that is aligned at the end has axis `axis` of the output, as its outermost one;
// -1: it does not.
int AlignedAxis(const Shape& in, const Shape& out, int axis) {
  const int at = axis - (out.rank() - in.rank());
  if (at < 0 || at >= in.rank() || in[at] != out[axis]) return -1;
  return OutermostAxis(in) == at ? at : -1;
}

bool IsWholeBytes(Type type) { return TypeBits(type) != 0 && TypeBits(type) % 8 == 0; }

class Finder {
 public:
  explicit Finder(const UnplacedSteps& plan) : plan_(plan) {}

  std::vector<BandedRun> Find() {
    for (int s = 0; s < static_cast<int>(plan_.steps.size()); ++s) {
      if (Join(s)) continue;
      Close();
      Join(s);
    }
    Close();
    return std::move(runs_);
  }

 private:
  struct Made {
    int value;
    Memory memory;
  };
  struct Member {
    BandMember band;
    std::vector<int> inputs;  // values
    Made output;
  };

  const Node& NodeOf(const PlanStep& ps) const {
    return plan_.program.nodes()[static_cast<size_t>(ps.node)];
  }
  bool Join(int s);
  bool AddInput(int v, const Operand& output, int axis, Member& member, BatchStep& rule) const;
  bool KeepsRowsApart(const Member& member, BatchStep& rule) const;
  const Made* MadeHere(const Memory& memory) const;
  void Close();
  bool IsInside(const Made& made) const {
    return made.memory.whole && made.memory.last < first_ + static_cast<int>(members_.size());
  }
  std::vector<BufferLife> LivesInside(BandedRun& run, int64_t band_rows) const;
  void PlaceOperands(BandedRun& run, const std::vector<BufferLife>& slots);
  void PlaceInput(BandedRun& run, const std::vector<BufferLife>& slots, int v, BandOperand& in);

  const UnplacedSteps& plan_;
  std::vector<BandedRun> runs_;
  // The run that steps join.
  int first_ = 0;
  int64_t rows_ = 0, row_bytes_ = 0;  // the latter of the largest value
  std::vector<Member> members_;
};

// What a band of it can be computed of alone, without an error to name.
bool IsPlain(const PlanStep& ps, const Node& node) {
  const Step& step = ps.step;
  const bool tiled = step.kind == StepKind::kTiled || step.kind == StepKind::kPhased;
  if (!tiled || step.fault != nullptr || step.macs != 0 || step.shared_bytes != 0) return false;
  if (step.sizes_outputs || node.memory >= 0 || !node.deterministic) return false;
  if (node.operation->WrittenInputs() != 0) return false;
  return node.outputs.size() == 1 && node.inputs.size() <= BandMember::kMostInputs;
}

BatchValue ValueOf(const Operand& operand, int axis) {
  BatchValue value;
  if (!operand.present()) return value;
  value.kind = BatchValue::Kind::kSame;
  value.one = value.all = operand.shape;
  value.data = operand.data;
  value.type = operand.type;
  value.name = operand.name;
  if (axis < 0) return value;
  value.kind = BatchValue::Kind::kRows;
  value.run = operand.shape.elements() / operand.shape[axis];
  value.one[axis] = 1;
  return value;
}

const Finder::Made* Finder::MadeHere(const Memory& memory) const {
  for (const Member& member : members_)
    if (member.output.memory.value == memory.value) return &member.output;
  return nullptr;
}

// Finds out whether rows of the operand are read, and adds it.
bool Finder::AddInput(int v, const Operand& output, int axis, Member& member,
                      BatchStep& rule) const {
  BandOperand in;
  if (v >= 0) {
    in.whole = plan_.operand(v);
    if (!IsWholeBytes(in.whole.type)) return false;
    const Memory memory = plan_.memory_of(v);
    const Made* made = in.whole.data != nullptr ? nullptr : MadeHere(memory);
    if (made != nullptr && made->value != v && !(made->memory.whole && memory.whole)) return false;
    in.axis = made != nullptr ? OutermostAxis(in.whole.shape)
                              : AlignedAxis(in.whole.shape, output.shape, axis);
    if (made != nullptr && (in.axis < 0 || in.whole.shape[in.axis] != output.shape[axis]))
      return false;
    if (in.axis >= 0 && in.whole.data != nullptr) return false;  // Lower may look at the values
  }
  rule.inputs.push_back(ValueOf(in.whole, in.axis));
  member.inputs.push_back(v);
  member.band.inputs.push_back(std::move(in));
  return true;
}

bool Finder::KeepsRowsApart(const Member& member, BatchStep& rule) const {
  const BatchRule proves = FindBatchRule(rule.op.code);
  const auto has_rows = [](const BandOperand& in) { return in.axis >= 0; };
  if (proves == nullptr || std::ranges::none_of(member.band.inputs, has_rows)) return false;
  if (!proves(rule).empty()) return false;
  const BatchValue& out = rule.outputs[0];
  return out.kind == BatchValue::Kind::kRows && out.run * rule.calls == out.all.elements();
}

// Adds the step to the run, or begins one with it; false: it does not belong there.
bool Finder::Join(int s) {
  const PlanStep& ps = plan_.steps[static_cast<size_t>(s)];
  const Node& node = NodeOf(ps);
  if (members_.size() == kMostSteps || !IsPlain(ps, node)) return false;
  Member member;
  BandOperand& out = member.band.output;
  member.band.operation = node.operation.get();
  out.whole = plan_.operand(node.outputs[0]);
  out.axis = OutermostAxis(out.whole.shape);
  if (out.axis < 0 || out.whole.bytes == 0 || !IsWholeBytes(out.whole.type)) return false;
  const int64_t rows = out.whole.shape[out.axis];
  if (!members_.empty() && rows != rows_) return false;
  BatchStep rule{*node.source, rows, {}, {ValueOf(out.whole, out.axis)}};
  rule.outputs[0].kind = BatchValue::Kind::kAbsent;  // until the rule says
  for (const int v : node.inputs)
    if (!AddInput(v, out.whole, out.axis, member, rule)) return false;
  if (!KeepsRowsApart(member, rule)) return false;
  int64_t largest = out.row_bytes();
  for (const BandOperand& in : member.band.inputs) largest = std::max(largest, in.row_bytes());
  if (largest > kMostRowBytes) return false;
  if (members_.empty()) first_ = s, rows_ = rows, row_bytes_ = 0;
  row_bytes_ = std::max(row_bytes_, largest);
  member.output = {node.outputs[0], plan_.memory_of(node.outputs[0])};
  members_.push_back(std::move(member));
  return true;
}

// What stays inside, and from which member to which.
std::vector<BufferLife> Finder::LivesInside(BandedRun& run, int64_t band_rows) const {
  std::vector<BufferLife> lives;
  for (size_t m = 0; m < members_.size(); ++m) {
    const Made& made = members_[m].output;
    if (!IsInside(made)) continue;
    const int64_t bytes = members_[m].band.output.row_bytes() * band_rows;
    run.inside.push_back(made.memory.value);
    lives.push_back(
        {static_cast<size_t>(bytes), static_cast<int>(m), made.memory.last - first_, 0});
  }
  return lives;
}

int64_t IndexIn(std::vector<int>& values, int v) {
  const auto found = std::ranges::find(values, v);
  if (found != values.end()) return found - values.begin();
  values.push_back(v);
  return static_cast<int64_t>(values.size()) - 1;
}

void Finder::PlaceInput(BandedRun& run, const std::vector<BufferLife>& slots, int v,
                        BandOperand& in) {
  const Made* made = in.axis < 0 ? nullptr : MadeHere(plan_.memory_of(v));
  if (made == nullptr) {
    in.from = From::kInput, in.at = IndexIn(run.inputs, v);
    return;
  }
  const auto slot = std::ranges::find(run.inside, made->memory.value);
  const bool inside = slot != run.inside.end();
  in.from = inside ? From::kScratch : From::kOutput;
  in.at = inside
              ? static_cast<int64_t>(slots[static_cast<size_t>(slot - run.inside.begin())].offset)
              : IndexIn(run.outputs, made->value);
}

void Finder::PlaceOperands(BandedRun& run, const std::vector<BufferLife>& slots) {
  for (Member& member : members_) {
    for (size_t i = 0; i < member.inputs.size(); ++i)
      if (member.inputs[i] >= 0) PlaceInput(run, slots, member.inputs[i], member.band.inputs[i]);
    BandOperand& out = member.band.output;
    const auto slot = std::ranges::find(run.inside, member.output.memory.value);
    const bool inside = slot != run.inside.end();
    out.from = inside ? From::kScratch : From::kOutput;
    out.at =
        inside ? static_cast<int64_t>(slots[static_cast<size_t>(slot - run.inside.begin())].offset)
               : IndexIn(run.outputs, member.output.value);
  }
}

// Makes one step of the run, where that spares something.
void Finder::Close() {
  const int64_t bands =
      std::min(rows_, (rows_ * row_bytes_ + kBandBytes - 1) / kBandBytes);  // all but alike
  if (members_.size() >= 2 && bands > 0) {
    BandSizes sizes{rows_, (rows_ + bands - 1) / bands, 0};
    BandedRun run{first_, first_ + static_cast<int>(members_.size()) - 1, {}, {}, {}, {}};
    std::vector<BufferLife> slots = LivesInside(run, sizes.band_rows);
    int64_t inside = 0;
    for (const BufferLife& slot : slots) inside += static_cast<int64_t>(slot.bytes) * bands;
    sizes.slot_bytes = MapMemory(slots);
    PlaceOperands(run, slots);
    std::vector<BandMember> bands_of;
    for (Member& member : members_) bands_of.push_back(std::move(member.band));
    std::optional<Step> step;
    if (inside >= kLeastInside) step = MakeBandStep(bands_of, sizes);
    if (step) {
      run.step = std::move(*step);
      runs_.push_back(std::move(run));
    }
  }
  members_.clear();
}

}  // namespace

std::vector<BandedRun> FindBandedRuns(const UnplacedSteps& plan) { return Finder(plan).Find(); }

}  // namespace heddle::core
