// SPDX-License-Identifier: Apache-2.0
// Queue: submit from anywhere; in order, in time, in bounds.
//
//   heddle::Queue queue({.most_requests = 64});
//   HEDDLE_ASSIGN(auto ticket, queue.Submit(model, {{"image", pixels}}, {.deadline = soon}));
//   HEDDLE_ASSIGN(auto out, ticket.Wait());
//
//  1. Bounds are exact: never more requests than most_requests, nor bytes of inputs than
//     most_bytes, are accepted and not done.
//  2. Deadlines are absolute. A request that the learned costs of what is ahead would make late is
//     refused at once; one whose deadline passes before it begins never begins, which is told as
//     soon as somebody waits for it, or the next request comes or goes; one that runs stops between
//     two steps; one of a batch is told of it when that ends. Cancel does the same, and is told at
//     once of what has not begun.
//  3. Requests of one Session run one after another, as submitted. Others run beside each other;
//     those of a stream begin in the order of submission, and end in it where `in_order` asks.
//     What ends without having begun is told at once.
//  4. High goes before normal, normal before low; but of any ten requests that begin, one is of
//     each priority that waits. Priorities never reorder a stream: its most urgent request lends
//     its priority to those before it.
//  5. Within a priority, models share compute time by weight, and streams share what their model
//     gets. Requests without a stream are a stream together. Room is shared by weight, too: nobody
//     has more of it than its part and as much as that leaves free, so who is alone has all, and
//     beside one that floods every other model and stream that the queue knows gets half its part
//     at least. Only whom it has not seen yet may find it full, until something ends. What is
//     accepted is not thrown out for others.
//  6. The compute threads are those of the whole process. Nothing is allocated after warm-up but
//     callbacks, texts of errors, and results, or copies that the caller asked for, of more than
//     1 MiB a request.
//  7. Requests for a model with inputs of the same shapes may run as one, where its graph is proven
//     to keep them apart and where that was measured to be faster. Each gets the bits, or the
//     error, that it would get alone. None waits for others to come: a batch is made of what waits
//     while every core is busy, and so that 1 to 5 hold. Requests with a session or a fresh state
//     run alone.
//  8. fork() is fine as soon as every ticket is done; where there are callbacks, once they have
//     returned: see Join. Earlier, the child's calls fail: kFailedPrecondition.
#ifndef HEDDLE_QUEUE_H_
#define HEDDLE_QUEUE_H_

#include <algorithm>
#include <functional>
#include <vector>

#include "heddle/engine.h"

