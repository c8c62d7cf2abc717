// SPDX-License-Identifier: Apache-2.0
// The arrays that a command line gives for the inputs of a model, and which input each is for.
#ifndef HEDDLE_CLI_GIVEN_INPUTS_H_
#define HEDDLE_CLI_GIVEN_INPUTS_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/ports.h"

namespace heddle::cli {

// The input that a name means: of the signature, else of the tensor, else "input_K". Refused where
// that is more than one.
Result<size_t> InputOf(const Ports& ports, const std::string& name);

// The name of the array that serves each input; empty: none does. No array serves two. Names of the
// model come first where there is one for every input, and where the arrays are not plainly counted
// from "input_0"; "input_K" serves input K where its own name is missing.
Result<std::vector<std::string>> AssignArrays(const Ports& ports,
                                              const std::set<std::string>& names);

struct InputFiles {
  std::string npz;                  // empty: none
  std::vector<std::string> single;  // NAME=F.npy; each wins over the npz
};

// By input; nothing where no file gives one.
using GivenArrays = std::vector<std::optional<Array>>;
// An array that does not fit its input is refused by its header, before its data is unpacked.
Result<GivenArrays> ReadGiven(const Ports& ports, const InputFiles& files);

// `arrays` must live longer.
FindArray FindIn(const GivenArrays& arrays);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_GIVEN_INPUTS_H_
