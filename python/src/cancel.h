// SPDX-License-Identifier: Apache-2.0
// heddle.CancelToken.
#ifndef HEDDLE_PYTHON_CANCEL_H_
#define HEDDLE_PYTHON_CANCEL_H_

#include <nanobind/nanobind.h>

#include "heddle/c.h"

namespace heddle::python {

void BindCancel(nanobind::module_& module);
// Raises when the object is no CancelToken.
const heddle_cancel* TokenOf(nanobind::handle token);

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_CANCEL_H_
