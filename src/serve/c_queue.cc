// SPDX-License-Identifier: Apache-2.0
// The C interface over the Queue. Nothing is decided here.
#include "engine/c_objects.h"
#include "serve/model_queue.h"

using namespace heddle;        // NOLINT: this file is the seam between the two
using namespace heddle::core;  // NOLINT

struct heddle_queue {
  std::shared_ptr<ModelQueue> core;
};
struct heddle_completions {
  std::shared_ptr<core::Completions> core;
};

namespace {

ModelRequest& RequestOf(heddle_ticket* ticket) { return *static_cast<ModelRequest*>(ticket); }

Status CheckPolicy(heddle_policy policy) {
  if (policy >= HEDDLE_POLICY_INHERITED && policy <= HEDDLE_LATEST) return Status();
  return InvalidArgument("policy is {}, expected {} to {}", static_cast<int>(policy),
                         static_cast<int>(HEDDLE_POLICY_INHERITED),
                         static_cast<int>(HEDDLE_LATEST));
}

Result<ShareOf> ShareFrom(const heddle_share* given) {
  HEDDLE_ASSIGN(const heddle_share c, Complete(given));
  HEDDLE_TRY(CheckPolicy(c.policy));
  ShareOf share;
  share.policy = c.policy;
  if (c.weight != 0) share.weight = c.weight;
  // Beyond these one request would move a pass further than doubles count.
  if (!(share.weight >= 1e-3 && share.weight <= 1e3))
    return InvalidArgument("weight is {}, expected 0.001 to 1000", share.weight);
  if (c.most_requests != 0) share.most_requests = c.most_requests;
  if (c.most_bytes != 0) share.most_bytes = c.most_bytes;
  return share;
}

Result<core::Priority> PriorityFrom(heddle_priority priority) {
  switch (priority) {
    case HEDDLE_NORMAL:
      return core::Priority::kNormal;
    case HEDDLE_HIGH:
      return core::Priority::kHigh;
    case HEDDLE_LOW:
      return core::Priority::kLow;
  }
  return InvalidArgument("priority is {}, expected normal (0), high (1) or low (2)",
                         static_cast<int>(priority));
}

Result<ModelQueue::Terms> TermsFrom(const heddle_submit_options* given, const LoadedModel* model) {
  HEDDLE_ASSIGN(const heddle_submit_options c, Complete(given));
  ModelQueue::Terms terms;
  HEDDLE_ASSIGN(terms.priority, PriorityFrom(c.priority));
  if (c.session != nullptr && c.session->session->model() != model)
    return InvalidArgument("the session belongs to another model");
  if (c.session != nullptr && c.stream != 0)
    return InvalidArgument("a session is a stream of its own: expected stream 0, not {}", c.stream);
  if (c.deadline_ns < 0)
    return InvalidArgument("deadline_ns is {}, expected 0 or more", c.deadline_ns);
  terms.deadline_ns = c.deadline_ns;
  terms.stream = c.stream;
  terms.in_order = c.in_order != 0;
  terms.copy_inputs = c.copy_inputs != 0;
  terms.fresh_state = c.fresh_state != 0;
  terms.signature = c.signature;
  terms.tag = c.tag;
  if (c.session != nullptr) terms.session = c.session->session;
  if (c.completions != nullptr) terms.completions = c.completions->core;
  return terms;
}

heddle_queue_counters ToC(const QueueCounts& counts) {
  heddle_queue_counters c{};
  c.submitted = counts.submitted.value();
  c.refused_full = counts.refused_full.value();
  c.refused_deadline = counts.refused_deadline.value();
  c.refused_closed = counts.refused_closed.value();
  c.refused_wrong = counts.refused_wrong.value();
  c.succeeded = counts.succeeded.value();
  c.failed = counts.failed.value();
  c.expired_waiting = counts.expired_waiting.value();
  c.expired_running = counts.expired_running.value();
  c.cancelled_waiting = counts.cancelled_waiting.value();
  c.cancelled_running = counts.cancelled_running.value();
  c.displaced = counts.displaced.value();
  c.done = c.succeeded + c.failed + c.expired_waiting + c.expired_running + c.cancelled_waiting +
           c.cancelled_running + c.displaced;
  c.waiting = counts.waiting.value();
  c.running = counts.running.value();
  c.bytes = counts.bytes.value();
  c.most_waiting = counts.most_waiting.value();
  c.most_bytes = counts.most_bytes.value();
  c.queue_ns = counts.queue_ns.value();
  c.run_ns = counts.run_ns.value();
  c.batches = counts.batches.value();
  c.batched = counts.batched.value();
  c.ahead_ns = counts.ahead_ns.value();
  c.asked_ns = counts.asked_ns.value();
  c.budget = static_cast<uint64_t>(Crew::OfProcess().budget());
  c.largest_batch = counts.largest_batch.value();
  c.batches_again = counts.batches_again.value();
  return c;
}

// What a ticket's callback is called through.
struct Callback {
  void (*done)(void* arg, heddle_ticket* ticket);
  void* arg;
};

}  // namespace

