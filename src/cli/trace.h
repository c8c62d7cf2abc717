// SPDX-License-Identifier: Apache-2.0
// `--trace` of run and bench: what calls run when, on which threads, as Perfetto and
// chrome://tracing show it.
#ifndef HEDDLE_CLI_TRACE_H_
#define HEDDLE_CLI_TRACE_H_

#include <span>
#include <string>

#include "engine/call_trace.h"
#include "heddle/engine.h"

namespace heddle::cli {

struct TracedCalls {
  int callers = 1;                  // at the same time, a few calls each
  const char* signature = nullptr;  // nullptr: the main graph
};

// Calls the model, once more without a trace before, and writes the file.
Status TraceCalls(const Model& model, std::span<const TensorView> inputs, const TracedCalls& calls,
                  const std::string& path);

// A document in Chrome's trace event format. Times count from the first span's begin.
std::string TraceJson(std::span<const core::TraceSpan> spans, size_t lost);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_TRACE_H_
