// SPDX-License-Identifier: Apache-2.0
#include "serve/model_queue.h"

#include "base/errors.h"

namespace heddle::core {
namespace {

struct Disowner {
  void operator()(Request* request) const { request->Disown(); }
};

}  // namespace

ModelQueue::ModelQueue(const QueueLimits& limits)
    : hands_(nullptr), queue_(SystemClock(), hands_, limits), crew_(&Crew::OfProcess()) {
  hands_.Serve(queue_);
}

// Turns that were posted for in the parent never come in a child.
void ModelQueue::LookForFork() {
  const Crew* crew = &Crew::OfProcess();
  if (crew == crew_) return;
  crew_ = crew;
  hands_.Forked();
  queue_.Forked();
}

ModelRequest* ModelQueue::NewRequest() {
  if (free_.empty()) {
    free_.reserve(requests_.size() + 1);  // to give it back needs no memory
    free_.push_back(&requests_.emplace_back());
  }
  ModelRequest* request = free_.back();
  free_.pop_back();
  return request;
}

void ModelQueue::GiveBack(ModelRequest& request) {
  const std::lock_guard lock(mutex_);
  free_.push_back(&request);
}

std::shared_ptr<ModelTarget> ModelQueue::TargetOf(const std::shared_ptr<LoadedModel>& model) {
  const auto found = targets_.find(model.get());
  if (found != targets_.end()) return found->second;
  auto target = std::make_shared<ModelTarget>(model);
  const std::lock_guard lock(readers_mutex_);
  targets_.emplace(model.get(), target);
  return target;
}

Result<ModelRequest*> ModelQueue::Submit(const std::shared_ptr<LoadedModel>& model,
                                         const RunRequest& tensors, Terms terms) {
  HEDDLE_ASSIGN(const Ports* ports, model->FindPorts(terms.signature));
  std::unique_ptr<ModelRequest, Disowner> request;
  {
    const std::lock_guard lock(mutex_);
    LookForFork();
    request.reset(NewRequest());
    request->queue = shared_from_this();
    request->target_owner = TargetOf(model);
  }
  ModelRequest& r = *request;
  r.model = model;
  r.ports = ports;
  HEDDLE_TRY(model->Arrange(*ports, tensors, &r.inputs, &r.lent_outputs));
  if (terms.copy_inputs) HEDDLE_TRY(r.CopyInputs());
  r.target = r.target_owner.get();
  r.serial = terms.session != nullptr;
  r.stream = r.serial ? reinterpret_cast<uintptr_t>(terms.session.get()) : terms.stream;
  r.in_order = terms.in_order;
  r.priority = terms.priority;
  r.deadline_ns = terms.deadline_ns;
  r.bytes = r.input_bytes();
  r.kind = r.FindKind();
  r.fresh_state = terms.fresh_state;
  r.batchable = !r.serial && !r.fresh_state;
  r.session = std::move(terms.session);
  r.completions = terms.completions.get();
  r.completions_owner = std::move(terms.completions);
  r.tag = terms.tag;
  if (r.completions != nullptr) r.completions->Expect();
  Status status = queue_.Submit(r);
  if (status.ok()) return request.release();
  if (r.completions != nullptr) r.completions->Unexpect();
  return status;
}

Status ModelQueue::Drain(bool cancel) {
  {
    const std::lock_guard lock(mutex_);
    LookForFork();
  }
  return queue_.Drain(cancel);
}

void ModelQueue::SetModel(const std::shared_ptr<LoadedModel>& model, const ShareOf& share) {
  std::shared_ptr<ModelTarget> target;
  {
    const std::lock_guard lock(mutex_);
    target = TargetOf(model);
  }
  queue_.SetTarget(*target, share);
}

Result<std::shared_ptr<Target>> ModelQueue::Find(const LoadedModel* model) {
  const std::lock_guard lock(readers_mutex_);
  const auto found = targets_.find(model);
  if (found == targets_.end()) return NotFound("the queue has no such model");
  return std::shared_ptr<Target>(found->second);
}

Status ModelQueue::Unload(const LoadedModel* model, bool cancel) {
  HEDDLE_ASSIGN(const std::shared_ptr<Target> target, Find(model));
  HEDDLE_TRY(queue_.Unload(*target, cancel));
  const std::scoped_lock lock(mutex_, readers_mutex_);
  const auto found = targets_.find(model);
  // Another unload may have been first, and the model have come again.
  if (found != targets_.end() && found->second == target) targets_.erase(found);
  return Status();
}

}  // namespace heddle::core
