// SPDX-License-Identifier: Apache-2.0
#include "serve/completions.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/errors.h"

namespace heddle::core {

Result<std::shared_ptr<Completions>> Completions::Make() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return ResourceExhausted("no eventfd: {}", std::strerror(errno));
  return std::shared_ptr<Completions>(new Completions(fd));
}

Completions::~Completions() { close(fd_); }

void Completions::Expect() {
  const std::lock_guard lock(mutex_);
  if (count_ + expected_ < tags_.size()) {
    ++expected_;
    return;
  }
  std::vector<uint64_t> larger(std::max<size_t>(16, 2 * tags_.size()));
  for (size_t i = 0; i < count_; ++i) larger[i] = tags_[(first_ + i) & (tags_.size() - 1)];
  tags_ = std::move(larger);
  first_ = 0;
  ++expected_;
}

void Completions::Unexpect() {
  const std::lock_guard lock(mutex_);
  --expected_;
}

// The file is written and read under the lock: it must say what the ring says.
void Completions::Add(uint64_t tag) {
  const std::lock_guard lock(mutex_);
  --expected_;
  tags_[(first_ + count_) & (tags_.size() - 1)] = tag;
  const uint64_t one = 1;
  if (++count_ == 1) static_cast<void>(!write(fd_, &one, sizeof(one)));
}

size_t Completions::Take(std::span<uint64_t> tags) {
  const std::lock_guard lock(mutex_);
  const size_t taken = std::min(tags.size(), count_);
  if (taken == 0) return 0;
  for (size_t i = 0; i < taken; ++i) tags[i] = tags_[(first_ + i) & (tags_.size() - 1)];
  first_ = (first_ + taken) & (tags_.size() - 1);
  count_ -= taken;
  uint64_t seen = 0;
  if (count_ == 0) static_cast<void>(!read(fd_, &seen, sizeof(seen)));
  return taken;
}

}  // namespace heddle::core
