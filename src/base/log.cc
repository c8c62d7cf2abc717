// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <pthread.h>

#include <memory>

namespace heddle::core {
namespace {

constinit std::atomic<const LogSink*> current = nullptr;
constinit thread_local bool inside_sink = false;

// Held while the sink runs. Not a std::mutex: a child may have to free it of a thread that it does
// not have.
constinit std::atomic_flag busy = ATOMIC_FLAG_INIT;

class Lock {
 public:
  Lock() {
    while (busy.test_and_set(std::memory_order_acquire)) busy.wait(true, std::memory_order_relaxed);
  }
  ~Lock() {
    busy.clear(std::memory_order_release);
    busy.notify_one();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
};

// What the lock guards is one pointer, which is whole at any moment. A sink that forks still holds
// the lock itself.
void AfterForkInChild() {
  if (!inside_sink) busy.clear(std::memory_order_relaxed);
}
// Fails only without memory, when the library is loaded; all but logging in a child still works.
[[maybe_unused]] const int kForkHandler = pthread_atfork(nullptr, nullptr, AfterForkInChild);

}  // namespace

namespace log_internal {

constinit std::atomic<LogLevel> most = LogLevel::kNone;

void Write(LogLevel level, const std::string& text) {
  if (inside_sink) return;
  const Lock lock;
  const LogSink* sink = current.load(std::memory_order_relaxed);
  // Asked again: the sink may have been replaced since.
  if (sink == nullptr || level > most.load(std::memory_order_relaxed)) return;
  inside_sink = true;
  (*sink)(level, text);
  inside_sink = false;
}

}  // namespace log_internal

void SetLogSink(LogSink sink, LogLevel most) {
  auto next = sink ? std::make_unique<const LogSink>(std::move(sink)) : nullptr;
  std::unique_ptr<const LogSink> former;  // outlives the lock: its destructor may log
  const Lock lock;
  log_internal::most.store(next ? most : LogLevel::kNone, std::memory_order_relaxed);
  former.reset(current.exchange(next.release(), std::memory_order_relaxed));
}

}  // namespace heddle::core
