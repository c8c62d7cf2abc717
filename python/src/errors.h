// SPDX-License-Identifier: Apache-2.0
// A Status becomes the Python exception of its kind (heddle/errors.py).
#ifndef HEDDLE_PYTHON_ERRORS_H_
#define HEDDLE_PYTHON_ERRORS_H_

#include <nanobind/nanobind.h>

#include <exception>
#include <new>
#include <string>

#include "heddle/status.h"

namespace heddle::python {

// Looks the classes up; once, while the module is imported.
void ImportErrors();

// Sets the exception and throws nanobind's carrier of it.
[[noreturn]] void Raise(const Status& status);
[[noreturn]] void Raise(Code code, const std::string& message);

inline void Check(const Status& status) {
  if (!status.ok()) Raise(status);
}
// Of a function of c.h: takes the status over.
void Check(heddle_status* status);

// For functions that Python calls without nanobind between: what `body` throws is set instead.
template <class F>
PyObject* AsPython(F body) noexcept {
  try {
    return body();
  } catch (nanobind::python_error& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_ERRORS_H_
