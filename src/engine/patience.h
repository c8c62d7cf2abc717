// SPDX-License-Identifier: Apache-2.0
// How a call waits for what another call makes for all: no longer than its deadline and its cancel
// token let it.
#ifndef HEDDLE_ENGINE_PATIENCE_H_
#define HEDDLE_ENGINE_PATIENCE_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "engine/run_control.h"

namespace heddle::core {

// Of a wait that may end at any moment: neither a token nor a clock wakes anybody.
inline constexpr std::chrono::milliseconds kLookEvery{2};

// Until `done`, which is asked under the lock, or with an error: why the call may wait no longer.
template <class F>
Status WaitUntil(std::condition_variable& told, std::unique_lock<std::mutex>& lock,
                 const RunControl& control, F done) {
  while (!done()) {
    if (!control.active()) {
      told.wait(lock);
      continue;
    }
    HEDDLE_TRY(control.Check());
    told.wait_for(lock, kLookEvery);
  }
  return Status();
}

// Held by one call at a time, for as long as it makes something.
class PatientLock {
 public:
  // For the time of its life, where Check is OK.
  class Hold {
   public:
    Hold(PatientLock& lock, const RunControl& control) : lock_(lock), status_(lock.Take(control)) {}
    ~Hold() {
      if (status_.ok()) lock_.Give();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    const Status& Check() const { return status_; }

   private:
    PatientLock& lock_;
    const Status status_;
  };

 private:
  Status Take(const RunControl& control) {
    std::unique_lock<std::mutex> lock(mutex_);
    HEDDLE_TRY(WaitUntil(free_, lock, control, [&] { return !held_; }));
    held_ = true;
    return Status();
  }
  void Give() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      held_ = false;
    }
    free_.notify_one();
  }

  std::mutex mutex_;  // of `held_`
  std::condition_variable free_;
  bool held_ = false;
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_PATIENCE_H_
