// SPDX-License-Identifier: Apache-2.0
#include "cancel.h"

#include "errors.h"
#include "heddle/options.h"

namespace heddle::python {
namespace nb = nanobind;

void BindCancel(nb::module_& module) {
  nb::class_<CancelToken>(module, "CancelToken",
                          "Stops the calls that were given it: m(x, cancel=token), then, from any "
                          "thread, token.cancel(). Those calls raise heddle.Cancelled.")
      .def(nb::init<>())
      .def("cancel", &CancelToken::Cancel, "Stops every call that was given this token.");
}

const heddle_cancel* TokenOf(nb::handle token) {
  CancelToken* found = nullptr;
  if (!nb::try_cast(token, found) || found == nullptr)
    Raise(Code::kInvalidArgument, "cancel is no heddle.CancelToken");
  return found->get();
}

}  // namespace heddle::python
