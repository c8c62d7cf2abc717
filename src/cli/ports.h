// SPDX-License-Identifier: Apache-2.0
// Ports: what goes into and comes out of a model, in the order of its graph, and values for it.
#ifndef HEDDLE_CLI_PORTS_H_
#define HEDDLE_CLI_PORTS_H_

#include <functional>
#include <string>
#include <vector>

#include "cli/array.h"
#include "cli/tensors.h"
#include "heddle/engine.h"
#include "model/model.h"

namespace heddle::cli {

// One input or output.
struct Port {
  std::string tensor;  // its names: of the tensor, and in the signature where there is one
  std::string signature;
  core::Type type = core::Type::kNone;
  core::Shape shape;  // the file's, an unknown size read as 1
  core::Quantization quant;
  bool any_rows = false;  // the file leaves the size of the first axis to the caller

  const std::string& name() const { return signature.empty() ? tensor : signature; }
};

struct Ports {
  std::string signature;  // as it was asked for; empty: the main graph
  std::vector<Port> inputs, outputs;

  const char* key() const { return signature.empty() ? nullptr : signature.c_str(); }
};

// Of a signature; of the main graph where `signature` is empty.
Result<Ports> PortsOf(const core::Model& model, const std::string& signature);

// The value given for input k, or nullptr.
using FindArray = std::function<const Array*(int k)>;
// A value for every input: what `find` gives, else hash input k + hash_offset.
Result<std::vector<OwnedTensor>> MakeInputs(const Ports& ports, const FindArray& find,
                                            uint32_t hash_offset = 0);

// The tensors by position, as Run takes them; valid as long as they are.
std::vector<TensorView> ViewsOf(const std::vector<OwnedTensor>& tensors);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_PORTS_H_
