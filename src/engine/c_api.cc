// SPDX-License-Identifier: Apache-2.0
// The C interface over the engine. Nothing is decided here: arguments are checked, objects are
// wrapped, and no exception passes.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include "base/log.h"
#include "engine/c_objects.h"
#include "engine/profile.h"
#include "heddle/version.h"
#include "plan/audit.h"

using namespace heddle;        // NOLINT: this file is the seam between the two
using namespace heddle::core;  // NOLINT

namespace {

// Kept inside the Context whose call it hands out: see Context::Attachment.
struct CallOutputs final : Context::Attachment, heddle_outputs {
  size_t Count() const override { return call->ports().outputs.size(); }
  void Describe(size_t index, heddle_tensor* out) override { call->Describe(index, out); }
  Status Find(std::string_view name, heddle_tensor* out) override { return call->Find(name, out); }
  Status Kept(size_t tensor, heddle_tensor* out) override { return call->Kept(tensor, out); }
  // The handle lives in the Context that the call's end hands back: nothing of it is touched
  // afterwards.
  void Release() override {
    const std::shared_ptr<LoadedModel> kept = std::move(model);
    const std::optional<Call> last = std::move(call);
    call.reset();
  }

  std::optional<Call> call;
  std::shared_ptr<LoadedModel> model;
};

Status Describe(const Ports& ports, const PortInfo& port, heddle_tensor_info* out) {
  heddle_tensor_info info{};
  info.name = port.name.c_str();
  info.type = static_cast<heddle_type>(port.type);
  info.rank = port.has_rank ? port.shape.rank() : -1;
  for (int i = 0; i < port.shape.rank(); ++i) info.dims[i] = port.shape[i];
  const bool per_tensor = port.quant->quantised() && !port.quant->per_channel();
  info.scale = per_tensor ? port.quant->Scale() : 0.0f;
  info.zero_point = per_tensor ? port.quant->ZeroPoint() : 0;
  info.subgraph = ports.subgraph;
  info.tensor = port.tensor;
  return Deliver(info, offsetof(heddle_tensor_info, subgraph), out);
}

// A constant that was given back and has gone from the file shows no data.
Status Describe(const core::Model& model, const Tensor& tensor, heddle_graph_tensor* out) {
  heddle_graph_tensor t{};
  t.name = tensor.name.c_str();
  t.type = static_cast<heddle_type>(tensor.type);
  t.rank = tensor.has_rank ? tensor.shape.rank() : -1;
  for (int i = 0; i < tensor.shape.rank(); ++i) t.dims[i] = tensor.shape[i];
  t.signature_rank =
      static_cast<int32_t>(std::min<size_t>(tensor.signature.size(), Shape::kMaxRank));
  std::copy_n(tensor.signature.begin(), t.signature_rank, t.signature);
  t.scales = tensor.quant.scale.data();
  t.scale_count = tensor.quant.scale.size();
  t.zero_points = tensor.quant.zero_point.data();
  t.zero_point_count = tensor.quant.zero_point.size();
  t.axis = tensor.quant.axis;
  t.variable = tensor.variable;
  if (tensor.constant && tensor.sparsity.empty() && model.BringBack(tensor.data).ok()) {
    t.data = tensor.data.data();
    t.bytes = tensor.data.size();
  }
  return Deliver(t, sizeof(t), out);
}

heddle_status* DescribePort(const heddle_model* model, const char* signature, bool input,
                            size_t index, heddle_tensor_info* out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"model", model}, {"out", out}}));
    HEDDLE_ASSIGN(const Ports* ports, model->loaded->FindPorts(signature));
    const std::vector<PortInfo>& list = input ? ports->inputs : ports->outputs;
    if (index >= list.size())
      return NotFound("{} {}: the model has {}", input ? "input" : "output", index, list.size());
    return Describe(*ports, list[index], out);
  });
}

