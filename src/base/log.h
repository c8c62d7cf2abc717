// SPDX-License-Identifier: Apache-2.0
// What the library has to say beside results. It never prints: without a sink every message is
// dropped.
#ifndef HEDDLE_BASE_LOG_H_
#define HEDDLE_BASE_LOG_H_

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace heddle::core {

enum class LogLevel : uint8_t { kNone, kError, kWarning, kInfo, kDebug };

// Called by one thread at a time. What it logs itself is dropped. It must not call SetLogSink, nor
// throw.
using LogSink = std::function<void(LogLevel, std::string_view)>;

// Messages up to `most` go to `sink`; an empty sink drops all. Thread-safe. When it returns, no
// thread is inside the former sink nor will call it. A child forked meanwhile can log, too.
void SetLogSink(LogSink sink, LogLevel most = LogLevel::kInfo);

namespace log_internal {
extern std::atomic<LogLevel> most;
void Write(LogLevel level, std::string_view text);
}  // namespace log_internal

// Thread-safe. Costs one relaxed load when nobody listens.
template <class... A>
void Log(LogLevel level, fmt::format_string<A...> text, A&&... a) {
  if (level > log_internal::most.load(std::memory_order_relaxed)) return;
  log_internal::Write(level, fmt::format(text, std::forward<A>(a)...));
}

}  // namespace heddle::core

#endif  // HEDDLE_BASE_LOG_H_