namespace heddle {

enum class Priority { kNormal = HEDDLE_NORMAL, kHigh = HEDDLE_HIGH, kLow = HEDDLE_LOW };

// What happens to a request that finds no room; c.h says what each means.
enum class Policy {
  kInherited = HEDDLE_POLICY_INHERITED,
  kRefuse = HEDDLE_REFUSE,
  kBlock = HEDDLE_BLOCK,
  kDropOldest = HEDDLE_DROP_OLDEST,
  kLatest = HEDDLE_LATEST,
};

// Is told what happens to requests: c.h says when, and what is known then.
class Tracer {
 public:
  virtual ~Tracer() = default;
  // Any thread, several at a time. Short; asks nothing of the queue. Must not throw.
  virtual void On(const heddle_event& event) = 0;
};

struct QueueOptions {
  uint64_t most_requests = 0;  // accepted and not done; 0: 1024
  uint64_t most_bytes = 0;     // of their inputs; 0: 1 GiB
  Policy policy = Policy::kRefuse;
  Tracer* tracer = nullptr;  // outlives the queue; nullptr: costs nothing
};

// What a model may have of a queue, or a stream of a model's part.
struct Share {
  double weight = 1;
  uint64_t most_requests = 0;  // 0: as the queue
  uint64_t most_bytes = 0;
  Policy policy = Policy::kInherited;
};

class Completions;

struct SubmitOptions {
  std::chrono::steady_clock::time_point deadline = {};  // absolute; the epoch: none
  Priority priority = Priority::kNormal;
  uint64_t stream = 0;  // whose request it is: a camera, a client, a key; 0: nobody's
  bool in_order = false;
  const char* signature = nullptr;
  Session* session = nullptr;
  bool fresh_state = false;
  bool copy_inputs = false;            // else they belong to the request until it is done
  Completions* completions = nullptr;  // told of the end, with `tag`
  uint64_t tag = 0;
};

// A request that was accepted. Its end cancels and waits: memory that was lent to the request is
// the caller's again. Movable; any thread, one at a time, but Cancel at any time.
class Ticket {
 public:
  // The waiting thread may run the request itself.
  Result<Outputs> Wait() {
    heddle_ticket_wait(handle_.get(), -1);
    return Get();
  }
  // False: it is not done yet. The waiting thread may run the request where the like of it took
  // less than half the time; should it take longer this once, or a batch with it, so does the wait.
  bool WaitFor(std::chrono::nanoseconds timeout) {
    return heddle_ticket_wait(handle_.get(), std::max<int64_t>(0, timeout.count())) != 0;
  }
  bool done() { return WaitFor({}); }
  // Of a request that is done.
  Result<Outputs> Get() {
    heddle_outputs* views = nullptr;
    Status status = internal::Take(heddle_ticket_result(handle_.get(), &views));
    if (!status.ok()) return status;
    return Outputs(views);
  }
  void Cancel() { heddle_ticket_cancel(handle_.get()); }
  // Lets the request go on by itself.
  void Drop() && { heddle_ticket_drop(handle_.release()); }
  // The same, and calls f(Result<Outputs>) once, on the thread that ends the request, or now. It
  // may submit, and should be short: a compute thread runs it. It must not throw, nor wait for the
  // queue, which fails, or for a later in-order request of its stream, which waits for it.
  template <class F>
  void Then(F f) && {
    auto* kept = new std::function<void(Result<Outputs>)>(std::move(f));
    heddle_ticket* ticket = handle_.release();
    const auto call = [](void* arg, heddle_ticket* done) {
      const std::unique_ptr<std::function<void(Result<Outputs>)>> own(
          static_cast<std::function<void(Result<Outputs>)>*>(arg));
      (*own)(Ticket(done).Get());
    };
    heddle_status_free(heddle_ticket_then(ticket, call, kept));
  }

 private:
  friend class Queue;
  explicit Ticket(heddle_ticket* handle) : handle_(handle) {}
  std::unique_ptr<heddle_ticket, internal::Deleter<heddle_ticket, heddle_ticket_free>> handle_;
};

// For event loops: the tags of requests as they end, one for each that was accepted. Thread-safe.
class Completions {
 public:
  Completions() {
    heddle_completions* handle = nullptr;
    status_ = internal::Take(heddle_completions_create(&handle));
    handle_.reset(handle);
  }
  const Status& status() const { return status_; }  // whether there is an eventfd
  // An eventfd, readable while there are tags; it is not to be read.
  int fd() const { return heddle_completions_fd(handle_.get()); }
  // What is there, at most as much as fits; returns the part that was filled.
  std::span<uint64_t> Take(std::span<uint64_t> tags) {
    return tags.first(heddle_completions_take(handle_.get(), tags.data(), tags.size()));
  }
  heddle_completions* get() const { return handle_.get(); }

 private:
  Status status_;
  std::unique_ptr<heddle_completions,
                  internal::Deleter<heddle_completions, heddle_completions_free>>
      handle_;
};

// Thread-safe. Its end drains it, and so is not to come inside a callback, where it does nothing.
class Queue {
 public:
  explicit Queue(const QueueOptions& options = {}) {
    heddle_queue_options c{};
    c.struct_size = sizeof(c);
    c.most_requests = options.most_requests;
    c.most_bytes = options.most_bytes;
    c.policy = static_cast<heddle_policy>(options.policy);
    if (options.tracer != nullptr) {
      c.trace = [](void* tracer, const heddle_event* e) { static_cast<Tracer*>(tracer)->On(*e); };
      c.trace_arg = options.tracer;
    }
    heddle_queue* handle = nullptr;
    status_ = internal::Take(heddle_queue_create(&c, &handle));
    handle_.reset(handle);
  }

