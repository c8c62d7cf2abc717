// SPDX-License-Identifier: Apache-2.0
#include "array.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>

#include "errors.h"
#include "gil.h"
#include "numpy.h"

namespace heddle::python {
namespace {

std::string DtypeName(PyArrayObject* array) {
  return nb::cast<std::string>(
      nb::str(nb::handle(reinterpret_cast<PyObject*>(PyArray_DESCR(array)))));
}

bool SameType(PyArrayObject* array, int wanted) {
  const int type = PyArray_TYPE(array);
  return type == wanted || PyArray_EquivTypenums(type, wanted);
}

// A view without a name: it goes by position in `port`'s list.
TensorView Describe(const Port& port, PyArrayObject* array) {
  TensorView view;
  view.name = port.name.c_str();
  view.type = port.type;
  view.rank = PyArray_NDIM(array);
  if (view.rank > HEDDLE_MAX_RANK)
    Raise(Code::kInvalidArgument, "'" + port.name + "': an array of rank " +
                                      std::to_string(view.rank) + ", expected at most " +
                                      std::to_string(HEDDLE_MAX_RANK));
  for (int i = 0; i < view.rank; ++i) {
    const npy_intp size = PyArray_DIM(array, i);
    if (size > INT32_MAX)
      Raise(Code::kInvalidArgument, "'" + port.name + "': axis " + std::to_string(i) + " has " +
                                        std::to_string(size) + " elements, expected below 2^31");
    view.dims[i] = static_cast<int32_t>(size);
  }
  view.data = PyArray_DATA(array);
  view.bytes = static_cast<size_t>(PyArray_NBYTES(array));
  return view;
}

bool FourBits(heddle_type type) { return type == HEDDLE_INT4 || type == HEDDLE_UINT4; }

// Strings and 4-bit integers as a .tflite has them, made by _convert.py.
TensorView EncodedView(const Port& port, nb::handle given, nb::object* hold) {
  const nb::tuple encoded(TakingGil([&] {
    return port.type == HEDDLE_STRING
               ? Convert("encode_strings")(given)
               : Convert("pack_nibbles")(given, port.key, DtypeOf(port.type));
  }));
  const nb::bytes bytes = nb::cast<nb::bytes>(encoded[0]);
  TensorView view;
  view.name = port.name.c_str();
  view.type = port.type;
  const nb::tuple shape = nb::cast<nb::tuple>(encoded[1]);
  view.rank = static_cast<int32_t>(shape.size());
  for (size_t i = 0; i < shape.size() && i < HEDDLE_MAX_RANK; ++i)
    view.dims[i] = nb::cast<int32_t>(shape[i]);
  view.data = const_cast<char*>(bytes.c_str());
  view.bytes = bytes.size();
  *hold = bytes;
  return view;
}

// What _convert.py hands back is looked at before it is taken for an array.
nb::object Converted(const Port& port, nb::object made) {
  if (!PyArray_Check(made.ptr()))
    Raise(Code::kInvalidArgument, "input '" + port.name + "' cannot become an array");
  return made;
}

[[noreturn]] void RefuseType(const char* what, const Port& port, PyArrayObject* array) {
  Raise(Code::kInvalidArgument, std::string(what) + " '" + port.name + "' is " + DtypeName(array) +
                                    ", expected " + heddle_type_name(port.type));
}

}  // namespace

int NumpyType(heddle_type type) {
  switch (type) {
    case HEDDLE_FLOAT32:
      return NPY_FLOAT32;
    case HEDDLE_FLOAT16:
      return NPY_FLOAT16;
    case HEDDLE_FLOAT64:
      return NPY_FLOAT64;
    case HEDDLE_BOOL:
      return NPY_BOOL;
    case HEDDLE_INT8:
      return NPY_INT8;
    case HEDDLE_INT16:
      return NPY_INT16;
    case HEDDLE_INT32:
      return NPY_INT32;
    case HEDDLE_INT64:
      return NPY_INT64;
    case HEDDLE_UINT8:
      return NPY_UINT8;
    case HEDDLE_UINT16:
      return NPY_UINT16;
    case HEDDLE_UINT32:
      return NPY_UINT32;
    case HEDDLE_UINT64:
      return NPY_UINT64;
    case HEDDLE_COMPLEX64:
      return NPY_COMPLEX64;
    case HEDDLE_COMPLEX128:
      return NPY_COMPLEX128;
    default:
      return -1;
  }
}

nb::object DtypeOf(heddle_type type) {
  const int number = type == HEDDLE_STRING  ? NPY_OBJECT
                     : type == HEDDLE_INT4  ? NPY_INT8
                     : type == HEDDLE_UINT4 ? NPY_UINT8
                                            : NumpyType(type);
  if (number < 0) return nb::none();
  return nb::steal(reinterpret_cast<PyObject*>(PyArray_DescrFromType(number)));
}

nb::object Convert(const char* function) {
  // Never released: calls may end while modules are being torn down.
  static PyObject* module = nb::module_::import_("heddle._convert").release().ptr();
  return nb::handle(module).attr(function);
}

TensorView InputView(const Port& port, nb::handle given, bool quantize, nb::object* hold) {
  if (port.type == HEDDLE_STRING || FourBits(port.type)) return EncodedView(port, given, hold);
  const int type = NumpyType(port.type);
  if (type < 0)
    Raise(Code::kUnsupported, "input '" + port.name + "' is " + heddle_type_name(port.type) +
                                  ", which numpy has no type for");
  *hold = nb::borrow(given);
  if (!PyArray_Check(given.ptr()))
    *hold = Converted(port, TakingGil([&] {
                        return Convert("as_array")(given, port.key, DtypeOf(port.type), quantize);
                      }));
  if (quantize && !port.scales.empty() && PyTypeNum_ISINTEGER(type) &&
      PyArray_ISFLOAT(AsArray(*hold)))
    *hold = Converted(port, TakingGil([&] {
                        return Convert("quantize")(*hold, port.scales, port.zero_points, port.axis,
                                                   DtypeOf(port.type));
                      }));
  if (!SameType(AsArray(*hold), type)) RefuseType("input", port, AsArray(*hold));
  if (!PyArray_ISCARRAY_RO(AsArray(*hold))) {
    PyObject* copy = TakingGil([&] {
      return PyArray_FROM_OTF(hold->ptr(), type, NPY_ARRAY_IN_ARRAY | NPY_ARRAY_NOTSWAPPED);
    });
    if (copy == nullptr) throw nb::python_error();
    *hold = nb::steal(copy);
  }
  return Describe(port, AsArray(*hold));
}

TensorView OutputView(const Port& port, nb::handle given) {
  const int type = NumpyType(port.type);
  if (type < 0)
    Raise(Code::kInvalidArgument, "out '" + port.name + "': " + heddle_type_name(port.type) +
                                      " cannot be written into an array");
  if (!PyArray_Check(given.ptr()))
    Raise(Code::kInvalidArgument, "out '" + port.name + "' is no numpy array");
  PyArrayObject* const array = AsArray(given);
  if (!SameType(array, type)) RefuseType("out", port, array);
  if (!PyArray_ISCARRAY(array))
    Raise(Code::kInvalidArgument,
          "out '" + port.name + "' must be contiguous, aligned and writable");
  return Describe(port, array);
}

nb::object NewArray(heddle_type type, std::span<const int32_t> shape) {
  npy_intp dims[HEDDLE_MAX_RANK] = {};
  for (size_t i = 0; i < shape.size(); ++i) dims[i] = shape[i];
  PyObject* array = PyArray_SimpleNew(static_cast<int>(shape.size()), dims, NumpyType(type));
  if (array == nullptr) throw nb::python_error();
  return nb::steal(array);
}

TensorView ViewOf(const Port& port, nb::handle array) { return Describe(port, AsArray(array)); }

nb::object CopyOf(const heddle_tensor& tensor) {
  const std::span<const int32_t> shape(tensor.dims, static_cast<size_t>(tensor.rank));
  if (tensor.type == HEDDLE_STRING || FourBits(tensor.type)) {
    const nb::bytes bytes(static_cast<const char*>(tensor.data), tensor.bytes);
    return TakingGil([&] {
      return tensor.type == HEDDLE_STRING
                 ? Convert("decode_strings")(bytes, ShapeTuple(shape))
                 : Convert("unpack_nibbles")(bytes, ShapeTuple(shape), DtypeOf(tensor.type));
    });
  }
  if (NumpyType(tensor.type) < 0)
    Raise(Code::kUnsupported, std::string("tensor '") + tensor.name + "' is " +
                                  heddle_type_name(tensor.type) + ", which numpy has no type for");
  nb::object array = NewArray(tensor.type, shape);
  if (tensor.bytes > 0) std::memcpy(PyArray_DATA(AsArray(array)), tensor.data, tensor.bytes);
  return array;
}

bool CopyInto(nb::handle array, nb::handle value) {
  if (!PyArray_CheckExact(value.ptr()) || !PyArray_Check(array.ptr())) return false;
  PyArrayObject *to = AsArray(array), *from = AsArray(value);
  if (PyArray_TYPE(from) != PyArray_TYPE(to) || !PyArray_SAMESHAPE(from, to) ||
      PyDataType_REFCHK(PyArray_DESCR(to)))
    return false;
  if (PyArray_ISCARRAY(to) && PyArray_ISCARRAY_RO(from))
    std::memmove(PyArray_DATA(to), PyArray_DATA(from), static_cast<size_t>(PyArray_NBYTES(to)));
  else if (TakingGil([&] { return PyArray_CopyInto(to, from); }) != 0)
    throw nb::python_error();
  return true;
}

bool AnyShared(const nb::list& arrays) {
  for (size_t i = 0; i < arrays.size(); ++i)
    if (Py_REFCNT(PyList_GET_ITEM(arrays.ptr(), static_cast<Py_ssize_t>(i))) > 1) return true;
  return false;
}

nb::tuple ShapeTuple(std::span<const int32_t> shape) {
  nb::list sizes;
  for (const int32_t size : shape) sizes.append(size);
  return nb::tuple(sizes);
}

std::string ShapeText(std::span<const int32_t> shape) {
  std::string text;
  for (const int32_t size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return shape.empty() ? "scalar" : text;
}

}  // namespace heddle::python
