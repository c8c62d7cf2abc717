// SPDX-License-Identifier: Apache-2.0
// numpy's C interface, one table for all sources. module.cc fills it; the others only use it.
#ifndef HEDDLE_PYTHON_NUMPY_H_
#define HEDDLE_PYTHON_NUMPY_H_

#include <nanobind/nanobind.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL heddle_numpy_table
#ifndef HEDDLE_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

namespace heddle::python {
namespace nb = nanobind;

inline PyArrayObject* AsArray(PyObject* object) { return reinterpret_cast<PyArrayObject*>(object); }
inline PyArrayObject* AsArray(nb::handle object) { return AsArray(object.ptr()); }

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_NUMPY_H_
