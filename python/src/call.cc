// SPDX-License-Identifier: Apache-2.0
#include "call.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "cancel.h"
#include "errors.h"
#include "gil.h"
#include "numpy.h"
#include "runner.h"

namespace heddle::python {
namespace {

double Seconds(nb::handle value, const char* what) {
  const double seconds = PyFloat_AsDouble(value.ptr());
  if (seconds == -1.0 && PyErr_Occurred()) throw nb::python_error();
  if (std::isnan(seconds))
    Raise(Code::kInvalidArgument, std::string(what) + " is not a number of seconds");
  return std::fmin(std::fmax(seconds, -1e9), 1e9);
}

bool Truth(nb::handle value) {
  const int truth = PyObject_IsTrue(value.ptr());
  if (truth < 0) throw nb::python_error();
  return truth != 0;
}

void SetDeadline(int64_t ns, CallOptions* options) {
  if (options->deadline_ns != 0)
    Raise(Code::kInvalidArgument, "timeout and deadline are both given");
  options->deadline_ns = ns < 1 ? 1 : ns;
}

// False: it is no option.
bool TakeOption(nb::handle key, nb::handle value, CallOptions* options) {
  const auto is = [&](const char* name) {
    return PyUnicode_CompareWithASCIIString(key.ptr(), name) == 0;
  };
  const bool none = value.is_none();
  if (is("out")) {
    if (!none) options->out = nb::borrow(value);
  } else if (is("timeout")) {
    if (!none)
      SetDeadline(NowNs() + static_cast<int64_t>(Seconds(value, "timeout") * 1e9), options);
  } else if (is("deadline")) {
    if (!none) SetDeadline(static_cast<int64_t>(Seconds(value, "deadline") * 1e9), options);
  } else if (is("cancel")) {
    if (!none) options->cancel = nb::borrow(value);
  } else if (is("quantize")) {
    if (!none) options->quantize = Truth(value);
  } else if (is("dequantize")) {
    if (!none) options->dequantize = Truth(value);
  } else if (is("fresh_state")) {
    if (!none) options->fresh_state = Truth(value);
  } else {
    return false;
  }
  return true;
}

std::string NamesOf(const std::vector<Port>& ports) {
  std::string names;
  for (const Port& port : ports) names += (names.empty() ? "'" : ", '") + port.name + "'";
  return names.empty() ? "none" : names;
}

bool SameShape(const heddle_tensor& a, const heddle_tensor& b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; ++i)
    if (a.dims[i] != b.dims[i]) return false;
  return true;
}

bool Overlap(const heddle_tensor& a, const heddle_tensor& b) {
  const auto begin = [](const heddle_tensor& t) { return reinterpret_cast<uintptr_t>(t.data); };
  return begin(a) < begin(b) + b.bytes && begin(b) < begin(a) + a.bytes;
}

}  // namespace

CallInProgress::CallInProgress(Runner& runner)
    : runner_(runner), target_(runner.target()), buffers_(std::move(runner.spare)) {
  if (buffers_ == nullptr) buffers_ = std::make_unique<CallBuffers>();
  options_.quantize = runner.quantize;
  options_.dequantize = runner.dequantize;
}

// To let go of a caller's object may run its code, and that another call.
CallInProgress::~CallInProgress() {
  buffers_->inputs.clear();
  buffers_->outs.clear();
  buffers_->lent.clear();
  buffers_->out_ports.clear();
  buffers_->holds.clear();
  buffers_->arrays.clear();
  runner_.spare = std::move(buffers_);
}

void CallInProgress::BindNamed(nb::handle name, nb::handle value) {
  const Port* port = FindPort(target_->inputs, name);
  if (port == nullptr)
    Raise(Code::kNotFound, "input " + nb::cast<std::string>(nb::repr(name)) + ": the model has " +
                               NamesOf(target_->inputs));
  BindPort(*port, value);
}

void CallInProgress::BindPort(const Port& port, nb::handle value) {
  nb::object hold;
  buffers_->inputs.push_back(InputView(port, value, options_.quantize, &hold));
  buffers_->holds.push_back(std::move(hold));
}

// Two inputs may have one name.
void CallInProgress::BindPosition(size_t index, nb::handle value) {
  BindPort(target_->inputs[index], value);
  buffers_->inputs.back().name = nullptr;
}

