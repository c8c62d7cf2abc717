// SPDX-License-Identifier: Apache-2.0
// Runner: what Python calls: a model's main graph, one of its signatures, or either with a state.
#ifndef HEDDLE_PYTHON_RUNNER_H_
#define HEDDLE_PYTHON_RUNNER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "array.h"
#include "heddle/engine.h"
#include "pace.h"

namespace heddle::python {

using OutputsHandle =
    std::unique_ptr<heddle_outputs, internal::Deleter<heddle_outputs, heddle_outputs_free>>;

// A model's place in the process's queue, which knows it from the first submit on and forgets it
// when all that can call the model has gone.
struct Place {
  explicit Place(const Model& m) : model(m) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place();  // ticket.cc
  const Model model;
  bool taken = false;
};

// What a Runner runs. Immutable; calls in flight hold it, so closing a Runner ends none of them.
struct Target {
  Model model;
  std::shared_ptr<Place> place;
  std::string signature;  // empty: the main graph
  std::vector<Port> inputs, outputs;
  bool one_graph = false;  // no loops, no branches

  const char* signature_or_null() const { return signature.empty() ? nullptr : signature.c_str(); }
};

// Shapes of the last call, to know the sizes of the next one's outputs before it runs.
struct KnownShapes {
  std::vector<TensorView> inputs;   // only names and shapes; empty: no call yet
  std::vector<TensorView> outputs;  // empty: only a run can tell
  Pace pace;
};

// What a call writes down of its tensors. It is kept for the runner's next call, which then
// allocates none.
struct CallBuffers {
  std::vector<TensorView> inputs;
  std::vector<TensorView> outs, lent;  // as the caller gave them; as the run has them
  std::vector<const Port*> out_ports;
  std::vector<nb::object> holds, arrays;
};

// Every method with the GIL held.
class Runner {
 public:
  Runner(const Model& model, std::shared_ptr<Place> place, std::string signature,
         std::shared_ptr<Session> session);

  // Raises when the Runner was closed.
  std::shared_ptr<const Target> target() const;
  const std::shared_ptr<Session>& session() const { return session_; }
  void Close() { target_.reset(); }
  bool closed() const { return target_ == nullptr; }

  bool quantize = false, dequantize = false;  // unless a call says otherwise
  KnownShapes known;
  std::unique_ptr<CallBuffers> spare;  // of a call that has ended

 private:
  std::shared_ptr<const Target> target_;
  std::shared_ptr<Session> session_;
};

// tp_call of Runner (call.cc).
PyObject* Call(PyObject* self, PyObject* args, PyObject* kwargs) noexcept;

// One call with inputs by position; the outputs by position (call.cc).
nb::list RunList(Runner& runner, const nb::list& inputs);

// A run whose memory is kept, so that every tensor can be read (kept.cc).
void BindKept(nb::module_& module);
// Ports, tensors and shapes, for descriptions (describe.cc).
void BindDescriptions(nb::class_<Runner>& runner);
// profile.cc
void BindProfile(nb::class_<Runner>& runner);
// Loading, sessions and what else a Runner can do (runner.cc).
nb::class_<Runner> BindRunner(nb::module_& module);

// The process's one Engine; never destroyed, for daemon threads may still run models at exit.
const Engine& TheEngine();

// The port that a name means; nullptr: none.
const Port* FindPort(const std::vector<Port>& ports, nb::handle name);

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_RUNNER_H_
