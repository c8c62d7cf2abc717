// SPDX-License-Identifier: Apache-2.0
#include "cli/golden_set.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/errors.h"

namespace heddle::cli {
namespace {

constexpr int kMaxCalls = 10000;

// "_call_2" or "_stride_7" at the front of `text`.
bool EatNumber(std::string_view& text, std::string_view word, int* out) {
  if (!text.starts_with(word)) return false;
  const char* begin = text.data() + word.size();
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), *out);
  if (error != std::errc() || *out < 0) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

}  // namespace

bool ParseGoldenName(std::string_view name, GoldenName* out) {
  using Role = GoldenName::Role;
  constexpr std::array<std::pair<std::string_view, Role>, 4> kRoles = {
      {{"input_", Role::kInput},
       {"output_", Role::kOutput},
       {"reference_", Role::kReference},
       {"xnnpack_", Role::kXnnpack}}};
  GoldenName golden;
  const auto role = std::find_if(kRoles.begin(), kRoles.end(),
                                 [&](const auto& r) { return name.starts_with(r.first); });
  if (role == kRoles.end()) return false;
  golden.role = role->second;
  if (!EatNumber(name, role->first, &golden.index)) return false;
  while (!name.empty()) {
    if (EatNumber(name, "_call_", &golden.call)) continue;
    if (EatNumber(name, "_stride_", &golden.stride) && golden.stride > 0) continue;
    return false;
  }
  *out = golden;
  return true;
}

Result<GoldenSet> GoldenSet::Read(const std::string& path) {
  HEDDLE_ASSIGN(ArrayMap arrays, ReadNpz(path));
  GoldenSet set;
  set.arrays_ = std::move(arrays);
  for (const auto& [name, array] : set.arrays_) {
    GoldenName meaning;
    if (name == "signature") {
      HEDDLE_ASSIGN(const OwnedTensor text, ToTensor(array, core::Type::kString, name));
      HEDDLE_ASSIGN(set.signatures_, DecodeStrings(text.data));
    } else if (ParseGoldenName(name, &meaning)) {
      const auto stride = static_cast<size_t>(meaning.stride);
      set.by_meaning_[{meaning.role, meaning.index, meaning.call}] = {&array, stride};
      set.calls_ = std::max(set.calls_, meaning.call + 1);
    }
  }
  set.calls_ = std::max(set.calls_, static_cast<int>(set.signatures_.size()));
  if (set.calls_ > kMaxCalls) {
    return core::InvalidArgument("golden has {} calls, expected at most {}", set.calls_, kMaxCalls);
  }
  return set;
}

std::string GoldenSet::SignatureOf(int call) const {
  const auto i = static_cast<size_t>(call);
  return i < signatures_.size() ? signatures_[i] : "";
}

FindArray GoldenSet::InputsOf(int call) const {
  return [this, call](int k) {
    const Golden* own = Find(Role::kInput, k, call);
    if (own == nullptr) own = Find(Role::kInput, k, 0);
    return own != nullptr ? own->values : nullptr;
  };
}

std::vector<Golden> GoldenSet::GoldensOf(int k, int call, Numerics numerics) const {
  const Golden* output = Find(Role::kOutput, k, call);
  std::vector<Golden> goldens;
  const bool fast = numerics == Numerics::kFast;
  const Golden* own = Find(fast ? Role::kXnnpack : Role::kReference, k, call);
  if (own != nullptr) goldens.push_back(*own);
  if (output != nullptr && (own == nullptr || fast)) goldens.push_back(*output);
  return goldens;
}

int GoldenSet::outputs() const {
  int count = 0;
  for (const auto& [meaning, golden] : by_meaning_) {
    if (std::get<0>(meaning) != Role::kInput) count = std::max(count, std::get<1>(meaning) + 1);
  }
  return count;
}

const Golden* GoldenSet::Find(Role role, int k, int call) const {
  const auto it = by_meaning_.find({role, k, call});
  return it == by_meaning_.end() ? nullptr : &it->second;
}

}  // namespace heddle::cli
