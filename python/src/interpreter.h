// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_PYTHON_INTERPRETER_H_
#define HEDDLE_PYTHON_INTERPRETER_H_

#include <nanobind/nanobind.h>

namespace heddle::python {

void BindInterpreter(nanobind::module_& module);

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_INTERPRETER_H_
