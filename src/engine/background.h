// SPDX-License-Identifier: Apache-2.0
// Background: work that nobody waits for.
#ifndef HEDDLE_ENGINE_BACKGROUND_H_
#define HEDDLE_ENGINE_BACKGROUND_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace heddle::core {

// One thread of the lowest priority, while there is work. Thread-safe.
//
// It is no call in flight: a child that is forked meanwhile may use its models. So a job must not
// hold a lock, nor change anything, that such a child needs.
class Background {
 public:
  // Asked now and then; once true, the job ends as soon as it can.
  using Job = std::function<void(const std::atomic<bool>& stop)>;

  Background();
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // The process's own. When that ends, or the library is unloaded, it waits two seconds at most for
  // what was posted before it tells it to stop. Whatever a job uses that is destroyed then must
  // have been made before the first call of this. A forked child has another, without jobs.
  static Background& OfProcess();

  // Dropped where no thread can be had.
  void Post(Job job);
  // Waits until all is done, or `most` is over and what is begun has stopped. Nothing is begun
  // afterwards.
  void Finish(std::chrono::nanoseconds most);

 private:
  struct EndOfProcess;
  void Loop();

  const pid_t process_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<Job> jobs_;
  bool running_ = false;  // the thread takes jobs
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_BACKGROUND_H_
