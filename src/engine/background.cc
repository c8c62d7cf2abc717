// SPDX-License-Identifier: Apache-2.0
#include "engine/background.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <utility>

#include "base/caught.h"

namespace heddle::core {
namespace {

constexpr std::chrono::seconds kMostWaitAtExit{2};
constexpr int kLowestPriority = 19;

std::atomic<Background*> of_process = nullptr;

}  // namespace

struct Background::EndOfProcess {
  ~EndOfProcess() {
    Background* background = of_process.load(std::memory_order_acquire);
    if (background != nullptr && background->process_ == getpid())
      background->Finish(kMostWaitAtExit);
  }
};

Background::Background() : process_(getpid()) {}

Background::~Background() { Finish(std::chrono::nanoseconds(0)); }

Background& Background::OfProcess() {
  static const EndOfProcess end;
  Background* now = of_process.load(std::memory_order_acquire);
  // What a forked child has of its parent's is left as it is: its thread did not come along.
  while (now == nullptr || now->process_ != getpid()) {
    auto* made = new Background();
    if (of_process.compare_exchange_strong(now, made, std::memory_order_acq_rel)) return *made;
    delete made;
  }
  return *now;
}

void Background::Post(Job job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stop_.load(std::memory_order_relaxed)) return;
  jobs_.push_back(std::move(job));
  if (running_) return;
  if (thread_.joinable()) thread_.join();  // it has found nothing more to do
  sigset_t all, before;                    // signals are for the application's threads
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { Loop(); });
    running_ = true;
  } catch (const std::exception&) {
    jobs_.clear();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (running_) pthread_setname_np(thread_.native_handle(), "heddle-cache");
}

void Background::Loop() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowestPriority);
  std::unique_lock<std::mutex> lock(mutex_);
  while (!jobs_.empty()) {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    if (!stop_.load(std::memory_order_relaxed)) {
      const Status ended = Caught([&] {
        job(stop_);
        return Status();
      });
      static_cast<void>(ended);  // a job that fails has failed for nobody
    }
    job = nullptr;
    lock.lock();
  }
  running_ = false;
  idle_.notify_all();
}

void Background::Finish(std::chrono::nanoseconds most) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait_for(lock, most, [&] { return !running_; });
    stop_.store(true, std::memory_order_relaxed);
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace heddle::core
