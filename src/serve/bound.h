// SPDX-License-Identifier: Apache-2.0
// Bound: how many requests, and how many bytes of inputs, may be accepted and not done.
#ifndef HEDDLE_SERVE_BOUND_H_
#define HEDDLE_SERVE_BOUND_H_

#include <cstdint>

namespace heddle::core {

struct Bound {
  uint64_t most_requests = ~uint64_t{0}, most_bytes = ~uint64_t{0};
  uint64_t requests = 0, bytes = 0;  // accepted and not done
  int blocked = 0;                   // submitters that wait for room here, and come first

  // Once so many of the accepted ones, with so many bytes, are gone.
  bool HasRoomWithout(uint64_t gone, uint64_t gone_bytes, uint64_t more) const {
    const uint64_t left = bytes - gone_bytes;
    return requests - gone < most_requests && left <= most_bytes && more <= most_bytes - left;
  }
  // What only takes the place of others takes none from those who come first.
  bool FitsWithout(uint64_t gone, uint64_t gone_bytes, uint64_t more) const {
    const bool first = blocked == 0 || (gone > 0 && more <= gone_bytes);
    return first && HasRoomWithout(gone, gone_bytes, more);
  }
  bool EverFits(uint64_t more) const { return most_requests > 0 && more <= most_bytes; }
  void Take(uint64_t more) {
    ++requests;
    bytes += more;
  }
  void Give(uint64_t less) {
    --requests;
    bytes -= less;
  }
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_BOUND_H_