void CallInProgress::Bind(PyObject* args, PyObject* kwargs) {
  std::vector<std::pair<PyObject*, PyObject*>> named;
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t position = 0;
  while (kwargs != nullptr && PyDict_Next(kwargs, &position, &key, &value))
    if (!TakeOption(key, value, &options_)) named.emplace_back(key, value);

  const size_t count = static_cast<size_t>(PyTuple_GET_SIZE(args));
  buffers_->inputs.reserve(target_->inputs.size());
  nb::object dict;  // a copy: converting a value may run code that changes the caller's
  if (count == 1 && PyDict_Check(PyTuple_GET_ITEM(args, 0))) {
    options_.as_dict = true;
    dict = nb::steal(PyDict_Copy(PyTuple_GET_ITEM(args, 0)));
    if (!dict.is_valid()) throw nb::python_error();
    position = 0;
    while (PyDict_Next(dict.ptr(), &position, &key, &value)) BindNamed(key, value);
  } else if (count > target_->inputs.size()) {
    Raise(Code::kInvalidArgument,
          std::to_string(count) + " inputs are given, the model has " + NamesOf(target_->inputs));
  } else {
    for (size_t i = 0; i < count; ++i)
      BindPosition(i, PyTuple_GET_ITEM(args, static_cast<Py_ssize_t>(i)));
  }
  for (const auto& [name, given] : named) BindNamed(name, given);
  if (options_.out.is_valid()) BindOuts();
}

void CallInProgress::Bind(const nb::list& inputs) {
  const nb::tuple given(inputs);  // of its own: another thread may change the list meanwhile
  if (given.size() != target_->inputs.size())
    Raise(Code::kInvalidArgument, std::to_string(given.size()) +
                                      " inputs are given, the model has " +
                                      NamesOf(target_->inputs));
  for (size_t i = 0; i < given.size(); ++i) BindPosition(i, given[i]);
}

void CallInProgress::BindOut(const Port& port, nb::handle array) {
  if (array.is_none()) return;
  buffers_->outs.push_back(OutputView(port, array));
  buffers_->out_ports.push_back(&port);
}

void CallInProgress::BindOuts() {
  const std::vector<Port>& ports = target_->outputs;
  PyObject* out = options_.out.ptr();
  if (PyArray_Check(out)) {
    if (ports.size() != 1)
      Raise(Code::kInvalidArgument, "out is one array, the model has " + NamesOf(ports));
    BindOut(ports[0], out);
  } else if (PyDict_Check(out)) {
    for (auto [name, array] : nb::borrow<nb::dict>(out)) {
      const Port* port = FindPort(ports, name);
      if (port == nullptr)
        Raise(Code::kNotFound,
              "out " + nb::cast<std::string>(nb::repr(name)) + ": the model has " + NamesOf(ports));
      BindOut(*port, array);
    }
  } else {
    const nb::tuple arrays(options_.out);
    if (arrays.size() != ports.size())
      Raise(Code::kInvalidArgument, "out has " + std::to_string(arrays.size()) +
                                        " arrays, the model has " + NamesOf(ports));
    for (size_t i = 0; i < ports.size(); ++i) BindOut(ports[i], arrays[i]);
  }
  CheckOverlaps();
}

// A run writes its outputs while it reads its inputs.
void CallInProgress::CheckOverlaps() const {
  const std::vector<TensorView>& outs = buffers_->outs;
  for (size_t i = 0; i < outs.size(); ++i) {
    for (const TensorView& input : buffers_->inputs)
      if (Overlap(outs[i], input))
        Raise(Code::kInvalidArgument,
              "out '" + buffers_->out_ports[i]->name + "' shares memory with an input");
    for (size_t k = 0; k < i; ++k)
      if (Overlap(outs[i], outs[k]))
        Raise(Code::kInvalidArgument, "out '" + buffers_->out_ports[i]->name +
                                          "' shares memory with out '" +
                                          buffers_->out_ports[k]->name + "'");
  }
}

bool CallInProgress::SeenBefore() const {
  const KnownShapes& known = runner_.known;
  if (known.inputs.empty() || known.inputs.size() != buffers_->inputs.size()) return false;
  for (size_t i = 0; i < buffers_->inputs.size(); ++i)
    if (known.inputs[i].name != buffers_->inputs[i].name ||
        !SameShape(known.inputs[i], buffers_->inputs[i]))
      return false;
  return true;
}

// Where the shapes of the outputs follow from those of the inputs, the next such call writes them
// where they are wanted.
void CallInProgress::Remember() {
  runner_.known = {buffers_->inputs, {}, {}};
  std::vector<TensorView> outputs;
  for (const Port& port : target_->outputs) {
    TensorView shape;
    if (NumpyType(port.type) < 0) return;
    Check(heddle_model_shape(target_->model.get(), target_->signature_or_null(),
                             buffers_->inputs.data(), buffers_->inputs.size(),
                             static_cast<size_t>(port.tensor), &shape));
    if (shape.rank == HEDDLE_SHAPE_OF_MODEL) return;
    shape.name = port.name.c_str();
    outputs.push_back(shape);
  }
  runner_.known.outputs = std::move(outputs);
}

// Into the caller's arrays, into new ones, or where only the run can tell.
void CallInProgress::Arrange() {
  if (options_.out.is_valid()) {
    buffers_->lent = buffers_->outs;
    return;
  }
  if (!SeenBefore() || runner_.known.outputs.empty()) return;
  const std::vector<Port>& ports = target_->outputs;
  buffers_->arrays.reserve(ports.size());
  buffers_->lent.reserve(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) {
    buffers_->arrays.push_back(NewArray(ports[i].type, runner_.known.outputs[i].shape()));
    buffers_->lent.push_back(ViewOf(ports[i], buffers_->arrays.back()));
    buffers_->lent.back().name = nullptr;  // by position: two outputs may have one name
  }
}

