// SPDX-License-Identifier: Apache-2.0
#include "errors.h"

#include <nanobind/stl/string.h>

#include <array>

#include "heddle/engine.h"

namespace heddle::python {
namespace nb = nanobind;
namespace {

// By code. They live as long as the process: a call may fail while modules are being torn down.
std::array<PyObject*, 10> classes{};

nb::handle ClassOf(Code code) {
  const auto index = static_cast<size_t>(code);
  return index < classes.size() ? classes[index] : PyExc_RuntimeError;
}

}  // namespace

void ImportErrors() {
  const nb::object table = nb::module_::import_("heddle.errors").attr("BY_CODE");
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = nb::object(table[i]).release().ptr();
}

void Raise(Code code, const std::string& message) {
  PyErr_SetString(ClassOf(code).ptr(), message.c_str());
  throw nb::python_error();
}

void Raise(const Status& status) {
  if (status.retry_ns() == 0) Raise(status.code(), std::string(status.message()));
  nb::object error = nb::borrow(ClassOf(status.code()))(std::string(status.message()));
  error.attr("retry_after") = static_cast<double>(status.retry_ns()) * 1e-9;
  PyErr_SetObject(error.type().ptr(), error.ptr());
  throw nb::python_error();
}

void Check(heddle_status* status) {
  if (status != nullptr) Raise(internal::Take(status));
}

}  // namespace heddle::python
