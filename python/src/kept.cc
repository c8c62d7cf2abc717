// SPDX-License-Identifier: Apache-2.0
// A run whose memory is kept: every tensor of a model that was loaded with keep_all can be read.
#include <nanobind/stl/string.h>

#include "errors.h"
#include "gil.h"
#include "runner.h"

namespace heddle::python {
namespace {

struct Kept {
  std::shared_ptr<const Target> target;  // outlives the handle
  OutputsHandle outputs;
};

nb::object ReadTensor(const Kept& kept, size_t tensor) {
  TensorView view;
  Check(heddle_outputs_tensor(kept.outputs.get(), tensor, &view));
  return CopyOf(view);
}

void RunKept(Kept* self, const Runner& runner, const nb::list& inputs) {
  const std::shared_ptr<const Target> target = runner.target();
  const std::shared_ptr<Session> session = runner.session();
  if (inputs.size() != target->inputs.size())
    Raise(Code::kInvalidArgument, std::to_string(inputs.size()) +
                                      " inputs are given, the model has " +
                                      std::to_string(target->inputs.size()));
  std::vector<TensorView> views;
  std::vector<nb::object> holds(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    views.push_back(InputView(target->inputs[i], inputs[i], false, &holds[i]));
    views.back().name = nullptr;  // by position: two inputs may have one name
  }
  heddle_run_options options{};
  options.struct_size = sizeof(options);
  options.signature = target->signature_or_null();
  options.session = session ? session->get() : nullptr;
  heddle_outputs* raw = nullptr;
  Check(WithoutGil([&] {
    return heddle_model_run(target->model.get(), views.data(), views.size(), nullptr, 0, &options,
                            &raw);
  }));
  new (self) Kept{target, OutputsHandle(raw)};
}

}  // namespace

void BindKept(nb::module_& module) {
  nb::class_<Kept>(module, "KeptRun")
      .def("__init__", &RunKept, nb::arg("runner"), nb::arg("inputs"))
      .def("tensor", &ReadTensor, nb::arg("index"));
}

}  // namespace heddle::python
