// SPDX-License-Identifier: Apache-2.0
// Memory that fails when a test says so: operator new, and mmap where no sanitizer stands in front
// of it.
#ifndef HEDDLE_TESTS_ENGINE_FAILING_MEMORY_H_
#define HEDDLE_TESTS_ENGINE_FAILING_MEMORY_H_

#include <atomic>
#include <cstdint>

namespace heddle::testing {

// Of this thread.
inline constinit thread_local bool failing = false;
inline constinit thread_local bool all_later = false;  // or one alone
inline constinit thread_local int left = 0;            // until one fails
inline constinit thread_local bool failed = false;     // one has

// Of all threads: until one fails alone; negative: none does.
inline std::atomic<int> left_anywhere{-1};

inline std::atomic<int64_t> alive{0};  // blocks

}  // namespace heddle::testing

#endif  // HEDDLE_TESTS_ENGINE_FAILING_MEMORY_H_
