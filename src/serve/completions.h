// SPDX-License-Identifier: Apache-2.0
// Completions: the tags of requests as they end, behind a file that an event loop can watch.
#ifndef HEDDLE_SERVE_COMPLETIONS_H_
#define HEDDLE_SERVE_COMPLETIONS_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "heddle/status.h"

namespace heddle::core {

// Thread-safe. The file is readable exactly while there are tags.
class Completions {
 public:
  static Result<std::shared_ptr<Completions>> Make();
  ~Completions();
  Completions(const Completions&) = delete;
  Completions& operator=(const Completions&) = delete;

  int fd() const { return fd_; }
  // Room for one more tag, so that Add allocates nothing.
  void Expect();
  void Unexpect();         // what was expected will not come
  void Add(uint64_t tag);  // REQUIRES: expected
  size_t Take(std::span<uint64_t> tags);

 private:
  explicit Completions(int fd) : fd_(fd) {}
  const int fd_;
  std::mutex mutex_;
  // A ring, of a power of two.
  std::vector<uint64_t> tags_;
  size_t first_ = 0, count_ = 0, expected_ = 0;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_COMPLETIONS_H_
