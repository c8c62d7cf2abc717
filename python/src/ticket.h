// SPDX-License-Identifier: Apache-2.0
// Ticket: a call that the process's queue runs. Completions: how Python learns of its end.
#ifndef HEDDLE_PYTHON_TICKET_H_
#define HEDDLE_PYTHON_TICKET_H_

#include <nanobind/nanobind.h>

namespace heddle::python {

void BindTickets(nanobind::module_& module);

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_TICKET_H_
