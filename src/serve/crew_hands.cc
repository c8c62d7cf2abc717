// SPDX-License-Identifier: Apache-2.0
#include "serve/crew_hands.h"

#include <optional>

#include "serve/queue.h"

namespace heddle::core {

void CrewHands::Forked() {
  const std::lock_guard lock(mutex_);
  free_.insert(free_.end(), posted_.begin(), posted_.end());
  posted_.clear();
}

void CrewHands::Post(Priority priority) {
  Task* task;
  {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      free_.push_back(&tasks_.emplace_back(*this));
      posted_.reserve(tasks_.size());
    }
    task = free_.back();
    free_.pop_back();
    task->priority = priority;
    posted_.push_back(task);
  }
  crew().Post(*task, priority);
}

void CrewHands::Task::Run(Turn& turn) {
  const Priority posted = priority;
  hands_.Begun(*this);
  hands_.queue_->Work(turn, posted, nullptr);
}

// From here on the task may be posted again.
void CrewHands::Begun(Task& task) {
  const std::lock_guard lock(mutex_);
  std::erase(posted_, &task);
  free_.push_back(&task);
}

// Inside a callback the thread has a turn, which others may wait for: it works until the request
// is done, or the time over.
void CrewHands::Lend(Request& request, int64_t until_ns) {
  const bool inside = InTurn();
  Turn turn(crew(), request.priority, Turn::IfFree());
  if (!turn.held()) {
    LendPosted(request);
    return;
  }
  if (inside)
    queue_->WorkUntil(turn, request, until_ns);
  else
    queue_->WorkOnce(turn, &request);
}

// Every turn is taken, one perhaps by a task that no thread has begun: this thread then begins it.
void CrewHands::LendPosted(Request& request) {
  if (!queue_->IsNext(request)) return;
  std::optional<Turn> turn;
  Task* task = nullptr;
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < posted_.size() && task == nullptr; ++i) {
      turn.emplace(crew(), *posted_[i]);
      if (turn->held()) task = posted_[i];
    }
    if (task == nullptr) return;
    std::erase(posted_, task);
    free_.push_back(task);
  }
  queue_->Work(*turn, turn->priority(), &request);
}

}  // namespace heddle::core
