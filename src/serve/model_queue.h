// SPDX-License-Identifier: Apache-2.0
// ModelQueue: a Queue of inferences on the process's Crew; what stands behind heddle_queue.
#ifndef HEDDLE_SERVE_MODEL_QUEUE_H_
#define HEDDLE_SERVE_MODEL_QUEUE_H_

#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "serve/crew_hands.h"
#include "serve/model_target.h"
#include "serve/queue.h"

namespace heddle::core {

// Thread-safe. Kept alive by its requests.
class ModelQueue : public std::enable_shared_from_this<ModelQueue> {
 public:
  explicit ModelQueue(const QueueLimits& limits);

  // What a caller submits, besides the tensors.
  struct Terms {
    Priority priority = Priority::kNormal;
    int64_t deadline_ns = 0;
    uint64_t stream = 0;
    bool in_order = false, copy_inputs = false, fresh_state = false;
    const char* signature = nullptr;
    std::shared_ptr<Session> session;
    std::shared_ptr<Completions> completions;
    uint64_t tag = 0;
  };
  // The submitter owns the request.
  Result<ModelRequest*> Submit(const std::shared_ptr<LoadedModel>& model, const RunRequest& tensors,
                               Terms terms);
  Queue& queue() { return queue_; }
  Status Drain(bool cancel);
  void SetModel(const std::shared_ptr<LoadedModel>& model, const ShareOf& share);
  // kNotFound: the queue has not seen the model.
  Status Unload(const LoadedModel* model, bool cancel);
  Result<std::shared_ptr<Target>> Find(const LoadedModel* model);

 private:
  friend class ModelRequest;
  void GiveBack(ModelRequest& request);
  ModelRequest* NewRequest();
  // REQUIRES: mutex_ is held.
  std::shared_ptr<ModelTarget> TargetOf(const std::shared_ptr<LoadedModel>& model);
  void LookForFork();

  CrewHands hands_;
  Queue queue_;
  // Taken after mutex_. The targets change under both, so that either lets one look: who reads
  // counters holds up nobody who submits.
  std::mutex readers_mutex_;
  std::mutex mutex_;  // of what follows
  std::unordered_map<const LoadedModel*, std::shared_ptr<ModelTarget>> targets_;
  std::deque<ModelRequest> requests_;
  std::vector<ModelRequest*> free_;
  const Crew* crew_;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_MODEL_QUEUE_H_
