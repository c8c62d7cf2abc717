// SPDX-License-Identifier: Apache-2.0
// Engine, Model and Outputs: the whole of running a model.
//
//   heddle::Engine engine;
//   HEDDLE_ASSIGN(auto model, engine.Load("digits.tflite"));
//   HEDDLE_ASSIGN(auto out, model.Run({{"image", pixels}}));     // any thread, any time
//   std::span<const float> scores = out[0].As<float>();
#ifndef HEDDLE_ENGINE_H_
#define HEDDLE_ENGINE_H_

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "heddle/options.h"
#include "heddle/status.h"
#include "heddle/tensor.h"

namespace heddle {

class Session;

namespace internal {

inline Status Take(heddle_status* status) {
  if (status == nullptr) return Status();
  Status taken(static_cast<Code>(heddle_status_code(status)), heddle_status_message(status),
               heddle_status_retry_ns(status));
  heddle_status_free(status);
  return taken;
}

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* p) const { Free(p); }
};

inline heddle_executor ToC(Executor* executor) {
  heddle_executor c{};
  c.struct_size = sizeof(c);
  if (executor == nullptr) return c;
  c.threads = executor->threads();
  c.run = [](void* arg, int32_t parts, void (*part)(void* work), void* work) {
    static_cast<Executor*>(arg)->Run(parts, [part, work] { part(work); });
  };
  c.arg = executor;
  return c;
}

inline heddle_run_options ToC(const RunOptions& o, heddle_session* session) {
  heddle_run_options c{};
  c.struct_size = sizeof(c);
  c.deadline_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(o.deadline.time_since_epoch()).count();
  c.cancel = o.cancel ? o.cancel->get() : nullptr;
  c.signature = o.signature;
  c.session = session;
  c.fresh_state = o.fresh_state;
  return c;
}

}  // namespace internal

// The outputs of one call, in the order of the model or signature. Views into the call's memory,
// which goes back to the model when this is destroyed: copy what must live longer. Movable; one
// thread at a time.
class Outputs {
 public:
  Outputs() = default;  // of no call
  size_t size() const { return heddle_outputs_count(handle_.get()); }
  // REQUIRES: index < size().
  TensorView operator[](size_t index) const {
    TensorView view;
    heddle_status_free(heddle_outputs_get(handle_.get(), index, &view));
    return view;
  }
  Result<TensorView> Find(const char* name) const {
    TensorView view;
    Status status = internal::Take(heddle_outputs_find(handle_.get(), name, &view));
    if (!status.ok()) return status;
    return view;
  }

 private:
  friend class Model;
  friend class Session;
  friend class Ticket;
  explicit Outputs(heddle_outputs* handle) : handle_(handle) {}
  std::unique_ptr<heddle_outputs, internal::Deleter<heddle_outputs, heddle_outputs_free>> handle_;
};

// How long a step takes, which may stand for several operators of the file.
struct StepTime {
  int op = 0;                  // the operator's index in the graph
  std::string name, kernel;    // what it is, and what computes it
  std::vector<int32_t> shape;  // of its first output
  int64_t macs = 0;            // multiply-adds
  int64_t ns = -1;             // below 0: it cannot be run by itself
};

// A loaded model: one copy of its weights, however many callers. Copies are further owners of the
// same model. Thread-safe: every method may be called from any thread at any time.
class Model {
 public:
  Model(const Model& other) : handle_(heddle_model_ref(other.handle_.get())) {}
  Model(Model&&) noexcept = default;
  Model& operator=(Model other) noexcept {
    handle_ = std::move(other.handle_);
    return *this;
  }

  // One inference on the calling thread. An input's memory is read during the call only.
  Result<Outputs> Run(std::initializer_list<TensorView> inputs,
                      const RunOptions& options = {}) const {
    return Run(std::span<const TensorView>(inputs.begin(), inputs.size()), options);
  }
  Result<Outputs> Run(std::span<const TensorView> inputs, const RunOptions& options = {}) const {
    const heddle_run_options c = internal::ToC(options, nullptr);
    heddle_outputs* views = nullptr;
    Status status = internal::Take(
        heddle_model_run(handle_.get(), inputs.data(), inputs.size(), nullptr, 0, &c, &views));
    if (!status.ok()) return status;
    return Outputs(views);
  }
  // The same into the caller's memory: each output that is named, once at most, is written there
  // and its shape filled in.
  Status RunInto(std::span<const TensorView> inputs, std::span<TensorView> outputs,
                 const RunOptions& options = {}) const {
    const heddle_run_options c = internal::ToC(options, nullptr);
    return internal::Take(heddle_model_run(handle_.get(), inputs.data(), inputs.size(),
                                           outputs.data(), outputs.size(), &c, nullptr));
  }
  // Prepares these input shapes (none: the file's) for `callers` concurrent calls; they then
  // allocate nothing.
  Status Warm(std::span<const TensorView> shapes = {}, int callers = 1) const {
    return internal::Take(heddle_model_warm(handle_.get(), shapes.data(), shapes.size(), callers));
  }

