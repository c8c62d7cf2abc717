// SPDX-License-Identifier: Apache-2.0
#include "errors.h"

#include <array>

#include "heddle/engine.h"

namespace heddle::python {
namespace nb = nanobind;
namespace {

// By code. They live as long as the process: a call may fail while modules are being torn down.
std::array<PyObject*, 10> classes{};

}  // namespace

void ImportErrors() {
  const nb::object table = nb::module_::import_("heddle.errors").attr("BY_CODE");
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = nb::object(table[i]).release().ptr();
}

void Raise(Code code, const std::string& message) {
  const auto index = static_cast<size_t>(code);
  PyErr_SetString(index < classes.size() ? classes[index] : PyExc_RuntimeError, message.c_str());
  throw nb::python_error();
}

void Raise(const Status& status) { Raise(status.code(), std::string(status.message())); }

void Check(heddle_status* status) {
  if (status != nullptr) Raise(internal::Take(status));
}

}  // namespace heddle::python