heddle_status* heddle_queue_create(const heddle_queue_options* given, heddle_queue** out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"out", out}}));
    HEDDLE_ASSIGN(const heddle_queue_options o, Complete(given));
    HEDDLE_TRY(CheckPolicy(o.policy));
    QueueLimits limits;
    if (o.most_requests != 0) limits.most_requests = o.most_requests;
    if (o.most_bytes != 0) limits.most_bytes = o.most_bytes;
    limits.policy = o.policy;
    limits.trace = o.trace;
    limits.trace_arg = o.trace_arg;
    *out = new heddle_queue{std::make_shared<ModelQueue>(limits)};
    return Status();
  });
}

void heddle_queue_free(heddle_queue* queue) {
  const InFlight in_flight;
  if (queue == nullptr || !CheckForked().ok()) return;
  if (queue->core->Drain(false).ok()) delete queue;
}

heddle_status* heddle_queue_set_model(heddle_queue* queue, heddle_model* model,
                                      const heddle_share* given) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"queue", queue}, {"model", model}, {"share", given}}));
    HEDDLE_ASSIGN(const ShareOf share, ShareFrom(given));
    queue->core->SetModel(model->loaded, share);
    return Status();
  });
}

heddle_status* heddle_queue_set_stream(heddle_queue* queue, uint64_t stream,
                                       const heddle_share* given) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"queue", queue}, {"share", given}}));
    if (stream == 0) return InvalidArgument("stream is 0, which is no stream");
    HEDDLE_ASSIGN(const ShareOf share, ShareFrom(given));
    queue->core->queue().SetStream(stream, share);
    return Status();
  });
}

heddle_status* heddle_queue_submit(heddle_queue* queue, heddle_model* model,
                                   const heddle_tensor* inputs, size_t input_count,
                                   heddle_tensor* outputs, size_t output_count,
                                   const heddle_submit_options* options, heddle_ticket** out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"queue", queue}, {"model", model}, {"out", out}}));
    HEDDLE_TRY(CheckTensors(inputs, input_count));
    HEDDLE_TRY(CheckTensors(outputs, output_count));
    HEDDLE_ASSIGN(ModelQueue::Terms terms, TermsFrom(options, model->loaded.get()));
    RunRequest tensors;
    tensors.inputs = inputs;
    tensors.input_count = input_count;
    tensors.outputs = outputs;
    tensors.output_count = output_count;
    HEDDLE_ASSIGN(*out, queue->core->Submit(model->loaded, tensors, std::move(terms)));
    return Status();
  });
}

