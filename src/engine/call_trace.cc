// SPDX-License-Identifier: Apache-2.0
#include "engine/call_trace.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace heddle::core {

void CallTrace::Add(TraceSpan span) {
  const size_t at = next_.fetch_add(1, std::memory_order_acq_rel);
  if (at < spans_.size()) spans_[at] = std::move(span);
}

int ThreadNumber() { return static_cast<int>(syscall(SYS_gettid)); }

}  // namespace heddle::core
