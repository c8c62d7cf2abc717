// SPDX-License-Identifier: Apache-2.0
#include "engine/session.h"

#include "base/errors.h"

namespace heddle::core {

Result<std::unique_ptr<Session>> Session::Make(std::shared_ptr<LoadedModel> model) {
  HEDDLE_ASSIGN(std::unique_ptr<State> state, model->NewState());
  return std::unique_ptr<Session>(new Session(std::move(model), std::move(state)));
}

Result<std::unique_ptr<Session>> Session::Clone() const {
  HEDDLE_ASSIGN(std::unique_ptr<Session> copy, Make(model_));
  HEDDLE_TRY(copy->state_->CopyFrom(*state_));
  return copy;
}

Status Session::Turn::Check() const {
  if (held_) return Status();
  return FailedPrecondition("the session is busy: it runs one call at a time");
}

}  // namespace heddle::core
