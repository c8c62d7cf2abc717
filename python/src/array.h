// SPDX-License-Identifier: Apache-2.0
// Between numpy arrays and heddle_tensor.
#ifndef HEDDLE_PYTHON_ARRAY_H_
#define HEDDLE_PYTHON_ARRAY_H_

#include <nanobind/nanobind.h>

#include <span>
#include <string>
#include <vector>

#include "heddle/tensor.h"

namespace heddle::python {
namespace nb = nanobind;

// An input or output of a model, as calls need it.
struct Port {
  std::string name;
  nb::object key;  // the name, interned
  heddle_type type = HEDDLE_FLOAT32;
  int rank = 0;  // -1: the model does not say
  int32_t dims[HEDDLE_MAX_RANK] = {};
  int subgraph = 0, tensor = 0;
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
  int axis = 0;
};

// numpy's type of a tensor's elements; -1: it has none (strings, 4-bit integers).
int NumpyType(heddle_type type);
// Of the arrays that programs see: objects for strings, bytes for 4-bit integers.
nb::object DtypeOf(heddle_type type);

// A view of what the caller gives for an input. `hold` keeps the memory: the array itself where it
// is contiguous and of the right type, else a converted copy.
TensorView InputView(const Port& port, nb::handle given, bool quantize, nb::object* hold);

// A view of the caller's array for an output; refuses what cannot be written in place.
TensorView OutputView(const Port& port, nb::handle given);

// A new array, and a view to have it written.
nb::object NewArray(heddle_type type, std::span<const int32_t> shape);
TensorView ViewOf(const Port& port, nb::handle array);

// Copies `value` where it is an array of numbers, of the same type and shape; else does nothing and
// says false.
bool CopyInto(nb::handle array, nb::handle value);
// Whether anyone but the list holds one of its items: a view of an array holds it.
bool AnyShared(const nb::list& arrays);

// A new array with a copy of what a run left; strings become an array of bytes objects, 4-bit
// integers one of 8-bit ones.
nb::object CopyOf(const heddle_tensor& tensor);

// (1, 8, 8)
nb::tuple ShapeTuple(std::span<const int32_t> shape);
std::string ShapeText(std::span<const int32_t> shape);

// heddle/_convert.py, for what is not worth a line of C++. Imported once.
nb::object Convert(const char* function);

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_ARRAY_H_
