// SPDX-License-Identifier: Apache-2.0
// Order's batches: which of the waiting requests may begin with one that begins.
#include <algorithm>

#include "serve/order.h"
#include "serve/target.h"

namespace heddle::core {
namespace {

// The Queue's lock is held meanwhile.
constexpr size_t kMostLanes = 64;
constexpr int kMostLooks = 256;

}  // namespace

bool Joining::MayJoin(const Request& request) const {
  return request.batchable && request.kind == first.kind && InTime(request, 0) &&
         first.target->Alike(first, request);
}

// Begins in thought what is found: each lane's next request, and its pass then.
class Order::Companions {
 public:
  Companions(const Joining& run, int level) : run_(run), level_(static_cast<size_t>(level)) {}

  void Add(const Lane& lane) {
    if (count_ == kMostLanes) return;
    Place place{&lane, lane.first, lane.pass, lane.waiting[level_], 0};
    if (MoveOn(place)) places_[count_++] = place;
  }
  // nullptr: there are no more.
  Request* Take() {
    if (count_ == 0) return nullptr;
    const auto end = places_.begin() + static_cast<std::ptrdiff_t>(count_);
    Place& place = *std::min_element(
        places_.begin(), end, [](const Place& a, const Place& b) { return a.pass < b.pass; });
    Request* taken = place.next;
    place.pass += static_cast<double>(taken->estimate_ns) / place.lane->weight;
    if (static_cast<size_t>(taken->priority) == level_) --place.urgent;
    place.next = taken->next;
    if (!MoveOn(place)) place = places_[--count_];
    return taken;
  }

 private:
  struct Place {
    const Lane* lane = nullptr;
    Request* next = nullptr;
    double pass = 0;
    uint32_t urgent = 0;  // requests that give the lane this priority
    int64_t passed_ns = 0;
  };

  // To the next that may join; false: there is none, or not before others.
  bool MoveOn(Place& place) {
    const bool ordered = place.lane->serial || place.lane->key != 0;
    while (place.next != nullptr && place.urgent > 0 && ++looks_ <= kMostLooks) {
      const Request& next = *place.next;
      if (run_.MayJoin(next)) return true;
      place.passed_ns += next.estimate_ns;
      if (ordered || !run_.InTime(next, place.passed_ns)) return false;
      place.next = next.next;
    }
    return false;
  }

  const Joining& run_;
  const size_t level_;
  std::array<Place, kMostLanes> places_;
  size_t count_ = 0;
  int looks_ = 0;
};

// How many requests of this level may begin before another must.
uint32_t Order::MayFollow(int level) const {
  int most = kPriorities * kMostPassedOver;
  for (int p = 0; p < kPriorities; ++p) {
    const Level& other = levels_[static_cast<size_t>(p)];
    if (p == level || other.flows.empty()) continue;
    most = std::min(most, p < level ? 0 : kMostPassedOver - other.passed_over);
  }
  return static_cast<uint32_t>(std::max(0, most));
}

int Order::FindCompanions(const Joining& run, std::span<Request*> found) const {
  const int level = run.first.charged;
  const Flow& flow = run.first.target->scheduled.flows[static_cast<size_t>(level)];
  const size_t most = std::min<size_t>(found.size(), MayFollow(level));
  if (most == 0) return 0;
  Companions companions(run, level);
  for (const Lane* lane : flow.lanes.items()) companions.Add(*lane);
  size_t count = 0;
  while (count < most) {
    Request* next = companions.Take();
    if (next == nullptr) break;
    found[count++] = next;
  }
  return static_cast<int>(count);
}

}  // namespace heddle::core
