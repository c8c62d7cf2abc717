// SPDX-License-Identifier: Apache-2.0
// heddle._native: what the Python package stands on.
#define HEDDLE_IMPORTS_NUMPY
#include "cancel.h"
#include "errors.h"
#include "interpreter.h"
#include "numpy.h"
#include "runner.h"
#include "tensor_set.h"
#include "ticket.h"

NB_MODULE(_native, module) {
  using namespace heddle::python;  // NOLINT: the module is this namespace
  if (_import_array() < 0) throw nb::python_error();
  // Calls that are in flight when Python ends keep their objects: nobody's mistake.
  nb::set_leak_warnings(false);
  ImportErrors();
  module.attr("VERSION") = heddle_version();
  BindCancel(module);
  nb::class_<Runner> runner = BindRunner(module);
  BindDescriptions(runner);
  BindProfile(runner);
  BindKept(module);
  BindTensorSet(module);
  BindInterpreter(module);
  BindTickets(module);
}
