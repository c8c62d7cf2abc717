// SPDX-License-Identifier: Apache-2.0
#include "serve/crew_hands.h"

#include <optional>

#include "serve/queue.h"

namespace heddle::core {

CrewHands::CrewHands(Crew* crew) : crew_(crew) {
  for (size_t p = 0; p < tasks_.size(); ++p) {
    tasks_[p].hands = this;
    tasks_[p].priority = static_cast<Priority>(p);
  }
}

void CrewHands::Forked() {
  const std::lock_guard lock(mutex_);
  for (Task& task : tasks_) task.posted = false;
}

void CrewHands::Post(Priority priority) {
  Task& task = tasks_[static_cast<size_t>(priority)];
  {
    const std::lock_guard lock(mutex_);
    task.posted = true;
  }
  crew().Post(task, priority);
}

void CrewHands::Task::Run(Turn& turn) {
  {
    const std::lock_guard lock(hands->mutex_);
    posted = false;
  }
  hands->queue_->Work(turn, priority, nullptr);
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
    for (size_t i = 0; i < tasks_.size() && task == nullptr; ++i) {
      if (!tasks_[i].posted) continue;
      turn.emplace(crew(), tasks_[i]);
      if (turn->held()) task = &tasks_[i];
    }
    if (task == nullptr) return;
    task->posted = false;
  }
  queue_->Work(*turn, task->priority, &request);
}

}  // namespace heddle::core
