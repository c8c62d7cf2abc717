// SPDX-License-Identifier: Apache-2.0
// What a model says of its inputs, outputs and tensors, as tuples that Python names
// (heddle/_describe.py).
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "errors.h"
#include "gil.h"
#include "runner.h"

namespace heddle::python {
namespace {

nb::tuple Shape(const int32_t* dims, int rank) {
  return ShapeTuple({dims, static_cast<size_t>(rank < 0 ? 0 : rank)});
}

heddle_graph_tensor TensorOf(const Runner& runner, size_t subgraph, size_t index) {
  heddle_graph_tensor tensor{};
  tensor.struct_size = sizeof(tensor);
  Check(heddle_model_tensor(runner.target()->model.get(), subgraph, index, &tensor));
  return tensor;
}

// (name, type, dtype, shape, shape_signature, scales, zero_points, axis, variable)
nb::tuple Tensor(const Runner& runner, size_t subgraph, size_t index) {
  const heddle_graph_tensor t = TensorOf(runner, subgraph, index);
  return nb::make_tuple(
      nb::steal(PyUnicode_DecodeUTF8(t.name, static_cast<Py_ssize_t>(strlen(t.name)), "replace")),
      heddle_type_name(t.type), DtypeOf(t.type), Shape(t.dims, t.rank),
      Shape(t.signature, t.signature_rank), std::vector<float>(t.scales, t.scales + t.scale_count),
      std::vector<int64_t>(t.zero_points, t.zero_points + t.zero_point_count), t.axis,
      t.variable != 0);
}

nb::object Constant(const Runner& runner, size_t subgraph, size_t index) {
  const heddle_graph_tensor t = TensorOf(runner, subgraph, index);
  if (t.data == nullptr) return nb::none();
  TensorView view;
  view.name = t.name;
  view.type = t.type;
  view.rank = t.rank < 0 ? 0 : t.rank;
  for (int i = 0; i < view.rank; ++i) view.dims[i] = t.dims[i];
  view.data = const_cast<void*>(t.data);
  view.bytes = t.bytes;
  return CopyOf(view);
}

// (name, type, dtype, shape with -1, scales, zero_points, axis, subgraph, tensor) of each
nb::list Ports(const std::vector<Port>& ports) {
  nb::list list;
  for (const Port& p : ports)
    list.append(nb::make_tuple(p.key, heddle_type_name(p.type), DtypeOf(p.type),
                               Shape(p.dims, p.rank), p.scales, p.zero_points, p.axis, p.subgraph,
                               p.tensor));
  return list;
}

nb::object ShapeOf(const Runner& runner, size_t tensor,
                   const std::vector<std::vector<int32_t>>& inputs) {
  const std::shared_ptr<const Target> target = runner.target();
  if (inputs.size() != target->inputs.size())
    Raise(Code::kInvalidArgument, std::to_string(inputs.size()) + " shapes, the model has " +
                                      std::to_string(target->inputs.size()) + " inputs");
  std::vector<TensorView> views;
  for (const std::vector<int32_t>& dims : inputs) {
    TensorView view;
    view.rank = static_cast<int32_t>(dims.size());
    if (view.rank > HEDDLE_MAX_RANK) Raise(Code::kInvalidArgument, "a shape has too many axes");
    std::copy(dims.begin(), dims.end(), view.dims);
    views.push_back(view);
  }
  TensorView shape;
  Check(WithoutGil([&] {
    return heddle_model_shape(target->model.get(), target->signature_or_null(), views.data(),
                              views.size(), tensor, &shape);
  }));
  if (shape.rank == HEDDLE_SHAPE_OF_MODEL) return nb::none();
  return ShapeTuple(shape.shape());
}

nb::list SignatureNames(const Runner& runner) {
  const std::shared_ptr<const Target> target = runner.target();
  nb::list names;
  for (size_t i = 0; i < heddle_model_signature_count(target->model.get()); ++i)
    names.append(heddle_model_signature_name(target->model.get(), i));
  return names;
}

}  // namespace

void BindDescriptions(nb::class_<Runner>& runner) {
  runner.def("_inputs", [](const Runner& r) { return Ports(r.target()->inputs); })
      .def("_outputs", [](const Runner& r) { return Ports(r.target()->outputs); })
      .def("_tensor", &Tensor, nb::arg("subgraph"), nb::arg("index"))
      .def("_constant", &Constant, nb::arg("subgraph"), nb::arg("index"))
      .def("_tensor_count",
           [](const Runner& r, size_t subgraph) {
             return heddle_model_tensor_count(r.target()->model.get(), subgraph);
           })
      .def("_subgraph_count",
           [](const Runner& r) { return heddle_model_subgraph_count(r.target()->model.get()); })
      .def("_shape_of", &ShapeOf, nb::arg("tensor"), nb::arg("input_shapes"))
      .def("_signature_names", &SignatureNames)
      .def("_state",
           [](const Runner& r, const std::string& signature) -> nb::object {
             const char* name = heddle_model_state(r.target()->model.get(), signature.c_str());
             return name == nullptr ? nb::none() : nb::object(nb::str(name));
           })
      .def_prop_ro("_signature", [](const Runner& r) { return r.target()->signature; })
      .def_prop_ro(
          "isa", [](const Runner& r) { return r.target()->model.isa(); },
          "The instruction set that computes.")
      .def_prop_ro(
          "weights_bytes", [](const Runner& r) { return r.target()->model.weights_bytes(); },
          "Of the one copy that all callers share.")
      .def_prop_ro(
          "arena_bytes", [](const Runner& r) { return r.target()->model.arena_bytes(); },
          "Of one call, at the shapes run last.");
}

}  // namespace heddle::python
