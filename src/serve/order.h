// SPDX-License-Identifier: Apache-2.0
// Order: which of the waiting requests begins next.
//
//  1. Requests of one lane (a model's stream, session, or those without either of one priority)
//     begin in the order in which they came. A lane has the priority of its most urgent request
//     that waits.
//  2. The most urgent priority goes first. But a priority that has been passed over kMostPassedOver
//     times in a row goes next, the least urgent of them first: of any ten requests that begin, one
//     is of each priority that waits all the while.
//  3. Within a priority, models share by weight, and lanes share what their model gets: each has a
//     pass, which moves on by cost / weight when a request begins, and is put right when it ends;
//     the smallest pass goes first. Two that both want more than they get differ in cost / weight
//     by no more than a run of each, and one of each core. A run is a request, or a batch of them.
//  4. Who was idle starts at the smallest pass that began last: idleness saves nothing up; but a
//     lane that has just had more than its share does not lose that debt by being idle.
//  5. A batch takes only what 1 and 2 let begin after its first request: of the same model, from
//     its lanes as their passes say. What is alike may overtake what is not among requests without
//     stream or session, which were promised no order; none of those whose deadline that endangers.
//
// Not thread-safe: it is under the lock of the Queue. Allocates only when more lanes are in use
// than ever before, and only in LaneOf, Reserve and SetStream, which change nothing if they throw.
#ifndef HEDDLE_SERVE_ORDER_H_
#define HEDDLE_SERVE_ORDER_H_

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "heddle/c.h"
#include "serve/bound.h"
#include "serve/heap.h"
#include "serve/request.h"
#include "serve/room.h"

namespace heddle::core {

inline constexpr int kMostPassedOver = 8;

// What a model, or a stream within each model, may have.
struct ShareOf {
  double weight = 1;
  uint64_t most_requests = ~uint64_t{0}, most_bytes = ~uint64_t{0};
  heddle_policy policy = HEDDLE_POLICY_INHERITED;
};

struct Lane {
  Target* target = nullptr;
  uint64_t key = 0;
  bool serial = false;
  bool of_table = false;  // given back when it is idle

  Bound bound;
  heddle_policy policy = HEDDLE_POLICY_INHERITED;
  double weight = 1;
  double pass = 0;  // in the time of priority `pass_of`
  int pass_of = 0;
  int home = -1;  // the priority whose heap it is in; -1: nothing of it may begin
  size_t place = kNotInHeap;

  Request *first = nullptr, *last = nullptr;  // that wait
  std::array<uint32_t, kPriorities> waiting{};
  uint32_t running = 0, blocked = 0;
  int64_t waiting_ns = 0;                               // as the requests are estimated
  Request *held_first = nullptr, *held_last = nullptr;  // that began and must end in order
  bool telling = false;                                 // of one of those that ended

  Lane* next_in_bucket = nullptr;
  Lane *next_idle = nullptr, *previous_idle = nullptr;
  bool idle = false;
};

struct PassFirst {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a.pass < b.pass;
  }
};

// A model's part of one priority.
struct Flow {
  double weight = 1, pass = 0;
  size_t place = kNotInHeap;
  double now = 0, furthest = 0;  // of its lanes' passes
  double lane_weights = 0;       // of those in the heap
  int64_t waiting_ns = 0;
  uint32_t running = 0;
  Heap<Lane, &Lane::place, PassFirst> lanes;
};

// The scheduling half of a model in a Queue.
struct Scheduled {
  std::array<Flow, kPriorities> flows;
  std::array<Lane, kPriorities> lanes;  // of requests without stream or session

  double weight = 1;
  bool known = false, plain_known = false;  // plain: its requests without stream or session
  double lane_weights = 0;                  // of those that are known, the plain ones as one
  size_t lanes_of_table = 0;
};

// The run that others may join.
struct Joining {
  const Request& first;
  int64_t now_ns = 0, run_ns = 0;  // as it begins; how long it will take

  bool InTime(const Request& request, int64_t after_ns) const {
    return request.deadline_ns == 0 || request.deadline_ns - now_ns >= run_ns + after_ns;
  }
  bool MayJoin(const Request& request) const;
};

class Order {
 public:
  Order();

  // The lane of such requests, made where there is none.
  Lane& LaneOf(Target& target, const Request& request);
  // Memory for one more request of this priority, so that nothing after its Push needs any.
  // REQUIRES: the lane is known.
  void Reserve(Lane& lane, Priority priority);
  void Push(Lane& lane, Request& request);
  // Leaves without having begun.
  void Remove(Request& request);
  // nullptr: nothing may begin.
  Request* Peek() const;
  // REQUIRES: `request` is the first of a lane that has a home, or was found there.
  void Begin(Request& request);
  void End(Request& request, int64_t cost_ns);
  // Requests that may begin with `run.first`, which has begun last, in this order; how many.
  int FindCompanions(const Joining& run, std::span<Request*> found) const;
  // The priority that goes next; -1: nothing may begin.
  int NextLevel() const;
  // A submitter that is blocked needs the lane.
  void Pin(Lane& lane);
  void Unpin(Lane& lane);
  // Gives the lane back unless somebody needs it.
  void Unused(Lane& lane);

  void SetWeight(Target& target, double weight);
  void SetStream(uint64_t stream, const ShareOf& share);
  // The time on one core of what will begin before a request that comes now.
  int64_t AheadNs(const Lane& lane, Priority priority, int64_t cost_ns) const;
  int64_t waiting_ns() const;
  // From now on others leave room to the lane, and to its model.
  void Know(Lane& lane);
  // By weight, of all that is known of the queue, or of its model.
  double PartOf(const Target& target) const;
  double PartOf(const Lane& lane) const;
  // The lane, and those that are one with it.
  static Room HeldBy(const Lane& lane);
  size_t lanes_in_use() const { return lanes_.size() - free_.size(); }
  void Forget(Target& target);  // REQUIRES: nothing of it waits or runs

 private:
  struct Level {  // a priority
    double now = 0, furthest = 0, flow_weights = 0;
    int64_t waiting_ns = 0;
    uint32_t running = 0;
    int passed_over = 0;
    Heap<Flow, &Flow::place, PassFirst> flows;
  };
  class Companions;
  static int HomeOf(const Lane& lane);
  uint32_t MayFollow(int level) const;
  void Settle(Lane& lane);
  void Enter(Lane& lane, int home);
  void Leave(Lane& lane);
  void Unlink(Request& request);
  void Charge(Lane& lane, int level, int64_t cost_ns);
  size_t BucketOf(const Target& target, uint64_t key, bool serial) const;
  Lane& NewLane(Target& target, const Request& request);
  void GrowTable();
  void Apply(Lane& lane, const ShareOf& share);
  bool HasDebt(const Lane& lane) const;
  void Shelve(Lane& lane);
  void Unshelve(Lane& lane);
  void Free(Lane& lane);

  std::array<Level, kPriorities> levels_;
  double known_weights_ = 0;  // of models
  size_t known_ = 0;
  std::unordered_map<uint64_t, ShareOf> streams_;
  std::deque<Lane> lanes_;
  std::vector<Lane*> free_, buckets_;
  Lane *first_idle_ = nullptr, *last_idle_ = nullptr;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_ORDER_H_
