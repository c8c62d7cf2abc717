// SPDX-License-Identifier: Apache-2.0
// Session: the state of one caller's calls.
#ifndef HEDDLE_ENGINE_SESSION_H_
#define HEDDLE_ENGINE_SESSION_H_

#include <atomic>
#include <memory>

#include "engine/loaded_model.h"

namespace heddle::core {

// Runs one call at a time: whoever uses the state holds a Turn.
class Session {
 public:
  static Result<std::unique_ptr<Session>> Make(std::shared_ptr<LoadedModel> model);
  // Another session that remembers the same.
  Result<std::unique_ptr<Session>> Clone() const;  // REQUIRES: a Turn

  LoadedModel* model() const { return model_.get(); }
  State& state() { return *state_; }  // REQUIRES: a Turn

  // Holds the session until its end, where it was free.
  class Turn {
   public:
    explicit Turn(Session* session)
        : session_(session),
          held_(session == nullptr || !session->busy_.exchange(true, std::memory_order_acquire)) {}
    ~Turn() {
      if (held_ && session_ != nullptr) session_->busy_.store(false, std::memory_order_release);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Status Check() const;

   private:
    Session* session_;
    bool held_;
  };

 private:
  Session(std::shared_ptr<LoadedModel> model, std::unique_ptr<State> state)
      : model_(std::move(model)), state_(std::move(state)) {}
  std::shared_ptr<LoadedModel> model_;  // outlives the state
  std::unique_ptr<State> state_;
  std::atomic<bool> busy_{false};
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_SESSION_H_
