// SPDX-License-Identifier: Apache-2.0
// What the library has to say beside results and errors. It never prints: without a sink every
// message is dropped.
#ifndef HEDDLE_BASE_LOG_H_
#define HEDDLE_BASE_LOG_H_

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace heddle::core {

enum class LogLevel : uint8_t { kNone, kWarning, kInfo };

// Called by one thread at a time. What it logs itself is dropped. It must not call SetLogSink, nor
// throw.
using LogSink = std::function<void(LogLevel, const std::string&)>;

// Messages up to `most` go to `sink`; an empty sink drops all. Thread-safe. When it returns, no
// thread is inside the former sink nor will call it. A child forked meanwhile can log, too.
void SetLogSink(LogSink sink, LogLevel most = LogLevel::kInfo);

namespace log_internal {
extern std::atomic<LogLevel> most;
void Write(LogLevel level, const std::string& text);
}  // namespace log_internal

// Whether anybody listens to it: one relaxed load.
inline bool Logs(LogLevel level) {
  return level <= log_internal::most.load(std::memory_order_relaxed);
}

// Thread-safe. Costs no more than Logs when nobody listens.
template <class... A>
void Log(LogLevel level, fmt::format_string<A...> text, A&&... a) {
  if (!Logs(level)) return;
  log_internal::Write(level, fmt::format(text, std::forward<A>(a)...));
}

}  // namespace heddle::core

#endif  // HEDDLE_BASE_LOG_H_
