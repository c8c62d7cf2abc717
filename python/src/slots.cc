// SPDX-License-Identifier: Apache-2.0
// The tensors of a drop-in interpreter: arrays that stay where they are from one allocation to the
// next, described once, so that setting, invoking and getting cost little more than the model.
#include "slots.h"

#include "errors.h"
#include "gil.h"
#include "numpy.h"
#include "runner.h"

namespace heddle::python {
namespace {

class Slots {
 public:
  // The lists own the arrays, and neither changes.
  Slots(const Runner& runner, nb::list inputs, nb::list outputs)
      : target_(runner.target()),
        session_(runner.session()),
        input_arrays_(std::move(inputs)),
        output_arrays_(std::move(outputs)),
        inputs_(Views(target_->inputs, input_arrays_)),
        outputs_(Views(target_->outputs, output_arrays_)) {
    options_.struct_size = sizeof(options_);
    options_.signature = target_->signature_or_null();
    options_.session = session_ ? session_->get() : nullptr;
  }

  // A copy of an output.
  nb::object Output(size_t index) const {
    if (index >= outputs_.size()) Raise(Code::kNotFound, "there is no such output");
    return CopyOf(outputs_[index]);
  }

  // False: somebody else holds one of the arrays.
  bool Run() {
    if (AnyShared(input_arrays_) || AnyShared(output_arrays_)) return false;
    Check(WithoutGil([this] {
      return heddle_model_run(target_->model.get(), inputs_.data(), inputs_.size(), outputs_.data(),
                              outputs_.size(), &options_, nullptr);
    }));
    return true;
  }

 private:
  static std::vector<TensorView> Views(const std::vector<Port>& ports, const nb::list& arrays) {
    if (ports.size() != arrays.size())
      Raise(Code::kInvalidArgument, std::to_string(arrays.size()) + " arrays are given, expected " +
                                        std::to_string(ports.size()));
    std::vector<TensorView> views;
    for (size_t i = 0; i < ports.size(); ++i) {
      views.push_back(OutputView(ports[i], arrays[i]));
      views.back().name = nullptr;  // by position: two may have one name
    }
    return views;
  }

  const std::shared_ptr<const Target> target_;
  const std::shared_ptr<Session> session_;
  const nb::list input_arrays_, output_arrays_;
  std::vector<TensorView> inputs_, outputs_;
  heddle_run_options options_{};
};

}  // namespace

void BindSlots(nb::module_& module) {
  nb::class_<Slots>(module, "Slots")
      .def(nb::init<const Runner&, nb::list, nb::list>(), nb::arg("runner"), nb::arg("inputs"),
           nb::arg("outputs"))
      .def("output", &Slots::Output, nb::arg("index"))
      .def("run", &Slots::Run);
}

}  // namespace heddle::python