heddle_status* heddle_queue_join(heddle_queue* queue) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"queue", queue}}));
    return queue->core->queue().Join();
  });
}
heddle_status* heddle_queue_drain(heddle_queue* queue, int32_t cancel) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"queue", queue}}));
    return queue->core->Drain(cancel != 0);
  });
}
heddle_status* heddle_queue_unload(heddle_queue* queue, heddle_model* model, int32_t cancel) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"queue", queue}, {"model", model}}));
    return queue->core->Unload(model->loaded.get(), cancel != 0);
  });
}

heddle_status* heddle_queue_read_counters(const heddle_queue* queue, const heddle_model* model,
                                          heddle_queue_counters* out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"queue", queue}, {"out", out}}));
    constexpr size_t kLeast = offsetof(heddle_queue_counters, asked_ns);
    if (model == nullptr) return Deliver(ToC(queue->core->queue().counts()), kLeast, out);
    HEDDLE_ASSIGN(const std::shared_ptr<Target> target, queue->core->Find(model->loaded.get()));
    return Deliver(ToC(target->counts), kLeast, out);
  });
}

int32_t heddle_ticket_wait(heddle_ticket* ticket, int64_t timeout_ns) {
  if (ticket == nullptr) return 1;
  const InFlight in_flight;
  if (!CheckForked().ok()) return 1;  // the result says why
  ModelRequest& request = RequestOf(ticket);
  return request.queue->queue().Wait(request, timeout_ns) ? 1 : 0;
}

heddle_status* heddle_ticket_result(heddle_ticket* ticket, heddle_outputs** views) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"ticket", ticket}}));
    ModelRequest& request = RequestOf(ticket);
    if (!request.done()) return FailedPrecondition("the request is not done yet");
    if (!request.status.ok() || views == nullptr) return request.status;
    request.Own();
    *views = &request;
    return Status();
  });
}

void heddle_ticket_cancel(heddle_ticket* ticket) {
  const InFlight in_flight;
  if (ticket == nullptr || !CheckForked().ok()) return;
  ModelRequest& request = RequestOf(ticket);
  request.queue->queue().Cancel(request);
}

heddle_status* heddle_ticket_then(heddle_ticket* ticket,
                                  void (*done)(void* arg, heddle_ticket* ticket), void* arg) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"ticket", ticket}, {"done", reinterpret_cast<const void*>(done)}}));
    const auto call = [](void* kept, core::Request& request) {
      const std::unique_ptr<Callback> callback(static_cast<Callback*>(kept));
      callback->done(callback->arg, &static_cast<ModelRequest&>(request));
    };
    ModelRequest& request = RequestOf(ticket);
    request.queue->queue().Then(request, call, new Callback{done, arg});
    return Status();
  });
}

void heddle_ticket_free(heddle_ticket* ticket) {
  const InFlight in_flight;
  if (ticket == nullptr || !CheckForked().ok()) return;
  ModelRequest& request = RequestOf(ticket);
  request.queue->queue().Cancel(request);
  request.queue->queue().Wait(request, -1);
  request.Disown();
}

void heddle_ticket_drop(heddle_ticket* ticket) {
  const InFlight in_flight;
  if (ticket == nullptr || !CheckForked().ok()) return;
  RequestOf(ticket).Disown();
}

heddle_status* heddle_completions_create(heddle_completions** out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"out", out}}));
    HEDDLE_ASSIGN(std::shared_ptr<core::Completions> made, core::Completions::Make());
    *out = new heddle_completions{std::move(made)};
    return Status();
  });
}
int heddle_completions_fd(const heddle_completions* completions) {
  return completions == nullptr ? -1 : completions->core->fd();
}
size_t heddle_completions_take(heddle_completions* completions, uint64_t* tags, size_t most) {
  const InFlight in_flight;
  if (completions == nullptr || (tags == nullptr && most > 0) || !CheckForked().ok()) return 0;
  return completions->core->Take({tags, most});
}
void heddle_completions_free(heddle_completions* completions) { Free(completions); }