  // The same for all owners, and no other model's meanwhile.
  uint64_t id() const { return heddle_model_id(handle_.get()); }
  // The median time of each step of the main graph, run by itself many times. For looking, not for
  // serving: it takes the memory of a second copy of the model.
  Result<std::vector<StepTime>> Profile(std::span<const TensorView> inputs) const {
    std::vector<StepTime> steps;
    const auto add = [](void* arg, const heddle_step_time* s) {
      static_cast<std::vector<StepTime>*>(arg)->push_back(
          {s->op, s->name, s->kernel, {s->dims, s->dims + s->rank}, s->macs, s->ns});
    };
    Status status = internal::Take(
        heddle_model_profile(handle_.get(), inputs.data(), inputs.size(), add, &steps));
    if (!status.ok()) return status;
    return steps;
  }

  const char* isa() const { return heddle_model_isa(handle_.get()); }
  uint64_t weights_bytes() const { return heddle_model_weights_bytes(handle_.get()); }
  uint64_t arena_bytes() const { return heddle_model_arena_bytes(handle_.get()); }

  // A state that only its owner's calls see.
  inline Result<Session> NewSession() const;

  heddle_model* get() const { return handle_.get(); }

 private:
  friend class Engine;
  explicit Model(heddle_model* handle) : handle_(handle) {}
  std::unique_ptr<heddle_model, internal::Deleter<heddle_model, heddle_model_free>> handle_;
};

// What models share: limits, a cap of cores, custom operators. One per process is enough.
// Thread-safe. Models keep it alive.
class Engine {
 public:
  Engine() : Engine(Options{}) {}
  explicit Engine(const Options& options) {
    heddle_engine_options c{};
    c.struct_size = sizeof(c);
    c.memory_limit_bytes = options.memory_limit_bytes;
    c.arena_limit_bytes = options.arena_limit_bytes;
    c.mac_limit = options.mac_limit;
    c.cores = options.cores;
    c.cache = options.cache;
    const heddle_executor executor = internal::ToC(options.executor);
    if (options.executor != nullptr) c.executor = &executor;
    heddle_engine* handle = nullptr;
    status_ = internal::Take(heddle_engine_create(&c, &handle));
    handle_.reset(handle);
  }

  // Reads, verifies and prepares a model. An engine that could not be made says why here.
  Result<Model> Load(const std::string& path, const LoadOptions& options = {}) const {
    return LoadWith(options, [&](const heddle_load_options& c, heddle_model** out) {
      return heddle_model_load(handle_.get(), path.c_str(), &c, out);
    });
  }
  // The same from memory; the bytes are copied.
  Result<Model> LoadBytes(std::span<const std::byte> bytes, const LoadOptions& options = {}) const {
    return LoadWith(options, [&](const heddle_load_options& c, heddle_model** out) {
      return heddle_model_load_bytes(handle_.get(), bytes.data(), bytes.size(), &c, out);
    });
  }

  // nullptr where the engine could not be made.
  heddle_engine* get() const { return handle_.get(); }

 private:
  template <class F>
  Result<Model> LoadWith(const LoadOptions& options, F load) const {
    if (!status_.ok()) return status_;
    heddle_load_options c{};
    c.struct_size = sizeof(c);
    c.numerics = static_cast<heddle_numerics>(options.numerics);
    c.isa = options.isa.empty() ? nullptr : options.isa.c_str();
    c.keep_all = options.keep_all;
    heddle_model* model = nullptr;
    Status status = internal::Take(load(c, &model));
    if (!status.ok()) return status;
    return Model(model);
  }

  Status status_;
  std::unique_ptr<heddle_engine, internal::Deleter<heddle_engine, heddle_engine_free>> handle_;
};

}  // namespace heddle

#include "heddle/session.h"

#endif  // HEDDLE_ENGINE_H_
