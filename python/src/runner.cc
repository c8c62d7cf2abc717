// SPDX-License-Identifier: Apache-2.0
#include "runner.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "errors.h"
#include "gil.h"

namespace heddle::python {
namespace {

heddle_tensor_info InfoOf(const Target& target, bool input, size_t index) {
  heddle_tensor_info info{};
  info.struct_size = sizeof(info);
  const auto describe = input ? heddle_model_input : heddle_model_output;
  Check(describe(target.model.get(), target.signature_or_null(), index, &info));
  return info;
}

Port PortOf(const Target& target, bool input, size_t index) {
  const heddle_tensor_info info = InfoOf(target, input, index);
  Port port;
  port.name = info.name;
  PyObject* key = PyUnicode_InternFromString(info.name);
  if (key == nullptr) throw nb::python_error();
  port.key = nb::steal(key);
  port.type = info.type;
  port.rank = info.rank;
  for (int i = 0; i < info.rank; ++i) port.dims[i] = info.dims[i];
  port.subgraph = info.subgraph;
  port.tensor = info.tensor;
  heddle_graph_tensor tensor{};
  tensor.struct_size = sizeof(tensor);
  Check(heddle_model_tensor(target.model.get(), static_cast<size_t>(info.subgraph),
                            static_cast<size_t>(info.tensor), &tensor));
  port.scales.assign(tensor.scales, tensor.scales + tensor.scale_count);
  port.zero_points.assign(tensor.zero_points, tensor.zero_points + tensor.zero_point_count);
  port.axis = tensor.axis;
  return port;
}

std::vector<Port> PortsOf(const Target& target, bool input) {
  size_t count = 0;
  const auto ask = input ? heddle_model_input_count : heddle_model_output_count;
  Check(ask(target.model.get(), target.signature_or_null(), &count));
  std::vector<Port> ports;
  for (size_t i = 0; i < count; ++i) ports.push_back(PortOf(target, input, i));
  return ports;
}

LoadOptions OptionsOf(const std::string& numerics, const std::string& isa, bool keep_all) {
  LoadOptions options;
  if (numerics == "reference")
    options.numerics = Numerics::kReference;
  else if (numerics != "fast")
    Raise(Code::kInvalidArgument, "numerics is '" + numerics + "', expected 'fast' or 'reference'");
  options.isa = isa;
  options.keep_all = keep_all;
  return options;
}

Model Loaded(Result<Model> model) {
  Check(model.status());
  return std::move(model).value();
}

Model LoadFile(const nb::bytes& path, const LoadOptions& options) {
  const std::string name(path.c_str(), path.size());
  return Loaded(WithoutGil([&] { return TheEngine().Load(name, options); }));
}

// Any object with a buffer: bytes, bytearray, memoryview, mmap, an array.
Model LoadBuffer(nb::handle content, const LoadOptions& options) {
  Py_buffer buffer;
  if (PyObject_GetBuffer(content.ptr(), &buffer, PyBUF_SIMPLE) != 0) throw nb::python_error();
  const std::span bytes(static_cast<const std::byte*>(buffer.buf), static_cast<size_t>(buffer.len));
  Result<Model> model = WithoutGil([&] { return TheEngine().LoadBytes(bytes, options); });
  PyBuffer_Release(&buffer);
  return Loaded(std::move(model));
}

void Load(Runner* self, const std::optional<nb::bytes>& path, nb::handle content,
          const std::string& numerics, const std::string& isa, bool keep_all) {
  const LoadOptions options = OptionsOf(numerics, isa, keep_all);
  const Model model = path ? LoadFile(*path, options) : LoadBuffer(content, options);
  new (self) Runner(model, std::make_shared<Place>(model), "", nullptr);
}

std::shared_ptr<Session> SessionOf(const Runner& runner) {
  if (runner.session() == nullptr)
    Raise(Code::kFailedPrecondition, "this has no state of its own: call session() for one");
  return runner.session();
}

// The same model with another signature or state.
void Derive(Runner* self, const Runner& of, const std::string& signature, bool new_session) {
  const std::shared_ptr<const Target> target = of.target();
  std::shared_ptr<Session> session = of.session();
  if (new_session) {
    Result<Session> made = WithoutGil([&] { return target->model.NewSession(); });
    Check(made.status());
    session = std::make_shared<Session>(std::move(made).value());
  }
  new (self) Runner(target->model, target->place, signature, std::move(session));
  self->quantize = of.quantize;
  self->dequantize = of.dequantize;
}

void CloneSession(Runner* self, const Runner& of, bool clone) {
  const std::shared_ptr<const Target> target = of.target();
  std::shared_ptr<Session> session = SessionOf(of);
  if (clone) {
    Result<Session> copy = WithoutGil([&] { return session->Clone(); });
    Check(copy.status());
    session = std::make_shared<Session>(std::move(copy).value());
  }
  new (self) Runner(target->model, target->place, target->signature, std::move(session));
}

nb::bytes SaveSession(const Runner& runner) {
  const std::shared_ptr<Session> session = SessionOf(runner);
  const Result<std::vector<std::byte>> saved = WithoutGil([&] { return session->Save(); });
  Check(saved.status());
  return nb::bytes(saved->data(), saved->size());
}

void RestoreSession(const Runner& runner, const nb::bytes& saved) {
  const std::shared_ptr<Session> session = SessionOf(runner);
  const std::span bytes(static_cast<const std::byte*>(saved.data()), saved.size());
  Check(WithoutGil([&] { return session->Restore(bytes); }));
}

void Warm(const Runner& runner, int callers) {
  const std::shared_ptr<const Target> target = runner.target();
  Check(WithoutGil([&] { return target->model.Warm({}, callers); }));
}

PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(Call)}, {0, nullptr}};

}  // namespace

