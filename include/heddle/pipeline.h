// SPDX-License-Identifier: Apache-2.0
// Pipeline: one model after another on each item, with functions of the caller's between.
//
//   struct Frame { std::vector<float> pixels, face; };
//   heddle::Pipeline<Frame> pipeline(queue, {{detector, Whole}, {reader, CutOut}}, {.depth = 8});
//   HEDDLE_TRY(pipeline.Put(std::move(frame)));           // one thread, and in the end Close
//   while (auto done = pipeline.Take()) Use(done->item, done->outputs);       // another thread
//
// Whole and CutOut name the inputs of the model that they stand beside:
//
//   Status CutOut(Frame& frame, const Outputs& boxes, std::vector<TensorView>& inputs) {
//     frame.face = Cut(frame.pixels, boxes[0].As<float>());
//     inputs = {{"image", frame.face}};
//     return Status();
//   }
//
//  1. At most `depth` items are inside, from Put until Take. What is slow, a model or whoever
//  takes,
//     slows Put down: nothing piles up.
//  2. Each model's part of an item is a request of the queue, whose order, shares and deadlines
//     hold. Items are side by side in it, an item is in it once.
//  3. A queue that is full ends no item: the item keeps its place in the pipeline, and tries again
//     when another one goes on, and while a thread is in Put or Take. Whatever else ends a request
//     ends the item, whose outputs are then that status.
//  4. Every item that was put is taken once: in the order of Put, or as they end.
//  5. Between two models nothing is copied: outputs live until the next model is done, and its
//     inputs may be views of them.
#ifndef HEDDLE_PIPELINE_H_
#define HEDDLE_PIPELINE_H_

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>

#include "heddle/queue.h"

namespace heddle {

struct PipelineOptions {
  size_t depth = 8;      // items inside at a time, 1 or more
  bool in_order = true;  // taken in the order of Put; else as they end
  Priority priority = Priority::kNormal;
  uint64_t stream = 0;  // of the queue, for all models
};

// Thread-safe, but Put and Take wait, so the functions call neither. Its end drops what is inside,
// once the requests that were accepted are done. REQUIRES: the queue outlives it.
template <class Item>
class Pipeline {
 public:
  using Clock = std::chrono::steady_clock;

  struct Stage {
    Model model;
    // Names the inputs of `model`: views of memory of the item, which stays where it is, or of
    // `before`, the outputs of the stage before this one (of none in the first). An error ends the
    // item; no inputs end it well, with `before` for its outputs. Called side by side for several
    // items: by Put's thread in the first stage, in others by compute threads, which wait for it.
    std::function<Status(Item& item, const Outputs& before, std::vector<TensorView>& inputs)>
        prepare;
  };
  struct Done {
    Item item;
    Result<Outputs> outputs;  // of the last stage that ran
  };

