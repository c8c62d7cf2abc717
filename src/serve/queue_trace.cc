// SPDX-License-Identifier: Apache-2.0
// Queue: what a tracer is told.
#include "serve/queue.h"

namespace heddle::core {
namespace {

heddle_priority ToC(Priority priority) {
  if (priority == Priority::kHigh) return HEDDLE_HIGH;
  return priority == Priority::kLow ? HEDDLE_LOW : HEDDLE_NORMAL;
}

}  // namespace

// When acceptance is told, another thread may run the request already: of what is written then,
// nothing is read.
void Queue::TellTracer(heddle_event_kind kind, const Request& request) const {
  heddle_event event{};
  event.struct_size = sizeof(event);
  event.kind = kind;
  event.request = reinterpret_cast<uintptr_t>(&request);
  event.model = request.target->id;
  event.stream = request.serial ? 0 : request.stream;
  event.tag = request.tag;
  event.priority = ToC(request.priority);
  event.accepted_ns = request.accepted_ns;
  if (kind != HEDDLE_ACCEPTED) {
    event.begun_ns = request.begun_ns;
    event.batch = request.begun_ns != 0 ? static_cast<uint32_t>(request.batch_size) : 0;
  }
  if (kind == HEDDLE_ENDED) {
    event.code = static_cast<heddle_code>(request.status.code());
    event.ended_ns = request.ended_ns != 0 ? request.ended_ns : clock_.NowNs();
  }
  trace_(trace_arg_, &event);
}

}  // namespace heddle::core