Result<heddle_executor> CheckExecutor(const heddle_executor& given) {
  HEDDLE_ASSIGN(const heddle_executor executor, Complete(&given));
  if (executor.run == nullptr) return InvalidArgument("executor's run is NULL");
  if (executor.threads < 1)
    return InvalidArgument("executor's threads is {}, expected 1 or more", executor.threads);
  return executor;
}

// What hides a mistake in a file is said, and no reason to refuse it.
void TellFindings(const char* name, const core::Model& model) {
  if (!Logs(LogLevel::kWarning)) return;
  for (const Finding& finding : AuditModel(model)) {
    const bool note = finding.severity == Severity::kNote;
    Log(note ? LogLevel::kInfo : LogLevel::kWarning, "{}: {}", name, finding.text);
  }
}

// `name`: of the model, for who reads the log.
Status FinishLoad(heddle_engine* engine, const char* name,
                  Result<std::shared_ptr<const core::Model>> model,
                  const heddle_load_options* given, heddle_model** out) {
  if (!model.ok()) return model.status();
  HEDDLE_ASSIGN(const heddle_load_options options, Complete(given));
  if (options.numerics != HEDDLE_FAST && options.numerics != HEDDLE_REFERENCE)
    return InvalidArgument("numerics is {}, expected fast (0) or reference (1)",
                           static_cast<int>(options.numerics));
  HEDDLE_ASSIGN(auto loaded,
                LoadedModel::Load(engine->core, std::move(model).value(),
                                  static_cast<core::Numerics>(options.numerics),
                                  options.isa ? options.isa : "", options.keep_all != 0));
  TellFindings(name, loaded->model());
  *out = new heddle_model{std::move(loaded)};
  return Status();
}

Status RunModel(heddle_model* model, RunRequest& request, const heddle_run_options* given,
                heddle_outputs** views) {
  HEDDLE_ASSIGN(const heddle_run_options options, Complete(given));
  HEDDLE_TRY(CheckTensors(request.inputs, request.input_count));
  HEDDLE_TRY(CheckTensors(request.outputs, request.output_count));
  core::Session* session = options.session ? options.session->session.get() : nullptr;
  if (session != nullptr && session->model() != model->loaded.get())
    return InvalidArgument("the session belongs to another model");
  const core::Session::Turn turn(session);
  HEDDLE_TRY(turn.Check());
  request.signature = options.signature;
  request.state = session != nullptr ? &session->state() : nullptr;
  request.fresh_state = options.fresh_state != 0;
  request.control = RunControl(SystemClock(), options.deadline_ns,
                               options.cancel ? &options.cancel->set : nullptr);
  HEDDLE_ASSIGN(Call call, model->loaded->Run(request));
  if (views == nullptr) return Status();
  Context& context = call.context();
  if (context.attachment == nullptr) context.attachment = std::make_unique<CallOutputs>();
  auto* handle = static_cast<CallOutputs*>(context.attachment.get());
  handle->model = model->loaded;
  handle->call.emplace(std::move(call));
  *views = handle;
  return Status();
}

}  // namespace

const char* heddle_version(void) { return HEDDLE_VERSION_STRING; }

heddle_status* heddle_log_set_sink(void (*sink)(void* arg, heddle_log_level level,
                                                const char* text),
                                   void* arg, heddle_log_level most) {
  return Guarded([&]() -> Status {
    int level = 0;  // a C program may pass what is no heddle_log_level
    static_assert(sizeof(level) == sizeof(most));
    std::memcpy(&level, &most, sizeof(level));
    if (level < HEDDLE_LOG_WARNING || level > HEDDLE_LOG_INFO)
      return InvalidArgument("most is {}, expected warning (1) or info (2)", level);
    LogSink told;
    if (sink != nullptr)
      told = [sink, arg](LogLevel level, const std::string& text) {
        sink(arg, static_cast<heddle_log_level>(level), text.c_str());
      };
    SetLogSink(std::move(told), static_cast<LogLevel>(level));
    return Status();
  });
}

