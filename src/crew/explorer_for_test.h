// SPDX-License-Identifier: Apache-2.0
// Runs a few small threads through every order of their steps, one after another on one real
// thread. A step ends before each atomic operation and each futex call. Orders are sequentially
// consistent: what weaker memory could add is argued in claims.h, not explored.
#ifndef HEDDLE_CREW_EXPLORER_FOR_TEST_H_
#define HEDDLE_CREW_EXPLORER_FOR_TEST_H_

#include <ucontext.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace heddle::core {

class Explorer {
 public:
  // `make` builds fresh threads of a scenario; `check` judges the end of each run. Orders with more
  // than `most_switches` switches away from a thread that could have gone on are left out (-1: none
  // is). Returns the number of orders; stops at the first that fails.
  uint64_t Explore(const std::function<std::vector<std::function<void()>>()>& make,
                   const std::function<bool()>& check, int most_switches) {
    uint64_t orders = 0;
    choices_.clear();
    do {
      failed_ = !RunOnce(make(), most_switches) || !check();
      ++orders;
    } while (!failed_ && NextOrder());
    return orders;
  }
  bool failed() const { return failed_; }

  static void Step() {
    if (running_ != nullptr) running_->BackToScheduler();
  }
  static void Block(const void* address) {
    running_->threads_[running_->current_]->waits_for = address;
    running_->BackToScheduler();
  }
  static void Unblock(const void* address) {
    for (auto& thread : running_->threads_)
      if (thread->waits_for == address) thread->waits_for = nullptr;
  }

 private:
  struct Thread {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(64 << 10);
    std::function<void()> body;
    const void* waits_for = nullptr;
    bool done = false;
  };
  struct Choice {
    int taken, options;
  };

  static void Enter() {
    Explorer& explorer = *running_;
    Thread& thread = *explorer.threads_[explorer.current_];
    thread.body();
    thread.done = true;
    explorer.BackToScheduler();
  }

  void BackToScheduler() { swapcontext(&threads_[current_]->context, &scheduler_); }

  // False: nobody can go on, yet somebody is not done.
  bool RunOnce(std::vector<std::function<void()>> bodies, int most_switches) {
    threads_.clear();
    for (auto& body : bodies) {
      threads_.push_back(std::make_unique<Thread>());
      Thread& thread = *threads_.back();
      thread.body = std::move(body);
      getcontext(&thread.context);
      thread.context.uc_stack.ss_sp = thread.stack.data();
      thread.context.uc_stack.ss_size = thread.stack.size();
      thread.context.uc_link = nullptr;
      makecontext(&thread.context, &Explorer::Enter, 0);
    }
    running_ = this;
    depth_ = 0;
    current_ = 0;
    int switches = 0;
    bool all_done = false;
    for (;;) {
      std::vector<size_t> ready;
      const auto can = [&](size_t t) {
        return !threads_[t]->done && threads_[t]->waits_for == nullptr;
      };
      if (can(current_)) ready.push_back(current_);
      const bool may_switch = ready.empty() || most_switches < 0 || switches < most_switches;
      for (size_t t = 0; t < threads_.size() && may_switch; ++t)
        if (t != current_ && can(t)) ready.push_back(t);
      all_done = true;
      for (const auto& thread : threads_) all_done = all_done && thread->done;
      if (ready.empty()) break;
      const size_t next = ready[static_cast<size_t>(Choose(static_cast<int>(ready.size())))];
      if (next != current_ && can(current_)) ++switches;
      current_ = next;
      swapcontext(&scheduler_, &threads_[current_]->context);
    }
    running_ = nullptr;
    return all_done;
  }

  int Choose(int options) {
    if (depth_ == choices_.size()) choices_.push_back({0, options});
    return choices_[depth_++].taken;
  }

  bool NextOrder() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().options)
      choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().taken;
    return true;
  }

  static inline Explorer* running_ = nullptr;
  std::vector<std::unique_ptr<Thread>> threads_;
  ucontext_t scheduler_;
  size_t current_ = 0, depth_ = 0;
  std::vector<Choice> choices_;
  bool failed_ = false;
};

// The atomics of Claims under the Explorer.
struct ExploredAtomics {
  template <class T>
  class Atomic {
   public:
    Atomic(T value) : value_(value) {}
    T load(std::memory_order) const { return Explorer::Step(), value_; }
    void store(T value, std::memory_order) { Explorer::Step(), value_ = value; }
    T fetch_add(T value, std::memory_order) {
      Explorer::Step();
      const T before = value_;
      value_ += value;
      return before;
    }
    T fetch_or(T value, std::memory_order) {
      Explorer::Step();
      const T before = value_;
      value_ |= value;
      return before;
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order, std::memory_order) {
      Explorer::Step();
      const bool same = value_ == expected;
      (same ? value_ : expected) = same ? desired : value_;
      return same;
    }

   private:
    T value_;
  };
  static void Wait(const Atomic<uint32_t>& word, uint32_t value) {
    if (word.load(std::memory_order_relaxed) == value) Explorer::Block(&word);
  }
  static void Wake(const Atomic<uint32_t>& word) {
    Explorer::Step();
    Explorer::Unblock(&word);
  }
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_EXPLORER_FOR_TEST_H_
