// SPDX-License-Identifier: Apache-2.0
// What programs call for every inference of the drop-in interpreter: set_tensor, invoke and
// get_tensor, and whose tensors they mean. Its subclass in heddle/lite/_interpreter.py does the
// rest: what is rare, and what is wrong.
#include "interpreter.h"

#include <nanobind/stl/vector.h>

#include <vector>

#include "tensor_set.h"

namespace heddle::python {
namespace {

class Interpreter {
 public:
  // By position the tensors' indices in the main graph; `local` is a threading.local, and `first`
  // the set that all threads begin with.
  Interpreter(std::vector<int> inputs, std::vector<int> outputs, nb::object local, nb::object first,
              bool per_thread, bool keep_all)
      : inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        local_(std::move(local)),
        last_set_(std::move(first)),
        per_thread_(per_thread),
        keep_all_(keep_all) {
    nb::cast<TensorSet&>(last_set_);  // raises what it is not
  }

  // To read and to invoke: the thread's own, else those set last.
  nb::object ToRead() const {
    nb::object own = Own();
    return own.is_none() ? last_set_ : own;
  }

  nb::object ToSet() {
    nb::object own = Own();
    if (own.is_none()) {
      own = last_set_;
      if (per_thread_ && !Tensors(own).Claim()) {
        own = own.attr("copy")();
        Tensors(own).Claim();
      }
      local_.attr("tensors") = own;
    }
    Tensors(own).CheckIdle();
    last_set_ = own;
    return own;
  }

  void SetTensor(nb::handle self, nb::handle index, nb::handle value) {
    const nb::object set = ToSet();
    const nb::object arrays = Tensors(set).inputs();
    const Py_ssize_t position = Position(inputs_, index);
    if (position < 0 || arrays.is_none() ||
        !CopyInto(PyList_GET_ITEM(arrays.ptr(), position), value))
      self.attr("_set")(set, index, value);
  }

  void Invoke() const {
    const nb::object set = ToRead();
    TensorSet& tensors = Tensors(set);
    if (keep_all_ || !tensors.runs_alone()) {
      set.attr("invoke")(keep_all_);
      return;
    }
    tensors.Begin();
    struct Ended {
      TensorSet& tensors;
      ~Ended() { tensors.End(); }
    } const ended{tensors};
    tensors.Run();
  }

  nb::object GetTensor(nb::handle self, nb::handle index, nb::handle subgraph) const {
    const nb::object set = ToRead();
    const TensorSet& tensors = Tensors(set);
    const Py_ssize_t position = IntOf(subgraph) == 0 ? Position(outputs_, index) : -1;
    if (position >= 0 && tensors.stays()) return tensors.Output(static_cast<size_t>(position));
    return self.attr("_get")(set, index, subgraph);
  }

 private:
  // Of what is known to be a set: unchecked, for a cast costs more than what is done with it.
  static TensorSet& Tensors(nb::handle set) { return *nb::inst_ptr<TensorSet>(set); }

  // -1: not exactly an int, or none that an index could be.
  static long IntOf(nb::handle value) {
    if (!PyLong_CheckExact(value.ptr())) return -1;
    int overflow = 0;
    return PyLong_AsLongAndOverflow(value.ptr(), &overflow);
  }

  // -1: unknown here. Of two positions of one tensor the last, as a dict would have it.
  static Py_ssize_t Position(const std::vector<int>& tensors, nb::handle index) {
    const long wanted = IntOf(index);
    Py_ssize_t i = wanted < 0 ? 0 : static_cast<Py_ssize_t>(tensors.size());
    while (--i >= 0 && tensors[static_cast<size_t>(i)] != wanted) continue;
    return i;
  }

  nb::object Own() const { return nb::getattr(local_, key_, nb::none()); }

  const std::vector<int> inputs_, outputs_;
  const nb::object local_;
  const nb::object key_ = nb::steal(PyUnicode_InternFromString("tensors"));
  nb::object last_set_;
  const bool per_thread_, keep_all_;
};

using Self = nb::pointer_and_handle<Interpreter>;

}  // namespace

void BindInterpreter(nb::module_& module) {
  nb::class_<Interpreter>(module, "Interpreter")
      .def(nb::init<std::vector<int>, std::vector<int>, nb::object, nb::object, bool, bool>(),
           nb::arg("inputs"), nb::arg("outputs"), nb::arg("local"), nb::arg("first"),
           nb::arg("per_thread"), nb::arg("keep_all"))
      .def("_tensors", &Interpreter::ToRead, "The tensors that this thread reads and invokes on.")
      .def("_tensors_to_set", &Interpreter::ToSet, "Its own, from now on.")
      .def(
          "set_tensor",
          [](Self self, nb::handle index, nb::handle value) {
            self.p->SetTensor(self.h, index, value);
          },
          nb::arg("tensor_index"), nb::arg("value"),
          "Copies `value` into an input. Type and shape must be the tensor's. What is set in an "
          "output is there until the\nnext invoke().")
      .def("invoke", &Interpreter::Invoke,
           "Runs the model on the thread's tensors. Other Python threads run meanwhile.")
      .def(
          "get_tensor",
          [](Self self, nb::handle index, nb::handle subgraph) {
            return self.p->GetTensor(self.h, index, subgraph);
          },
          nb::arg("tensor_index"), nb::arg("subgraph_index") = 0,
          "A copy of an output, an input or a constant; of any tensor with "
          "experimental_preserve_all_tensors.");
}

}  // namespace heddle::python