const char* heddle_code_name(heddle_code code) {
  static constexpr const char* kNames[] = {"ok",
                                           "invalid_argument",
                                           "invalid_model",
                                           "not_found",
                                           "unsupported",
                                           "failed_precondition",
                                           "resource_exhausted",
                                           "deadline_exceeded",
                                           "cancelled",
                                           "internal"};
  return static_cast<size_t>(code) < std::size(kNames) ? kNames[code] : "unknown";
}
const char* heddle_type_name(heddle_type type) { return TypeName(static_cast<Type>(type)); }
size_t heddle_type_bits(heddle_type type) { return TypeBits(static_cast<Type>(type)); }

heddle_status* heddle_engine_create(const heddle_engine_options* given, heddle_engine** out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"out", out}}));
    HEDDLE_ASSIGN(const heddle_engine_options o, Complete(given));
    if (o.cores < 0) return InvalidArgument("cores is {}, expected 0 or more", o.cores);
    EngineOptions options;
    if (o.memory_limit_bytes != 0) options.memory_limit_bytes = o.memory_limit_bytes;
    if (o.arena_limit_bytes != 0) options.limits.arena_bytes = o.arena_limit_bytes;
    if (o.mac_limit != 0) options.limits.macs = o.mac_limit;
    options.cores = o.cores;
    if (o.executor != nullptr) {
      HEDDLE_ASSIGN(options.executor, CheckExecutor(*o.executor));
      if (o.cores > 0) options.executor->threads = std::min(options.executor->threads, o.cores);
    }
    const std::string cache = o.cache != nullptr ? o.cache : CacheFolder::OfUser();
    if (!cache.empty()) options.cache = PackedCache({.folder = cache});
    *out = new heddle_engine{std::make_shared<EngineCore>(options)};
    return Status();
  });
}
void heddle_engine_free(heddle_engine* engine) { Free(engine); }

heddle_status* heddle_model_load(heddle_engine* engine, const char* path,
                                 const heddle_load_options* options, heddle_model** out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"engine", engine}, {"path", path}, {"out", out}}));
    return FinishLoad(engine, path, core::Model::ReadFile(path), options, out);
  });
}
heddle_status* heddle_model_load_bytes(heddle_engine* engine, const void* data, size_t bytes,
                                       const heddle_load_options* options, heddle_model** out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"engine", engine}, {"data", data}, {"out", out}}));
    const std::span<const std::byte> span(static_cast<const std::byte*>(data), bytes);
    return FinishLoad(engine, "a model in memory", core::Model::ReadBytes(span), options, out);
  });
}
heddle_model* heddle_model_ref(heddle_model* model) {
  return model == nullptr ? nullptr : new (std::nothrow) heddle_model{model->loaded};
}
void heddle_model_free(heddle_model* model) { Free(model); }

uint64_t heddle_model_id(const heddle_model* model) {
  return model == nullptr ? 0 : model->loaded->id();
}
const char* heddle_model_isa(const heddle_model* model) {
  return model == nullptr ? nullptr : IsaName(model->loaded->isa());
}
uint64_t heddle_model_weights_bytes(const heddle_model* model) {
  const InFlight in_flight;
  return model == nullptr || !CheckForked().ok() ? 0 : model->loaded->weights_bytes();
}
uint64_t heddle_model_arena_bytes(const heddle_model* model) {
  const InFlight in_flight;
  return model == nullptr || !CheckForked().ok() ? 0 : model->loaded->arena_bytes();
}
size_t heddle_model_signature_count(const heddle_model* model) {
  return model == nullptr ? 0 : model->loaded->model().signatures().size();
}
const char* heddle_model_signature_name(const heddle_model* model, size_t index) {
  if (model == nullptr) return nullptr;
  const auto& signatures = model->loaded->model().signatures();
  return index < signatures.size() ? signatures[index].key.c_str() : nullptr;
}
heddle_status* heddle_model_input_count(const heddle_model* model, const char* signature,
                                        size_t* out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"model", model}, {"out", out}}));
    HEDDLE_ASSIGN(const Ports* ports, model->loaded->FindPorts(signature));
    *out = ports->inputs.size();
    return Status();
  });
}
heddle_status* heddle_model_output_count(const heddle_model* model, const char* signature,
                                         size_t* out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"model", model}, {"out", out}}));
    HEDDLE_ASSIGN(const Ports* ports, model->loaded->FindPorts(signature));
    *out = ports->outputs.size();
    return Status();
  });
}
heddle_status* heddle_model_input(const heddle_model* model, const char* signature, size_t index,
                                  heddle_tensor_info* out) {
  return DescribePort(model, signature, true, index, out);
}
heddle_status* heddle_model_output(const heddle_model* model, const char* signature, size_t index,
                                   heddle_tensor_info* out) {
  return DescribePort(model, signature, false, index, out);
}

