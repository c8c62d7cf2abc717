// SPDX-License-Identifier: Apache-2.0
// The goldens of a case: what goes into each of its calls, and what has to come out.
#ifndef HEDDLE_CLI_GOLDEN_SET_H_
#define HEDDLE_CLI_GOLDEN_SET_H_

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cli/compare.h"
#include "cli/npz.h"
#include "cli/ports.h"

namespace heddle::cli {

// What the arrays of a golden mean: "reference_1_call_2_stride_7".
struct GoldenName {
  enum class Role { kInput, kOutput, kReference, kXnnpack };
  Role role = Role::kInput;
  int index = 0;
  int call = 0;
  int stride = 1;
};
// False: a name that is no golden (and is ignored).
bool ParseGoldenName(std::string_view name, GoldenName* out);

// The arrays of a golden file by what they mean. Without a file: one call, nothing known.
class GoldenSet {
 public:
  static Result<GoldenSet> Read(const std::string& path);

  int calls() const { return calls_; }
  std::string SignatureOf(int call) const;
  FindArray InputsOf(int call) const;
  // What output k of a call is held against; empty: nothing is known of it.
  std::vector<Golden> GoldensOf(int k, int call, Numerics numerics) const;
  // The outputs that any call has a golden for.
  int outputs() const;

 private:
  using Role = GoldenName::Role;
  const Golden* Find(Role role, int k, int call) const;

  ArrayMap arrays_;  // a map: moving it keeps the addresses of its arrays
  std::map<std::tuple<Role, int, int>, Golden> by_meaning_;
  std::vector<std::string> signatures_;
  int calls_ = 1;
};

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_GOLDEN_SET_H_
