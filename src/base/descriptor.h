// SPDX-License-Identifier: Apache-2.0
// Descriptor: a file descriptor that is closed by its owner.
#ifndef HEDDLE_BASE_DESCRIPTOR_H_
#define HEDDLE_BASE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace heddle::core {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}  // below 0: none
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace heddle::core

#endif  // HEDDLE_BASE_DESCRIPTOR_H_
