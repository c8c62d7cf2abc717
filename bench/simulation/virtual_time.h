// SPDX-License-Identifier: Apache-2.0
// VirtualTime: threads as coroutines, on a clock that jumps from event to event.
#ifndef HEDDLE_BENCH_SIMULATION_VIRTUAL_TIME_H_
#define HEDDLE_BENCH_SIMULATION_VIRTUAL_TIME_H_

#include <coroutine>
#include <cstdint>
#include <exception>
#include <queue>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace heddle::bench {

// What a simulated thread does until it returns; begins when it is awaited or spawned. Owns its
// frame, so a simulation may end in the middle of it.
class [[nodiscard]] Activity {
 public:
  struct promise_type {
    std::coroutine_handle<> after = std::noop_coroutine();
    Activity get_return_object() {
      return Activity(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Return {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
        return h.promise().after;
      }
      void await_resume() noexcept {}
    };
    Return final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };

  explicit Activity(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Activity(Activity&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~Activity() {
    if (handle_) handle_.destroy();
  }
  Activity& operator=(Activity&&) = delete;

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> after) {
    handle_.promise().after = after;
    return handle_;
  }
  void await_resume() const {}
  std::coroutine_handle<> handle() const { return handle_; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

// A time to be woken that may be put off or brought forward. Events that were meant for it know its
// address, so it lives as long as they may come.
class Alarm {
  friend class VirtualTime;
  uint64_t set_ = 0;
};

// Events of the same time happen in the order in which they were asked for.
class VirtualTime final : public core::Clock {
 public:
  int64_t NowNs() const override { return now_; }

  struct Wait {
    VirtualTime& time;
    int64_t at;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) { time.ResumeAt(at, h); }
    void await_resume() const {}
  };
  Wait Sleep(int64_t ns) { return {*this, now_ + ns}; }

  // In place of what the alarm was set to before, if there is one.
  void ResumeAt(int64_t at, std::coroutine_handle<> h, Alarm* alarm = nullptr) {
    events_.push({at, ++count_, h, alarm});
    if (alarm != nullptr) alarm->set_ = count_;
  }
  void Spawn(Activity activity) {
    ResumeAt(now_, activity.handle());
    spawned_.push_back(std::move(activity));
  }

  // Until that time, or until nothing is left to happen.
  void RunUntil(int64_t end) {
    while (!events_.empty() && events_.top().at <= end) {
      const Event event = events_.top();
      events_.pop();
      if (event.alarm != nullptr && event.alarm->set_ != event.order) continue;
      now_ = event.at;
      event.handle.resume();
    }
  }

 private:
  struct Event {
    int64_t at;
    uint64_t order;
    std::coroutine_handle<> handle;
    Alarm* alarm;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  int64_t now_ = 0;
  uint64_t count_ = 0;
  std::priority_queue<Event> events_;
  std::vector<Activity> spawned_;
};

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_SIMULATION_VIRTUAL_TIME_H_
