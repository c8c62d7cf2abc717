// SPDX-License-Identifier: Apache-2.0
#include "cli/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>
#include <vector>

#include "base/caught.h"
#include "base/errors.h"
#include "cli/files.h"
#include "cli/json.h"
#include "cli/verb.h"
#include "engine/c_objects.h"

namespace heddle::cli {
namespace {

constexpr int kCalls = 3;               // of each caller
constexpr size_t kMostSpans = 1 << 18;  // 20 MB
constexpr int kProcess = 1;             // there is one

using core::TraceSpan;

// The plan of each step that a whole span tells of.
using Plans = std::map<const core::PlanStep*, const core::Plan*>;

class Events {
 public:
  explicit Events(std::span<const TraceSpan> spans) {
    for (const TraceSpan& span : spans) {
      begin_ns_ = std::min(begin_ns_, span.begin_ns);
      if (span.plan != nullptr) plans_[span.step] = span.plan.get();
      callers_[span.thread] |= span.step == nullptr;
    }
  }

  void WriteThreads(JsonWriter& json) const {
    for (const auto& [thread, calls] : callers_) {
      json.BeginObject().Field("name", "thread_name").Field("ph", "M").Field("pid", kProcess);
      json.Field("tid", thread).Key("args").BeginObject();
      json.Field("name", calls ? "caller" : "helper").EndObject().EndObject();
    }
  }

  void Write(JsonWriter& json, const TraceSpan& span) const {
    if (span.step == nullptr) {
      Begin(json, span, "call", "call");
      json.EndObject();
      return;
    }
    const auto found = plans_.find(span.step);
    if (found == plans_.end()) return;  // the step itself found no room
    const core::Plan& plan = *found->second;
    const core::Node& node = plan.program->nodes()[static_cast<size_t>(span.step->node)];
    if (span.phase >= 0) {
      Begin(json, span, NameOf(plan, *span.step), "tiles");
      json.Key("args").BeginObject().Field("op", node.op).Field("phase", span.phase);
      json.Field("first", span.tiles.begin).Field("count", span.tiles.end - span.tiles.begin);
      json.EndObject().EndObject();
      return;
    }
    Begin(json, span, NameOf(plan, *span.step), "step");
    json.Key("args").BeginObject().Field("op", node.op).Field("kernel", span.step->step.kernel);
    json.Field("inputs", ShapesOf(plan, InputsOf(plan, *span.step)));
    json.Field("outputs", ShapesOf(plan, OutputsOf(plan, *span.step)));
    json.Field("macs", span.step->step.macs).EndObject().EndObject();
  }

 private:
  void Begin(JsonWriter& json, const TraceSpan& span, const std::string& name,
             const char* category) const {
    const auto us = [](int64_t ns) { return static_cast<double>(ns) * 1e-3; };
    json.BeginObject().Field("name", name).Field("cat", category).Field("ph", "X");
    json.Field("pid", kProcess).Field("tid", span.thread);
    json.Field("ts", us(span.begin_ns - begin_ns_));
    json.Field("dur", us(span.end_ns - span.begin_ns));
  }

  static std::vector<std::string> ShapesOf(const core::Plan& plan, std::span<const int> values) {
    std::vector<std::string> shapes;
    for (const int v : values)
      shapes.push_back(v < 0 ? "" : plan.values[static_cast<size_t>(v)].shape.ToString());
    return shapes;
  }

  int64_t begin_ns_ = INT64_MAX;
  Plans plans_;
  std::map<int, bool> callers_;  // by thread: whether calls came from it
};

Status CallOnce(core::LoadedModel& model, core::RunRequest request, core::CallTrace* trace) {
  if (trace != nullptr) request.control = request.control.Traced(*trace);
  const int64_t begin = core::SystemClock().NowNs();
  HEDDLE_TRY(model.Run(request).status());
  const int64_t end = core::SystemClock().NowNs();
  if (trace != nullptr)
    trace->Add({nullptr, nullptr, -1, {0, 0}, core::ThreadNumber(), begin, end});
  return Status();
}

}  // namespace

std::string TraceJson(std::span<const TraceSpan> spans, size_t lost) {
  const Events events(spans);
  JsonWriter json;
  json.BeginObject().Field("displayTimeUnit", "ns").Key("traceEvents").BeginArray();
  events.WriteThreads(json);
  for (const TraceSpan& span : spans) events.Write(json, span);
  json.EndArray().Key("otherData").BeginObject().Field("lost", lost).EndObject().EndObject();
  return json.text();
}

Status TraceCalls(const Model& model, std::span<const TensorView> inputs, const TracedCalls& calls,
                  const std::string& path) {
  core::LoadedModel& loaded = *model.get()->loaded;
  core::RunRequest request;
  request.inputs = inputs.data();
  request.input_count = inputs.size();
  request.signature = calls.signature;
  request.fresh_state = true;
  HEDDLE_TRY(CallOnce(loaded, request, nullptr));
  core::CallTrace trace(kMostSpans);
  std::vector<Status> results(static_cast<size_t>(calls.callers));
  std::vector<std::jthread> threads;
  for (Status& result : results) {
    threads.emplace_back([&] {
      result = core::Caught([&]() -> Status {
        for (int i = 0; i < kCalls; ++i) HEDDLE_TRY(CallOnce(loaded, request, &trace));
        return Status();
      });
    });
  }
  threads.clear();  // when all have ended
  for (const Status& result : results) HEDDLE_TRY(result);
  if (trace.lost() > 0)
    Complain(fmt::format("note: the trace has room for {} spans, {} are left out", kMostSpans,
                         trace.lost()));
  const std::string text = TraceJson(trace.spans(), trace.lost());
  return WriteFile(path, std::as_bytes(std::span(text)));
}

}  // namespace heddle::cli
