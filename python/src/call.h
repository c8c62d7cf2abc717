// SPDX-License-Identifier: Apache-2.0
// One call from Python: arguments to views, a run without the GIL, outputs to arrays.
#ifndef HEDDLE_PYTHON_CALL_H_
#define HEDDLE_PYTHON_CALL_H_

#include <memory>
#include <vector>

#include "runner.h"

namespace heddle::python {

// Words of a call that are no inputs. An input of such a name is given in a dict.
struct CallOptions {
  nb::object out, cancel;
  int64_t deadline_ns = 0;
  bool quantize = false, dequantize = false, as_dict = false, fresh_state = false;
};

// Every method with the GIL held. `runner` outlives it.
class CallInProgress {
 public:
  explicit CallInProgress(Runner& runner);
  CallInProgress(const CallInProgress&) = delete;
  CallInProgress& operator=(const CallInProgress&) = delete;
  ~CallInProgress();

  // Raises what is wrong with the arguments.
  void Bind(PyObject* args, PyObject* kwargs);
  void Bind(const nb::list& inputs);
  // Here and now.
  nb::object Run();
  nb::list RunForList();

  // The same where something else runs it: first Arrange, then a run on these inputs, into these
  // outputs, with these options, then Collect with what the run has left.
  void Arrange();
  const std::vector<TensorView>& inputs() const { return buffers_->inputs; }
  std::vector<TensorView>& outputs() { return buffers_->lent; }
  const CallOptions& options() const { return options_; }
  const Target& target() const { return *target_; }
  heddle_session* session() const { return session_ ? session_->get() : nullptr; }
  nb::object Collect(OutputsHandle left);

 private:
  void BindNamed(nb::handle name, nb::handle value);
  void BindPort(const Port& port, nb::handle value);
  void BindPosition(size_t index, nb::handle value);
  void BindOut(const Port& port, nb::handle array);
  void BindOuts();
  void CheckOverlaps() const;
  bool SeenBefore() const;
  void Remember();
  OutputsHandle Execute();
  heddle_status* RunAtPace(const heddle_run_options& options, heddle_outputs** left);
  std::vector<nb::object>& Arrays(OutputsHandle left);
  nb::object Given();
  nb::object Package(std::vector<nb::object>& arrays);

  Runner& runner_;
  const std::shared_ptr<const Target> target_;  // outlives a close() during the call
  const std::shared_ptr<Session> session_ = runner_.session();
  CallOptions options_;
  std::unique_ptr<CallBuffers> buffers_;
};

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_CALL_H_
