// SPDX-License-Identifier: Apache-2.0
// What programs call for every inference of the drop-in interpreter: set_tensor, invoke and
// get_tensor, and whose tensors they mean. Its subclass in heddle/lite/_interpreter.py does the
// rest: what is rare, and what is wrong.
#include "interpreter.h"

#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <vector>

#include "errors.h"
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
        of_threads_(local_.type().is(nb::module_::import_("_thread").attr("_local"))),
        last_set_(std::move(first)),
        per_thread_(per_thread),
        keep_all_(keep_all) {
    nb::cast<TensorSet&>(last_set_);  // raises what it is not
  }

  // To read and to invoke: the thread's own, else those set last.
  nb::object ToRead() {
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

  void Invoke() {
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

  nb::object GetTensor(nb::handle self, nb::handle index, nb::handle subgraph) {
    const nb::object set = ToRead();
    const TensorSet& tensors = Tensors(set);
    const bool main = !subgraph.is_valid() || IntOf(subgraph) == 0;
    const Py_ssize_t position = main ? Position(outputs_, index) : -1;
    if (position >= 0 && tensors.stays()) return tensors.Output(static_cast<size_t>(position));
    return self.attr("_get")(set, index, subgraph.is_valid() ? subgraph : nb::int_(0));
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

  // None: the thread has none. Python numbers its threads, and uses no number twice.
  nb::object Own() {
    const uint64_t thread = PyThreadState_GetID(PyThreadState_Get());
    if (thread == owner_) return owned_;
    nb::object own = nb::getattr(local_, key_, nb::none());
    if (of_threads_ && !own.is_none()) {
      owner_ = thread;
      owned_ = own;
    }
    return own;
  }

  const std::vector<int> inputs_, outputs_;
  const nb::object local_;
  const nb::object key_ = nb::steal(PyUnicode_InternFromString("tensors"));
  const bool of_threads_;  // and not, say, of greenlets
  uint64_t owner_ = 0;     // who asked last, and what it has; 0: nobody
  nb::object owned_;
  nb::object last_set_;
  const bool per_thread_, keep_all_;
};

template <class... Parts>
[[noreturn]] void RaiseTypeError(const char* format, Parts... parts) {
  PyErr_Format(PyExc_TypeError, format, parts...);
  throw nb::python_error();
}

Interpreter& Made(PyObject* self) {
  if (nb::inst_ready(self)) return *nb::inst_ptr<Interpreter>(self);
  RaiseTypeError("the interpreter was never made: its __init__ did not run");
}

// What a call gives by position and by name, in the order of `names`; an invalid handle: nothing.
template <size_t N>
std::array<nb::handle, N> Arguments(const char* method, const std::array<const char*, N>& names,
                                    size_t needed, PyObject* const* given, Py_ssize_t count,
                                    PyObject* keywords) {
  std::array<nb::handle, N> values{};
  if (count > static_cast<Py_ssize_t>(N))
    RaiseTypeError("%s() takes %zu arguments, %zd are given", method, N, count);
  std::copy_n(given, count, values.begin());
  const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(keywords, i);
    size_t k = 0;
    while (k < N && PyUnicode_CompareWithASCIIString(name, names[k]) != 0) ++k;
    if (k == N) RaiseTypeError("%s() has no argument '%U'", method, name);
    if (values[k].is_valid()) RaiseTypeError("%s(): '%s' is given twice", method, names[k]);
    values[k] = given[count + i];
  }
  for (size_t k = 0; k < needed; ++k)
    if (!values[k].is_valid()) RaiseTypeError("%s(): '%s' is missing", method, names[k]);
  return values;
}

PyObject* SetTensor(PyObject* self, PyObject* const* given, Py_ssize_t count,
                    PyObject* keywords) noexcept {
  return AsPython([&] {
    const auto [index, value] =
        Arguments<2>("set_tensor", {"tensor_index", "value"}, 2, given, count, keywords);
    Made(self).SetTensor(self, index, value);
    return nb::none().release().ptr();
  });
}

PyObject* Invoke(PyObject* self, PyObject*) noexcept {
  return AsPython([&] {
    Made(self).Invoke();
    return nb::none().release().ptr();
  });
}

PyObject* GetTensor(PyObject* self, PyObject* const* given, Py_ssize_t count,
                    PyObject* keywords) noexcept {
  return AsPython([&] {
    const auto [index, subgraph] =
        Arguments<2>("get_tensor", {"tensor_index", "subgraph_index"}, 1, given, count, keywords);
    return Made(self).GetTensor(self, index, subgraph).release().ptr();
  });
}

// As Python's own: what stands between in a nanobind method costs more than what these do.
PyMethodDef methods[] = {
    {"set_tensor", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(SetTensor)),
     METH_FASTCALL | METH_KEYWORDS,
     "set_tensor($self, tensor_index, value)\n--\n\n"
     "Copies `value` into an input. Type and shape must be the tensor's. What is set in an output "
     "is "
     "there until the\nnext invoke()."},
    {"invoke", Invoke, METH_NOARGS,
     "invoke($self)\n--\n\n"
     "Runs the model on the thread's tensors. Other Python threads run meanwhile."},
    {"get_tensor", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(GetTensor)),
     METH_FASTCALL | METH_KEYWORDS,
     "get_tensor($self, tensor_index, subgraph_index=0)\n--\n\n"
     "A copy of an output, an input or a constant; of any tensor with "
     "experimental_preserve_all_tensors."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot slots[] = {{Py_tp_methods, methods}, {0, nullptr}};

}  // namespace

void BindInterpreter(nb::module_& module) {
  nb::class_<Interpreter>(module, "Interpreter", nb::type_slots(slots))
      .def(nb::init<std::vector<int>, std::vector<int>, nb::object, nb::object, bool, bool>(),
           nb::arg("inputs"), nb::arg("outputs"), nb::arg("local"), nb::arg("first"),
           nb::arg("per_thread"), nb::arg("keep_all"))
      .def("_tensors", &Interpreter::ToRead, "The tensors that this thread reads and invokes on.")
      .def("_tensors_to_set", &Interpreter::ToSet, "Its own, from now on.");
}

}  // namespace heddle::python