OutputsHandle CallInProgress::Execute() {
  heddle_run_options c{};
  c.struct_size = sizeof(c);
  c.deadline_ns = options_.deadline_ns;
  c.cancel = options_.cancel.is_valid() ? TokenOf(options_.cancel) : nullptr;
  c.signature = target_->signature_or_null();
  c.session = session();
  c.fresh_state = options_.fresh_state;
  heddle_outputs* left = nullptr;
  const bool all_lent = options_.out.is_valid() || !buffers_->arrays.empty();
  Check(RunAtPace(c, all_lent ? nullptr : &left));
  return OutputsHandle(left);
}

// Who may want to end the run needs the GIL for it.
heddle_status* CallInProgress::RunAtPace(const heddle_run_options& options, heddle_outputs** left) {
  const auto run = [&] {
    return heddle_model_run(target_->model.get(), inputs().data(), inputs().size(),
                            outputs().data(), outputs().size(), &options, left);
  };
  const bool known = target_->one_graph && options.deadline_ns == 0 && options.cancel == nullptr;
  if (known && runner_.known.pace.Keeps() && SeenBefore()) {
    runner_.known.pace.Kept();
    return run();
  }
  int64_t ns = 0;
  heddle_status* const failed = TimedWithoutGil(run, &ns);
  if (known && SeenBefore()) runner_.known.pace.Took(ns);
  return failed;
}

std::vector<nb::object>& CallInProgress::Arrays(OutputsHandle left) {
  std::vector<nb::object>& arrays = buffers_->arrays;
  if (!arrays.empty()) return arrays;
  for (size_t i = 0; i < target_->outputs.size(); ++i) {
    TensorView tensor;
    Check(heddle_outputs_get(left.get(), i, &tensor));
    arrays.push_back(CopyOf(tensor));
  }
  if (!SeenBefore()) Remember();
  return arrays;
}

// The caller's arrays. The shapes that a run leaves in the views must be those of the arrays: a
// larger one would hold a part that is not the output's.
nb::object CallInProgress::Given() {
  for (size_t i = 0; i < buffers_->outs.size(); ++i)
    if (!SameShape(buffers_->outs[i], buffers_->lent[i]))
      Raise(Code::kInvalidArgument, "out '" + buffers_->out_ports[i]->name + "' has shape " +
                                        ShapeText(buffers_->outs[i].shape()) + ", the output is " +
                                        ShapeText(buffers_->lent[i].shape()));
  if (!SeenBefore()) Remember();
  return options_.out;
}

nb::object CallInProgress::Package(std::vector<nb::object>& arrays) {
  const std::vector<Port>& ports = target_->outputs;
  for (size_t i = 0; options_.dequantize && i < ports.size(); ++i)
    if (!ports[i].scales.empty())
      arrays[i] = TakingGil([&] {
        return Convert("dequantize")(arrays[i], ports[i].scales, ports[i].zero_points,
                                     ports[i].axis);
      });
  if (arrays.size() == 1 && !options_.as_dict) {
    nb::object only = std::move(arrays[0]);
    arrays.clear();
    return only;
  }
  nb::dict named;
  for (size_t i = 0; i < arrays.size(); ++i) named[ports[i].key] = arrays[i];
  return std::move(named);
}

nb::list CallInProgress::RunForList() {
  Arrange();
  nb::list outputs;
  for (const nb::object& array : Arrays(Execute())) outputs.append(array);
  return outputs;
}

nb::object CallInProgress::Run() {
  Arrange();
  OutputsHandle left = Execute();
  return options_.out.is_valid() ? Given() : Package(Arrays(std::move(left)));
}

nb::object CallInProgress::Collect(OutputsHandle left) {
  if (!options_.out.is_valid()) return Package(Arrays(std::move(left)));
  for (size_t i = 0; i < buffers_->lent.size(); ++i) {
    const auto index = static_cast<size_t>(buffers_->out_ports[i] - target_->outputs.data());
    TensorView tensor;
    Check(heddle_outputs_get(left.get(), index, &tensor));
    buffers_->lent[i].rank = tensor.rank;
    std::copy(tensor.dims, tensor.dims + tensor.rank, buffers_->lent[i].dims);
  }
  return Given();
}

PyObject* Call(PyObject* self, PyObject* args, PyObject* kwargs) noexcept {
  if (!nb::inst_ready(self)) {
    PyErr_SetString(PyExc_TypeError, "the model was never loaded: its __init__ did not run");
    return nullptr;
  }
  return AsPython([&] {
    CallInProgress call(*nb::inst_ptr<Runner>(self));
    call.Bind(args, kwargs);
    return call.Run().release().ptr();
  });
}

nb::list RunList(Runner& runner, const nb::list& inputs) {
  CallInProgress call(runner);
  call.Bind(inputs);
  return call.RunForList();
}

}  // namespace heddle::python