  Pipeline(Queue& queue, std::vector<Stage> stages, const PipelineOptions& options = {})
      : queue_(queue),
        stages_(std::move(stages)),
        options_(options),
        slots_(std::max<size_t>(options.depth, 1)) {
    for (Slot& slot : slots_) free_.push_back(&slot);
  }
  ~Pipeline() {
    std::unique_lock lock(mutex_);
    ends_ = true;
    changed_.wait(lock, [this] { return requests_ == 0; });
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Waits while the pipeline is full. The deadline is of all that is done for the item. Of an item
  // that finds no room until then, or a closed pipeline, the status says so, and nothing is moved.
  Status Put(Item&& item, Clock::time_point deadline = {}) {
    std::unique_lock lock(mutex_);
    while (free_.empty() && !closed_) {
      if (deadline != Clock::time_point() && Clock::now() >= deadline)
        return Status(Code::kDeadlineExceeded, "the pipeline was full, with " +
                                                   std::to_string(slots_.size()) +
                                                   " items, until the deadline had passed");
      WaitForChange(lock, deadline);
    }
    if (closed_)
      return Status(Code::kFailedPrecondition, "the pipeline is closed: it takes in no more items");
    Slot& slot = *free_.back();
    free_.pop_back();
    slot.item.emplace(std::move(item));
    slot.deadline = deadline;
    slot.stage = 0;
    if (options_.in_order) line_.push_back(&slot);
    lock.unlock();
    Prepare(slot);
    return Status();
  }
  // Whether Put would wait: for one thread that both puts and takes.
  bool full() const {
    const std::lock_guard lock(mutex_);
    return free_.empty();
  }
  // No more is put.
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  // Waits for the next item that is done. Nothing: the pipeline is closed and empty.
  std::optional<Done> Take() {
    std::unique_lock lock(mutex_);
    while (line_.empty() || !line_.front()->outputs) {
      if (closed_ && free_.size() == slots_.size()) return std::nullopt;
      WaitForChange(lock, {});
    }
    Slot& slot = *line_.front();
    line_.pop_front();
    std::optional<Done> done(Done{std::move(*slot.item), std::move(*slot.outputs)});
    slot.item.reset();
    slot.outputs.reset();
    free_.push_back(&slot);
    changed_.notify_all();
    return done;
  }

 private:
  // An item on its way. Of one thread at a time, which holds no lock.
  struct Slot {
    std::optional<Item> item;
    size_t stage = 0;
    Clock::time_point deadline;
    Outputs before;
    std::vector<TensorView> inputs;
    std::optional<Result<Outputs>> outputs;  // under the lock: is it done?
  };

  void Prepare(Slot& slot) {
    slot.inputs.clear();
    if (slot.stage == stages_.size()) return End(slot, std::move(slot.before));
    const Status status = CallPrepare(slot);
    if (!status.ok()) return End(slot, status);
    if (slot.inputs.empty()) return End(slot, std::move(slot.before));
    Submit(slot);
  }
  Status CallPrepare(Slot& slot) {
#ifdef __cpp_exceptions
    try {
      return stages_[slot.stage].prepare(*slot.item, slot.before, slot.inputs);
    } catch (const std::exception& e) {
      return Status(Code::kInternal, e.what());
    } catch (...) {
      return Status(Code::kInternal, "unknown exception");
    }
#else
    return stages_[slot.stage].prepare(*slot.item, slot.before, slot.inputs);
#endif
  }

  // First come, first served.
  void Submit(Slot& slot) {
    std::unique_lock lock(mutex_);
    waiting_.push_back(&slot);
    Retry(lock);
  }
  // 0: the slot is gone on with, or ended; else the queue is full, for about so long.
  int64_t TrySubmit(Slot& slot) {
    SubmitOptions options;
    options.deadline = slot.deadline;
    options.priority = options_.priority;
    options.stream = options_.stream;
    {
      const std::lock_guard lock(mutex_);
      if (ends_) return 0;
      ++requests_;
    }
    Result<Ticket> ticket =
        queue_.Submit(stages_[slot.stage].model, std::span<const TensorView>(slot.inputs), options);
    if (ticket.ok()) {
      std::move(*ticket).Then([this, &slot](Result<Outputs> out) { GoOn(slot, std::move(out)); });
      return 0;
    }
    const Status why = ticket.status();
    const bool full = why.code() == Code::kResourceExhausted && why.retry_ns() > 0;
    if (!full) End(slot, why);
    const std::lock_guard lock(mutex_);
    RequestEnded();
    return full ? why.retry_ns() : 0;
  }

  // A request has ended.
  void GoOn(Slot& slot, Result<Outputs> out) {
    if (out.ok()) {
      slot.before = std::move(*out);
      ++slot.stage;
      Prepare(slot);
    } else {
      End(slot, out.status());
    }
    std::unique_lock lock(mutex_);
    Retry(lock);
    RequestEnded();
  }

  void End(Slot& slot, Result<Outputs> outputs) {
    slot.before = Outputs();
    const std::lock_guard lock(mutex_);
    slot.outputs.emplace(std::move(outputs));
    if (!options_.in_order) line_.push_back(&slot);
    changed_.notify_all();
  }

  // Submits those that wait, until the queue has no room.
  void Retry(std::unique_lock<std::mutex>& lock) {
    while (!waiting_.empty()) {
      Slot& slot = *waiting_.front();
      waiting_.pop_front();
      lock.unlock();
      const int64_t retry_ns = TrySubmit(slot);
      lock.lock();
      if (retry_ns == 0) continue;
      waiting_.push_front(&slot);
      retry_ = Clock::now() + std::chrono::nanoseconds(retry_ns);
      return changed_.notify_all();  // who waits looks at the clock from now on
    }
  }

  // For a change, for the time to try again, or until then; the epoch: for as long as it takes.
  void WaitForChange(std::unique_lock<std::mutex>& lock, Clock::time_point until) {
    if (waiting_.empty() && until == Clock::time_point()) return changed_.wait(lock);
    if (until == Clock::time_point() || (!waiting_.empty() && retry_ < until)) until = retry_;
    changed_.wait_until(lock, until);
    if (!waiting_.empty() && Clock::now() >= retry_) Retry(lock);
  }

  // The end may come as soon as the lock is released.
  void RequestEnded() {
    --requests_;
    changed_.notify_all();
  }

  Queue& queue_;
  const std::vector<Stage> stages_;
  const PipelineOptions options_;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  std::vector<Slot*> free_;
  std::deque<Slot*> line_;     // in order of Put, or those that are done
  std::deque<Slot*> waiting_;  // for room in the queue
  Clock::time_point retry_;
  size_t requests_ = 0;  // of the queue, their callbacks included
  bool closed_ = false, ends_ = false;
};

}  // namespace heddle

#endif  // HEDDLE_PIPELINE_H_