  Status SetModel(const Model& model, const Share& share) {
    const heddle_share c = ToC(share);
    return internal::Take(heddle_queue_set_model(handle_.get(), model.get(), &c));
  }
  Status SetStream(uint64_t stream, const Share& share) {
    const heddle_share c = ToC(share);
    return internal::Take(heddle_queue_set_stream(handle_.get(), stream, &c));
  }

  // Never blocks, unless the policy says so.
  Result<Ticket> Submit(const Model& model, std::initializer_list<TensorView> inputs,
                        const SubmitOptions& options = {}) {
    return Submit(model, std::span<const TensorView>(inputs.begin(), inputs.size()), options);
  }
  Result<Ticket> Submit(const Model& model, std::span<const TensorView> inputs,
                        const SubmitOptions& options = {}) {
    return SubmitInto(model, inputs, {}, options);
  }
  // Outputs that are named are written into the caller's memory, which the request holds until it
  // is done.
  Result<Ticket> SubmitInto(const Model& model, std::span<const TensorView> inputs,
                            std::span<TensorView> outputs, const SubmitOptions& options = {}) {
    if (!status_.ok()) return status_;
    const heddle_submit_options c = ToC(options);
    heddle_ticket* ticket = nullptr;
    Status status =
        internal::Take(heddle_queue_submit(handle_.get(), model.get(), inputs.data(), inputs.size(),
                                           outputs.data(), outputs.size(), &c, &ticket));
    if (!status.ok()) return status;
    return Ticket(ticket);
  }

  // All that was accepted before is done, and its callbacks have returned.
  Status Join() { return internal::Take(heddle_queue_join(handle_.get())); }
  // Refuses what comes from now on, and joins.
  Status Drain(bool cancel = false) {
    return internal::Take(heddle_queue_drain(handle_.get(), cancel));
  }
  // The same for one model's requests; the queue then forgets the model.
  Status Unload(const Model& model, bool cancel = false) {
    return internal::Take(heddle_queue_unload(handle_.get(), model.get(), cancel));
  }

  // nullptr: of the whole queue. Takes no lock that a request takes.
  Result<heddle_queue_counters> ReadCounters(const Model* model = nullptr) const {
    heddle_queue_counters counters{};
    counters.struct_size = sizeof(counters);
    Status status = internal::Take(heddle_queue_read_counters(
        handle_.get(), model != nullptr ? model->get() : nullptr, &counters));
    if (!status.ok()) return status;
    return counters;
  }

 private:
  static heddle_share ToC(const Share& share) {
    heddle_share c{};
    c.struct_size = sizeof(c);
    c.weight = share.weight;
    c.most_requests = share.most_requests;
    c.most_bytes = share.most_bytes;
    c.policy = static_cast<heddle_policy>(share.policy);
    return c;
  }
  static heddle_submit_options ToC(const SubmitOptions& o) {
    heddle_submit_options c{};
    c.struct_size = sizeof(c);
    c.deadline_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(o.deadline.time_since_epoch()).count();
    c.priority = static_cast<heddle_priority>(o.priority);
    c.in_order = o.in_order;
    c.stream = o.stream;
    c.signature = o.signature;
    c.session = o.session != nullptr ? o.session->get() : nullptr;
    c.fresh_state = o.fresh_state;
    c.copy_inputs = o.copy_inputs;
    c.completions = o.completions != nullptr ? o.completions->get() : nullptr;
    c.tag = o.tag;
    return c;
  }

  Status status_;
  std::unique_ptr<heddle_queue, internal::Deleter<heddle_queue, heddle_queue_free>> handle_;
};

}  // namespace heddle

#endif  // HEDDLE_QUEUE_H_
