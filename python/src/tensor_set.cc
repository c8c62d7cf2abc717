// SPDX-License-Identifier: Apache-2.0
#include "tensor_set.h"

#include <cstring>
#include <utility>

#include "errors.h"
#include "gil.h"
#include "numpy.h"

namespace heddle::python {
namespace {

constexpr char kInUse[] =
    "these tensors are being invoked on by another thread: a thread gets tensors of its own at its "
    "first set_tensor() (docs/python_lite.md)";
constexpr char kLiveView[] =
    "There is at least 1 reference to internal data in the interpreter in the form of a numpy "
    "array or slice. Be sure to only hold the function returned from tensor() if you are using raw "
    "data access.";

[[noreturn]] void RaiseRuntimeError(const std::string& message) {
  PyErr_SetString(PyExc_RuntimeError, message.c_str());
  throw nb::python_error();
}

// Programs look for the stock class, some by its name.
[[noreturn]] void RaiseAsStock(const Status& status) {
  const std::string message(status.message());
  try {
    Raise(status);
  } catch (nb::python_error& error) {
    nb::raise_from(error, PyExc_RuntimeError, "%s", message.c_str());
  }
}

std::vector<TensorView> Views(const std::vector<Port>& ports, const nb::list& arrays) {
  std::vector<TensorView> views;
  for (size_t i = 0; i < ports.size(); ++i) {
    views.push_back(OutputView(ports[i], arrays[i]));
    views.back().name = nullptr;  // by position: two may have one name
  }
  return views;
}

// Holds no array of `from` meanwhile: a run that begins now finds them unshared.
nb::list Copies(const nb::list& from, bool zeros) {
  nb::list copies;
  for (size_t i = 0; i < from.size(); ++i) {
    PyArrayObject* const array = AsArray(PyList_GET_ITEM(from.ptr(), static_cast<Py_ssize_t>(i)));
    const bool objects = PyDataType_REFCHK(PyArray_DESCR(array));
    nb::object copy = nb::steal(objects ? PyArray_NewCopy(array, NPY_CORDER)
                                        : PyArray_NewLikeArray(array, NPY_CORDER, nullptr, 0));
    if (!copy.is_valid()) throw nb::python_error();
    const auto bytes = static_cast<size_t>(PyArray_NBYTES(array));
    if (!objects && zeros) std::memset(PyArray_DATA(AsArray(copy)), 0, bytes);
    if (!objects && !zeros) std::memcpy(PyArray_DATA(AsArray(copy)), PyArray_DATA(array), bytes);
    copies.append(copy);
  }
  return copies;
}

}  // namespace

void TensorSet::Allocate(nb::list inputs, nb::list outputs) {
  inputs_ = std::move(inputs);
  outputs_ = std::move(outputs);
  target_ = nullptr;  // it knows others
}

void TensorSet::Forget() {
  inputs_ = outputs_ = nb::none();
  target_ = nullptr;
}

void TensorSet::Stay(const Runner& runner) { Describe(runner.target(), runner.session()); }

void TensorSet::Describe(std::shared_ptr<const Target> target, std::shared_ptr<Session> session) {
  if (!allocated() || nb::len(inputs_) != target->inputs.size() ||
      nb::len(outputs_) != target->outputs.size())
    Raise(Code::kInvalidArgument, "the tensors are not those of the model");
  input_views_ = Views(target->inputs, nb::borrow<nb::list>(inputs_));
  output_views_ = Views(target->outputs, nb::borrow<nb::list>(outputs_));
  session_ = std::move(session);
  target_ = std::move(target);
  pace_ = Pace();
}

void TensorSet::CopyFrom(const TensorSet& other) {
  if (!other.allocated()) return;
  const auto inputs = nb::borrow<nb::list>(other.inputs_);
  const auto outputs = nb::borrow<nb::list>(other.outputs_);
  const std::shared_ptr<const Target> target = other.target_;
  const std::shared_ptr<Session> session = other.session_;
  Allocate(Copies(inputs, false), Copies(outputs, other.busy_));
  if (target != nullptr) Describe(target, session);
}

bool TensorSet::Claim() { return !std::exchange(claimed_, true); }

void TensorSet::Begin() {
  if (busy_) RaiseRuntimeError(std::string("invoke(): ") + kInUse);
  busy_ = true;
}

void TensorSet::CheckIdle() const {
  if (busy_) RaiseRuntimeError(kInUse);
}

void TensorSet::CheckViews() const {
  if (allocated() &&
      (AnyShared(nb::borrow<nb::list>(inputs_)) || AnyShared(nb::borrow<nb::list>(outputs_))))
    RaiseRuntimeError(kLiveView);
}

heddle_status* TensorSet::RunAtPace() {
  heddle_run_options options{};
  options.struct_size = sizeof(options);
  options.signature = target_->signature_or_null();
  options.session = session_ ? session_->get() : nullptr;
  const auto run = [this, &options] {
    return heddle_model_run(target_->model.get(), input_views_.data(), input_views_.size(),
                            output_views_.data(), output_views_.size(), &options, nullptr);
  };
  if (pace_.Keeps()) {
    pace_.Kept();
    return run();
  }
  int64_t ns = 0;
  heddle_status* const failed = TimedWithoutGil(run, &ns);
  if (target_->one_graph) pace_.Took(ns);
  return failed;
}

void TensorSet::Run() {
  if (!stays()) Raise(Code::kFailedPrecondition, "these tensors are not described");
  CheckViews();
  heddle_status* const failed = RunAtPace();
  if (failed != nullptr) RaiseAsStock(internal::Take(failed));
}

void BindTensorSet(nb::module_& module) {
  nb::class_<TensorSet>(module, "TensorSet")
      .def(nb::init<>())
      .def_prop_ro("inputs", [](const TensorSet& t) { return t.inputs(); })
      .def_prop_ro("outputs", [](const TensorSet& t) { return t.outputs(); })
      .def_prop_ro("stays", &TensorSet::stays)
      .def("allocate_as", &TensorSet::Allocate, nb::arg("inputs"), nb::arg("outputs"))
      .def("forget", &TensorSet::Forget)
      .def("stay", &TensorSet::Stay, nb::arg("runner"))
      .def("copy_from", &TensorSet::CopyFrom, nb::arg("other"))
      .def("begin", &TensorSet::Begin)
      .def("end", &TensorSet::End)
      .def("check_idle", &TensorSet::CheckIdle)
      .def("check_views", &TensorSet::CheckViews)
      .def("run", &TensorSet::Run);
}

}  // namespace heddle::python
