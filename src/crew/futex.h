// SPDX-License-Identifier: Apache-2.0
// A futex on a 32-bit atomic. std::atomic::wait spins first, which only its caller can judge.
#ifndef HEDDLE_CREW_FUTEX_H_
#define HEDDLE_CREW_FUTEX_H_

#include <atomic>
#include <cstdint>

namespace heddle::core {

// Sleeps while *word == value, or not at all; may return early.
void FutexWait(const std::atomic<uint32_t>& word, uint32_t value);
// The same, for no longer than this.
void FutexWaitFor(const std::atomic<uint32_t>& word, uint32_t value, int64_t ns);
// Wakes at most `count` sleepers; how many. Reads nothing behind the address.
int FutexWake(const std::atomic<uint32_t>& word, int count);

// The atomics of Claims as they run.
struct SystemAtomics {
  template <class T>
  using Atomic = std::atomic<T>;
  static void Wait(const std::atomic<uint32_t>& word, uint32_t value) { FutexWait(word, value); }
  static void Wake(const std::atomic<uint32_t>& word) { FutexWake(word, 1); }
};

// A pause between two looks at a word that another core writes.
inline void SpinPause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

}  // namespace heddle::core

#endif  // HEDDLE_CREW_FUTEX_H_
