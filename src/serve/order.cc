// SPDX-License-Identifier: Apache-2.0
#include "serve/order.h"

#include <algorithm>

#include "serve/target.h"

namespace heddle::core {
namespace {

constexpr size_t kFirstBuckets = 64;

// A lane's debt, and nothing else, goes along to another priority.
double DebtOf(const Lane& lane) {
  const Flow& flow = lane.target->scheduled.flows[static_cast<size_t>(lane.pass_of)];
  return std::max(0.0, lane.pass - flow.now);
}

size_t At(Priority priority) { return static_cast<size_t>(priority); }

}  // namespace

Order::Order() : buckets_(kFirstBuckets) {}

int Order::HomeOf(const Lane& lane) {
  if (lane.serial && lane.running > 0) return -1;
  for (int p = 0; p < kPriorities; ++p)
    if (lane.waiting[static_cast<size_t>(p)] > 0) return p;
  return -1;
}

// Into the heap where it now belongs, or out of it.
void Order::Settle(Lane& lane) {
  const int home = HomeOf(lane);
  if (home == lane.home) return;
  if (lane.home >= 0) Leave(lane);
  if (home >= 0) Enter(lane, home);
}

void Order::Enter(Lane& lane, int home) {
  Level& level = levels_[static_cast<size_t>(home)];
  Flow& flow = lane.target->scheduled.flows[static_cast<size_t>(home)];
  const double debt = DebtOf(lane);
  // After a pause every debt is forgiven.
  if (flow.lanes.empty() && flow.running == 0) flow.now = flow.furthest;
  lane.pass = lane.pass_of == home ? std::max(lane.pass, flow.now) : flow.now + debt;
  lane.pass_of = lane.home = home;
  if (flow.lanes.empty()) {
    if (level.flows.empty() && level.running == 0) level.now = level.furthest;
    flow.pass = std::max(flow.pass, level.now);
    level.flow_weights += flow.weight;
    level.flows.Push(&flow);
  }
  flow.lane_weights += lane.weight;
  flow.lanes.Push(&lane);
}

void Order::Leave(Lane& lane) {
  Level& level = levels_[static_cast<size_t>(lane.home)];
  Flow& flow = lane.target->scheduled.flows[static_cast<size_t>(lane.home)];
  flow.lanes.Remove(&lane);
  flow.lane_weights = flow.lanes.empty() ? 0 : flow.lane_weights - lane.weight;
  lane.home = -1;
  if (!flow.lanes.empty()) return;
  level.flows.Remove(&flow);
  level.flow_weights = level.flows.empty() ? 0 : level.flow_weights - flow.weight;
}

// In the heaps of a priority are only lanes where a request of that priority waits, and their
// models: when the last of those came, they were all there to be counted.
void Order::Reserve(Lane& lane, Priority priority) {
  const size_t p = At(priority);
  levels_[p].flows.Reserve(known_);
  Scheduled& its = lane.target->scheduled;
  its.flows[p].lanes.Reserve(its.lanes_of_table + its.lanes.size());
}

void Order::Push(Lane& lane, Request& request) {
  Unshelve(lane);
  request.lane = &lane;
  request.next = nullptr;
  request.previous = lane.last;
  (lane.last != nullptr ? lane.last->next : lane.first) = &request;
  lane.last = &request;
  const size_t p = At(request.priority);
  ++lane.waiting[p];
  lane.waiting_ns += request.estimate_ns;
  lane.target->scheduled.flows[p].waiting_ns += request.estimate_ns;
  levels_[p].waiting_ns += request.estimate_ns;
  Settle(lane);
}

void Order::Unlink(Request& request) {
  Lane& lane = *request.lane;
  (request.previous != nullptr ? request.previous->next : lane.first) = request.next;
  (request.next != nullptr ? request.next->previous : lane.last) = request.previous;
  const size_t p = At(request.priority);
  --lane.waiting[p];
  lane.waiting_ns -= request.estimate_ns;
  lane.target->scheduled.flows[p].waiting_ns -= request.estimate_ns;
  levels_[p].waiting_ns -= request.estimate_ns;
}

void Order::Remove(Request& request) {
  Lane& lane = *request.lane;
  Unlink(request);
  Settle(lane);
}

int Order::NextLevel() const {
  int first = -1;
  for (int p = kPriorities - 1; p >= 0; --p) {
    const Level& level = levels_[static_cast<size_t>(p)];
    if (level.flows.empty()) continue;
    if (level.passed_over >= kMostPassedOver) return p;
    first = p;
  }
  return first;
}

Request* Order::Peek() const {
  const int p = NextLevel();
  return p < 0 ? nullptr : levels_[static_cast<size_t>(p)].flows.top()->lanes.top()->first;
}

// Moves the passes on by what a request costs, or is found to cost more (or less).
void Order::Charge(Lane& lane, int at, int64_t cost_ns) {
  Level& level = levels_[static_cast<size_t>(at)];
  Flow& flow = lane.target->scheduled.flows[static_cast<size_t>(at)];
  const auto cost = static_cast<double>(cost_ns);
  lane.pass += cost / lane.weight;
  if (lane.home >= 0)
    lane.target->scheduled.flows[static_cast<size_t>(lane.home)].lanes.Moved(&lane);
  flow.pass += cost / flow.weight;
  if (flow.place != kNotInHeap) level.flows.Moved(&flow);
  if (lane.pass_of == at) flow.furthest = std::max(flow.furthest, lane.pass);
  level.furthest = std::max(level.furthest, flow.pass);
}

void Order::Begin(Request& request) {
  Lane& lane = *request.lane;
  const int at = lane.home;
  Level& level = levels_[static_cast<size_t>(at)];
  Flow& flow = lane.target->scheduled.flows[static_cast<size_t>(at)];
  for (Level& other : levels_)
    if (!other.flows.empty()) ++other.passed_over;
  level.passed_over = 0;
  request.charged = static_cast<uint8_t>(at);
  flow.now = std::max(flow.now, lane.pass);
  level.now = std::max(level.now, flow.pass);
  ++lane.running;
  ++flow.running;
  ++level.running;
  Charge(lane, at, request.estimate_ns);
  Unlink(request);
  Settle(lane);
}

void Order::End(Request& request, int64_t cost_ns) {
  Lane& lane = *request.lane;
  const int at = request.charged;
  --lane.running;
  --lane.target->scheduled.flows[static_cast<size_t>(at)].running;
  --levels_[static_cast<size_t>(at)].running;
  Charge(lane, at, cost_ns - request.estimate_ns);
  Settle(lane);
}

int64_t Order::AheadNs(const Lane& lane, Priority priority, int64_t cost_ns) const {
  const size_t p = At(priority);
  const Flow& flow = lane.target->scheduled.flows[p];
  const Level& level = levels_[p];
  // Until this lane has paid its debt and gets to the request, others get their weight's part; and
  // those that came before were promised not to be late.
  const auto beside = [](double mine, int64_t all, double weights, double weight) {
    return std::max(static_cast<double>(all), mine * std::max(1.0, weights / weight));
  };
  const bool lane_counts = lane.home == static_cast<int>(p), flow_counts = !flow.lanes.empty();
  const double in_lane =
      static_cast<double>(lane.waiting_ns + cost_ns) + DebtOf(lane) * lane.weight;
  const double in_model = beside(in_lane, flow.waiting_ns + cost_ns,
                                 flow.lane_weights + (lane_counts ? 0 : lane.weight), lane.weight);
  const double debt = std::max(0.0, flow.pass - level.now) * flow.weight;
  auto ahead = static_cast<int64_t>(beside(in_model + debt, level.waiting_ns + cost_ns,
                                           level.flow_weights + (flow_counts ? 0 : flow.weight),
                                           flow.weight));
  for (size_t q = 0; q < p; ++q) ahead += levels_[q].waiting_ns;
  return ahead - cost_ns;
}

int64_t Order::waiting_ns() const {
  int64_t sum = 0;
  for (const Level& level : levels_) sum += level.waiting_ns;
  return sum;
}

void Order::SetWeight(Target& target, double weight) {
  if (target.scheduled.known) known_weights_ += weight - target.scheduled.weight;
  target.scheduled.weight = weight;
  for (size_t p = 0; p < kPriorities; ++p) {
    Flow& flow = target.scheduled.flows[p];
    if (flow.place != kNotInHeap) levels_[p].flow_weights += weight - flow.weight;
    flow.weight = weight;
  }
}

}  // namespace heddle::core
