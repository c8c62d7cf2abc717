// SPDX-License-Identifier: Apache-2.0
// Order's lanes: found by model and key, and given back when they are idle and owe nothing.
#include <algorithm>

#include "serve/order.h"
#include "serve/target.h"

namespace heddle::core {

size_t Order::BucketOf(const Target& target, uint64_t key, bool serial) const {
  uint64_t hash = reinterpret_cast<uintptr_t>(&target) ^ (key * 2 + (serial ? 1 : 0));
  hash *= 0x9e3779b97f4a7c15u;
  return static_cast<size_t>(hash >> 32) & (buckets_.size() - 1);
}

Lane& Order::LaneOf(Target& target, const Request& request) {
  if (request.stream == 0 && !request.serial) {
    Lane& lane = target.scheduled.lanes[static_cast<size_t>(request.priority)];
    lane.target = &target;
    return lane;
  }
  Lane* lane = buckets_[BucketOf(target, request.stream, request.serial)];
  while (lane != nullptr &&
         (lane->target != &target || lane->key != request.stream || lane->serial != request.serial))
    lane = lane->next_in_bucket;
  return lane != nullptr ? *lane : NewLane(target, request);
}

Lane& Order::NewLane(Target& target, const Request& request) {
  // More go than come, so idle lanes do not pile up.
  for (int i = 0; i < 2 && first_idle_ != nullptr && !HasDebt(*first_idle_); ++i)
    Free(*first_idle_);
  if (free_.empty()) {
    if (lanes_.size() == buckets_.size()) GrowTable();
    free_.reserve(lanes_.size() + 1);
    free_.push_back(&lanes_.emplace_back());
  }
  Lane& lane = *free_.back();
  free_.pop_back();
  lane = Lane();
  lane.target = &target;
  lane.key = request.stream;
  lane.serial = request.serial;
  lane.of_table = true;
  Lane*& bucket = buckets_[BucketOf(target, lane.key, lane.serial)];
  lane.next_in_bucket = bucket;
  bucket = &lane;
  target.scheduled.lane_weights += lane.weight;
  ++target.scheduled.lanes_of_table;
  const auto share = lane.serial ? streams_.end() : streams_.find(lane.key);
  if (share != streams_.end()) Apply(lane, share->second);
  Shelve(lane);
  return lane;
}

void Order::GrowTable() {
  std::vector<Lane*> before(buckets_.size() * 2);
  before.swap(buckets_);
  for (Lane* lane : before)
    while (lane != nullptr) {
      Lane* next = lane->next_in_bucket;
      Lane*& bucket = buckets_[BucketOf(*lane->target, lane->key, lane->serial)];
      lane->next_in_bucket = bucket;
      bucket = lane;
      lane = next;
    }
}

void Order::Apply(Lane& lane, const ShareOf& share) {
  if (lane.home >= 0)
    lane.target->scheduled.flows[static_cast<size_t>(lane.home)].lane_weights +=
        share.weight - lane.weight;
  lane.target->scheduled.lane_weights += share.weight - lane.weight;
  lane.weight = share.weight;
  lane.policy = share.policy;
  lane.bound.most_requests = share.most_requests;
  lane.bound.most_bytes = share.most_bytes;
}

void Order::SetStream(uint64_t stream, const ShareOf& share) {
  streams_[stream] = share;
  for (Lane* lane : buckets_)
    for (; lane != nullptr; lane = lane->next_in_bucket)
      if (lane->key == stream && !lane->serial) Apply(*lane, share);
}

bool Order::HasDebt(const Lane& lane) const {
  const Flow& flow = lane.target->scheduled.flows[static_cast<size_t>(lane.pass_of)];
  return lane.pass > flow.now && !(flow.lanes.empty() && flow.running == 0);
}

// Idle lanes are kept, the longest idle first, while they may owe something.
void Order::Unused(Lane& lane) {
  if (!lane.of_table || lane.idle || lane.first != nullptr || lane.running > 0 ||
      lane.blocked > 0 || lane.held_first != nullptr || lane.telling || lane.bound.requests > 0)
    return;
  Shelve(lane);
}

void Order::Pin(Lane& lane) {
  ++lane.blocked;
  Unshelve(lane);
}

void Order::Unpin(Lane& lane) {
  --lane.blocked;
  Unused(lane);
}

void Order::Shelve(Lane& lane) {
  lane.idle = true;
  lane.next_idle = nullptr;
  lane.previous_idle = last_idle_;
  (last_idle_ != nullptr ? last_idle_->next_idle : first_idle_) = &lane;
  last_idle_ = &lane;
}

void Order::Unshelve(Lane& lane) {
  if (!lane.idle) return;
  lane.idle = false;
  (lane.previous_idle != nullptr ? lane.previous_idle->next_idle : first_idle_) = lane.next_idle;
  (lane.next_idle != nullptr ? lane.next_idle->previous_idle : last_idle_) = lane.previous_idle;
}

void Order::Free(Lane& lane) {
  Unshelve(lane);
  Lane** at = &buckets_[BucketOf(*lane.target, lane.key, lane.serial)];
  while (*at != &lane) at = &(*at)->next_in_bucket;
  *at = lane.next_in_bucket;
  lane.target->scheduled.lane_weights -= lane.weight;
  --lane.target->scheduled.lanes_of_table;
  free_.push_back(&lane);
}

void Order::Forget(Target& target) {
  for (Lane* lane = first_idle_; lane != nullptr;) {
    Lane* next = lane->next_idle;
    if (lane->target == &target) Free(*lane);
    lane = next;
  }
  Scheduled& its = target.scheduled;
  if (its.known) known_weights_ -= its.weight, --known_;
  if (its.plain_known) its.lane_weights -= 1;
  its.known = its.plain_known = false;
}

// A lane of the table is known for as long as it is there.
void Order::Know(Lane& lane) {
  Scheduled& its = lane.target->scheduled;
  if (!its.known) known_weights_ += its.weight, ++known_;
  if (!lane.of_table && !its.plain_known) its.lane_weights += 1;
  its.known = true;
  its.plain_known = its.plain_known || !lane.of_table;
}

double Order::PartOf(const Target& target) const {
  return target.scheduled.weight / std::max(known_weights_, target.scheduled.weight);
}

double Order::PartOf(const Lane& lane) const {
  return lane.weight / std::max(lane.target->scheduled.lane_weights, lane.weight);
}

Room Order::HeldBy(const Lane& lane) {
  if (lane.of_table) return Room::HeldIn(lane.bound);
  Room held;
  for (const Lane& plain : lane.target->scheduled.lanes) held = held + Room::HeldIn(plain.bound);
  return held;
}

}  // namespace heddle::core
