// SPDX-License-Identifier: Apache-2.0
// The times of a model's steps.
#include <nanobind/stl/string.h>

#include "call.h"
#include "errors.h"
#include "gil.h"

namespace heddle::python {
namespace {

nb::list StepTimes(Runner& runner, const nb::tuple& args, const nb::dict& kwargs) {
  CallInProgress call(runner);
  call.Bind(args.ptr(), kwargs.ptr());
  const Result<std::vector<StepTime>> steps =
      WithoutGil([&] { return call.target().model.Profile(call.inputs()); });
  Check(steps.status());
  nb::list times;
  for (const StepTime& step : *steps)
    times.append(nb::make_tuple(step.op, step.name, step.kernel, ShapeTuple(step.shape), step.macs,
                                step.ns));
  return times;
}

}  // namespace

void BindProfile(nb::class_<Runner>& runner) {
  runner.def("_step_times", &StepTimes, nb::arg("args"), nb::arg("kwargs"));
}

}  // namespace heddle::python