const Engine& TheEngine() {
  static const Engine* const engine = new Engine;
  return *engine;
}

Runner::Runner(const Model& model, std::shared_ptr<Place> place, std::string signature,
               std::shared_ptr<Session> session)
    : session_(std::move(session)) {
  auto target =
      std::make_shared<Target>(Target{model, std::move(place), std::move(signature), {}, {}});
  target->inputs = PortsOf(*target, true);
  target->outputs = PortsOf(*target, false);
  target->one_graph = heddle_model_subgraph_count(model.get()) == 1;
  target_ = std::move(target);
}

std::shared_ptr<const Target> Runner::target() const {
  if (target_ == nullptr) Raise(Code::kFailedPrecondition, "the model was closed");
  return target_;
}

const Port* FindPort(const std::vector<Port>& ports, nb::handle name) {
  for (const Port& port : ports)
    if (port.key.ptr() == name.ptr()) return &port;
  if (!PyUnicode_Check(name.ptr())) return nullptr;
  for (const Port& port : ports)
    if (PyUnicode_Compare(port.key.ptr(), name.ptr()) == 0) return &port;
  return nullptr;
}

nb::class_<Runner> BindRunner(nb::module_& module) {
  return nb::class_<Runner>(module, "Runner", nb::type_slots(slots), nb::is_weak_referenceable())
      .def("__init__", &Load, nb::kw_only(), nb::arg("path") = nb::none(),
           nb::arg("content") = nb::none(), nb::arg("numerics") = "fast", nb::arg("isa") = "",
           nb::arg("keep_all") = false)
      .def("__init__", &Derive, nb::arg("of"), nb::arg("signature"), nb::arg("new_session"))
      .def("__init__", &CloneSession, nb::arg("of"), nb::arg("clone"))
      .def_rw("_quantize", &Runner::quantize)
      .def_rw("_dequantize", &Runner::dequantize)
      .def("_run", &RunList, nb::arg("inputs"))
      .def("close", &Runner::Close, "Lets go of the model; calls in flight end as usual.")
      .def_prop_ro("closed", &Runner::closed)
      .def_prop_ro("_keeps_gil", [](const Runner& r) { return r.known.pace.Keeps(); })
      .def("_reset", [](const Runner& r) { Check(SessionOf(r)->Reset()); })
      .def("_save", &SaveSession)
      .def("_restore", &RestoreSession, nb::arg("saved"))
      .def("_warm", &Warm, nb::arg("callers"));
}

}  // namespace heddle::python