const char* heddle_model_state(const heddle_model* model, const char* signature) {
  return model == nullptr ? nullptr : model->loaded->StateName(signature);
}
size_t heddle_model_subgraph_count(const heddle_model* model) {
  return model == nullptr ? 0 : model->loaded->model().subgraphs().size();
}
size_t heddle_model_tensor_count(const heddle_model* model, size_t subgraph) {
  if (subgraph >= heddle_model_subgraph_count(model)) return 0;
  return model->loaded->model().subgraphs()[subgraph].tensors.size();
}
heddle_status* heddle_model_tensor(const heddle_model* model, size_t subgraph, size_t index,
                                   heddle_graph_tensor* out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"model", model}, {"out", out}}));
    const size_t count = heddle_model_tensor_count(model, subgraph);
    if (index >= count)
      return NotFound("tensor {} of subgraph {}: it has {}", index, subgraph, count);
    const core::Model& whole = model->loaded->model();
    return Describe(whole, whole.subgraphs()[subgraph].tensors[index], out);
  });
}
heddle_status* heddle_model_shape(heddle_model* model, const char* signature,
                                  const heddle_tensor* inputs, size_t input_count, size_t tensor,
                                  heddle_tensor* out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"model", model}, {"out", out}}));
    HEDDLE_TRY(CheckTensors(inputs, input_count));
    HEDDLE_TRY(CheckOut(out->struct_size, sizeof(*out)));
    return model->loaded->ShapeOf(signature, inputs, input_count, tensor, out);
  });
}

heddle_status* heddle_model_warm(heddle_model* model, const heddle_tensor* shapes, size_t count,
                                 int32_t callers) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"model", model}}));
    HEDDLE_TRY(CheckTensors(shapes, count));
    return model->loaded->Warm(shapes, count, callers);
  });
}

heddle_status* heddle_model_profile(heddle_model* model, const heddle_tensor* inputs,
                                    size_t input_count,
                                    void (*step)(void* arg, const heddle_step_time* time),
                                    void* arg) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"model", model}, {"step", reinterpret_cast<const void*>(step)}}));
    HEDDLE_TRY(CheckTensors(inputs, input_count));
    RunRequest request;
    request.inputs = inputs;
    request.input_count = input_count;
    HEDDLE_ASSIGN(const std::vector<StepTime> steps, ProfileSteps(*model->loaded, request));
    for (const StepTime& s : steps) {
      heddle_step_time c{};
      c.struct_size = sizeof(c);
      c.op = s.op;
      c.name = s.name.c_str();
      c.kernel = s.kernel;
      c.rank = s.shape.rank();
      for (int i = 0; i < c.rank; ++i) c.dims[i] = s.shape[i];
      c.macs = s.work.macs;
      c.ns = s.ns;
      step(arg, &c);
    }
    return Status();
  });
}

heddle_status* heddle_model_run(heddle_model* model, const heddle_tensor* inputs,
                                size_t input_count, heddle_tensor* outputs, size_t output_count,
                                const heddle_run_options* options, heddle_outputs** views) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"model", model}}));
    RunRequest request;
    request.inputs = inputs;
    request.input_count = input_count;
    request.outputs = outputs;
    request.output_count = output_count;
    return RunModel(model, request, options, views);
  });
}

