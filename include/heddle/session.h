// SPDX-License-Identifier: Apache-2.0
// Session: the state of a model that remembers, owned by one caller.
#ifndef HEDDLE_SESSION_H_
#define HEDDLE_SESSION_H_

#include "heddle/engine.h"

namespace heddle {

// Two sessions never see each other. One call at a time: a second one is refused with
// kFailedPrecondition.
class Session {
 public:
  Result<Outputs> Run(std::span<const TensorView> inputs, const RunOptions& options = {}) {
    const heddle_run_options c = internal::ToC(options, handle_.get());
    heddle_outputs* views = nullptr;
    Status status = internal::Take(
        heddle_model_run(model_.get(), inputs.data(), inputs.size(), nullptr, 0, &c, &views));
    if (!status.ok()) return status;
    return Outputs(views);
  }
  Result<Outputs> Run(std::initializer_list<TensorView> inputs, const RunOptions& options = {}) {
    return Run(std::span<const TensorView>(inputs.begin(), inputs.size()), options);
  }
  Status Reset() { return internal::Take(heddle_session_reset(handle_.get())); }

 private:
  friend class Model;
  Session(Model model, heddle_session* handle) : model_(std::move(model)), handle_(handle) {}
  Model model_;
  std::unique_ptr<heddle_session, internal::Deleter<heddle_session, heddle_session_free>> handle_;
};

inline Result<Session> Model::NewSession() const {
  heddle_session* session = nullptr;
  Status status = internal::Take(heddle_session_create(handle_.get(), &session));
  if (!status.ok()) return status;
  return Session(*this, session);
}

}  // namespace heddle

#endif  // HEDDLE_SESSION_H_
