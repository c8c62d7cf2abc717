// SPDX-License-Identifier: Apache-2.0
// The tensors of a drop-in interpreter: what its inputs hold and what the last invoke left. Where
// they stay where they are from one run to the next they are described once.
#ifndef HEDDLE_PYTHON_TENSOR_SET_H_
#define HEDDLE_PYTHON_TENSOR_SET_H_

#include <memory>
#include <vector>

#include "runner.h"

namespace heddle::python {

// Every method with the GIL held, which is its only lock. What is wrong is raised as the stock
// interpreter raises it.
class TensorSet {
 public:
  // Lists of arrays; None until they are allocated. The lists never change.
  const nb::object& inputs() const { return inputs_; }
  const nb::object& outputs() const { return outputs_; }
  bool allocated() const { return !inputs_.is_none(); }
  void Allocate(nb::list inputs, nb::list outputs);
  void Forget();

  // From now on every run is on the arrays that are allocated.
  void Stay(const Runner& runner);
  bool stays() const { return target_ != nullptr; }
  // Then runs of a model that remembers nothing need not take turns, either.
  bool runs_alone() const { return stays() && session_ == nullptr; }

  // The values of another set, which goes on. Of outputs that a run is about to write: zeros.
  void CopyFrom(const TensorSet& other);

  // True: nobody had claimed it, and the caller has now.
  bool Claim();

  // Between them is a run, and nobody else may set, resize or invoke.
  void Begin();
  void End() { busy_ = false; }
  bool busy() const { return busy_; }
  void CheckIdle() const;
  // An array that tensor(i)() gave may not outlive what it shows.
  void CheckViews() const;

  void Run();
  nb::object Output(size_t position) const { return CopyOf(output_views_[position]); }

 private:
  void Describe(std::shared_ptr<const Target> target, std::shared_ptr<Session> session);
  heddle_status* RunAtPace();

  nb::object inputs_ = nb::none(), outputs_ = nb::none();
  bool claimed_ = false, busy_ = false;
  // Of tensors that stay.
  std::shared_ptr<const Target> target_;
  std::shared_ptr<Session> session_;
  std::vector<TensorView> input_views_, output_views_;
  Pace pace_;
};

void BindTensorSet(nb::module_& module);

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_TENSOR_SET_H_