size_t heddle_outputs_count(const heddle_outputs* outputs) {
  return outputs == nullptr ? 0 : outputs->Count();
}
heddle_status* heddle_outputs_get(const heddle_outputs* outputs, size_t index, heddle_tensor* out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"outputs", outputs}, {"out", out}}));
    HEDDLE_TRY(CheckOut(out->struct_size, sizeof(*out)));
    const size_t count = heddle_outputs_count(outputs);
    if (index >= count) return NotFound("output {}: the model has {}", index, count);
    const_cast<heddle_outputs*>(outputs)->Describe(index, out);
    return Status();
  });
}
heddle_status* heddle_outputs_find(const heddle_outputs* outputs, const char* name,
                                   heddle_tensor* out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"outputs", outputs}, {"name", name}, {"out", out}}));
    HEDDLE_TRY(CheckOut(out->struct_size, sizeof(*out)));
    return const_cast<heddle_outputs*>(outputs)->Find(name, out);
  });
}
heddle_status* heddle_outputs_tensor(const heddle_outputs* outputs, size_t tensor,
                                     heddle_tensor* out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"outputs", outputs}, {"out", out}}));
    HEDDLE_TRY(CheckOut(out->struct_size, sizeof(*out)));
    return const_cast<heddle_outputs*>(outputs)->Kept(tensor, out);
  });
}
void heddle_outputs_free(heddle_outputs* outputs) {
  // In a child forked during a call the pool's lock may never be released: leave the memory be.
  const InFlight in_flight;
  if (outputs == nullptr || !CheckForked().ok()) return;
  outputs->Release();
}

heddle_status* heddle_session_create(heddle_model* model, heddle_session** out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"model", model}, {"out", out}}));
    HEDDLE_ASSIGN(std::unique_ptr<core::Session> session, core::Session::Make(model->loaded));
    *out = new heddle_session{std::move(session)};
    return Status();
  });
}
heddle_status* heddle_session_reset(heddle_session* session) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"session", session}}));
    const core::Session::Turn turn(session->session.get());
    HEDDLE_TRY(turn.Check());
    session->session->state().Reset();
    return Status();
  });
}
heddle_status* heddle_session_save(heddle_session* session, void* data, size_t* bytes) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"session", session}, {"bytes", bytes}}));
    const core::Session::Turn turn(session->session.get());
    HEDDLE_TRY(turn.Check());
    const std::vector<std::byte> saved = session->session->state().Save();
    const size_t room = *bytes;
    *bytes = saved.size();
    if (data == nullptr) return Status();
    if (room < saved.size())
      return InvalidArgument("the state has {} bytes, the caller gives {}", saved.size(), room);
    std::memcpy(data, saved.data(), saved.size());
    return Status();
  });
}
heddle_status* heddle_session_restore(heddle_session* session, const void* data, size_t bytes) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"session", session}, {"data", data}}));
    const core::Session::Turn turn(session->session.get());
    HEDDLE_TRY(turn.Check());
    return session->session->state().Restore({static_cast<const std::byte*>(data), bytes});
  });
}
heddle_status* heddle_session_clone(heddle_session* session, heddle_session** out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"session", session}, {"out", out}}));
    const core::Session::Turn turn(session->session.get());
    HEDDLE_TRY(turn.Check());
    HEDDLE_ASSIGN(std::unique_ptr<core::Session> copy, session->session->Clone());
    *out = new heddle_session{std::move(copy)};
    return Status();
  });
}
void heddle_session_free(heddle_session* session) { Free(session); }

heddle_status* heddle_cancel_create(heddle_cancel** out) {
  return Guarded([&]() -> Status {
    HEDDLE_TRY(CheckGiven({{"out", out}}));
    *out = new heddle_cancel;
    return Status();
  });
}
void heddle_cancel_set(heddle_cancel* cancel) {
  if (cancel == nullptr) return;
  cancel->set.store(true, std::memory_order_release);
}
void heddle_cancel_free(heddle_cancel* cancel) { delete cancel; }
