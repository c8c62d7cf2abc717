// SPDX-License-Identifier: Apache-2.0
// Session: the state of a model that remembers, owned by one caller.
#ifndef HEDDLE_SESSION_H_
#define HEDDLE_SESSION_H_

#include <vector>

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
  // As it was when created.
  Status Reset() { return internal::Take(heddle_session_reset(handle_.get())); }
  // The state as bytes, for Restore by any session of the same model, here or on another machine.
  Result<std::vector<std::byte>> Save() const {
    size_t bytes = 0;
    Status status = internal::Take(heddle_session_save(handle_.get(), nullptr, &bytes));
    if (!status.ok()) return status;
    std::vector<std::byte> saved(bytes);
    status = internal::Take(heddle_session_save(handle_.get(), saved.data(), &bytes));
    if (!status.ok()) return status;
    saved.resize(bytes);
    return saved;
  }
  // Refuses the bytes of another model, or bytes that are not whole, and then changes nothing.
  Status Restore(std::span<const std::byte> saved) {
    return internal::Take(heddle_session_restore(handle_.get(), saved.data(), saved.size()));
  }
  // Another session that remembers the same.
  Result<Session> Clone() const {
    heddle_session* copy = nullptr;
    Status status = internal::Take(heddle_session_clone(handle_.get(), &copy));
    if (!status.ok()) return status;
    return Session(model_, copy);
  }

  heddle_session* get() const { return handle_.get(); }

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
