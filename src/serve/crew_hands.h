// SPDX-License-Identifier: Apache-2.0
// CrewHands: a Queue's work on the Crew's threads, and on those that wait for it.
#ifndef HEDDLE_SERVE_CREW_HANDS_H_
#define HEDDLE_SERVE_CREW_HANDS_H_

#include <array>
#include <mutex>

#include "crew/crew.h"
#include "serve/hands.h"

namespace heddle::core {

class Queue;

class CrewHands final : public Hands {
 public:
  // crew nullptr: the process's own, whichever that is after a fork.
  explicit CrewHands(Crew* crew);
  void Serve(Queue& queue) { queue_ = &queue; }
  // What was posted is not any more: see Queue::Forked.
  void Forked();

  int budget() const override { return crew().budget(); }
  void Post(Priority priority) override;
  void Lend(Request& request, int64_t until_ns) override;

 private:
  class Task final : public CrewTask {
   public:
    void Run(Turn& turn) override;
    CrewHands* hands = nullptr;
    Priority priority = Priority::kNormal;
    bool posted = false;  // no thread has begun
  };
  Crew& crew() const { return crew_ != nullptr ? *crew_ : Crew::OfProcess(); }
  void LendPosted(Request& request);

  Crew* const crew_;
  Queue* queue_ = nullptr;
  std::mutex mutex_;
  std::array<Task, kPriorities> tasks_;  // one each: see Hands::Post
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_CREW_HANDS_H_
