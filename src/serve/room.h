// SPDX-License-Identifier: Apache-2.0
// Room: how much of a Queue's bounds one model, or stream, may have beside others.
//
//  1. Everybody whom the queue knows has a part, by weight: each model of the queue, each stream of
//     its model's part. A model is known from its first request until it is unloaded, a stream
//     until it has been idle while many others came. Requests without a stream are one.
//  2. Nobody has more than its part and as much as that leaves free: who is alone has all of it,
//     one of many half. So while one floods, everyone else that is known gets half its part at
//     least, at once and whatever the policies. What is accepted is never thrown out for others.
//  3. So whom the queue does not know yet may find it full. It is known from then on: what becomes
//     free is kept for it until it has its part.
//  4. A model's only request may be of any size that the bounds allow.
#ifndef HEDDLE_SERVE_ROOM_H_
#define HEDDLE_SERVE_ROOM_H_

#include <algorithm>
#include <cstdint>

#include "serve/bound.h"

namespace heddle::core {

struct Room {
  double requests = 0, bytes = 0;

  static Room Of(const Bound& bound) {
    return {static_cast<double>(bound.most_requests), static_cast<double>(bound.most_bytes)};
  }
  static Room HeldIn(const Bound& bound) {
    return {static_cast<double>(bound.requests), static_cast<double>(bound.bytes)};
  }
  friend Room operator+(Room a, Room b) { return {a.requests + b.requests, a.bytes + b.bytes}; }
  friend Room operator-(Room a, Room b) { return {a.requests - b.requests, a.bytes - b.bytes}; }
  friend Room operator*(double part, Room a) { return {part * a.requests, part * a.bytes}; }
  bool Within(Room most) const { return requests <= most.requests && bytes <= most.bytes; }
  Room AtMost(Room most) const {
    return {std::min(requests, most.requests), std::min(bytes, most.bytes)};
  }
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_ROOM_H_
