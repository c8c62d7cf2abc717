// SPDX-License-Identifier: Apache-2.0
// A Status becomes the Python exception of its kind (heddle/errors.py).
#ifndef HEDDLE_PYTHON_ERRORS_H_
#define HEDDLE_PYTHON_ERRORS_H_

#include <nanobind/nanobind.h>

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

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_ERRORS_H_
