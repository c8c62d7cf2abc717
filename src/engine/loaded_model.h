// SPDX-License-Identifier: Apache-2.0
// LoadedModel: a Model that an Engine runs, with every entry point's Program made once.
#ifndef HEDDLE_ENGINE_LOADED_MODEL_H_
#define HEDDLE_ENGINE_LOADED_MODEL_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crew/crew.h"
#include "crew/pool_executor.h"
#include "crew/turns.h"
#include "engine/entry.h"
#include "engine/packed_cache.h"
#include "engine/patience.h"
#include "engine/registered_operators.h"
#include "heddle/c.h"

namespace heddle::core {

class Turn;

struct EngineOptions {
  uint64_t memory_limit_bytes = ~uint64_t{0};
  Limits limits;
  int cores = 0;  // that all its calls may use together; 0: all there are
  std::optional<heddle_executor> executor;
  std::optional<PackedCache> cache;
};

// What models share. Thread-safe; kept alive by its models.
class EngineCore {
 public:
  explicit EngineCore(const EngineOptions& options)
      : options_(options), budget_(std::make_shared<MemoryBudget>(options.memory_limit_bytes)) {
    if (options.cores > 0) cap_.emplace(options.cores);
    if (options.executor) pool_.emplace(*options.executor);
  }
  const EngineOptions& options() const { return options_; }
  MemoryBudget& budget() { return *budget_; }
  // Of what may outlive the engine.
  const std::shared_ptr<MemoryBudget>& shared_budget() { return budget_; }
  CoreCap* cap() { return cap_ ? &*cap_ : nullptr; }
  // What runs the regions of a call that holds this turn.
  Executor& ExecutorOf(Turn& turn) { return pool_ ? static_cast<Executor&>(*pool_) : turn; }
  OperatorRegistry& operators() { return operators_; }

 private:
  const EngineOptions options_;
  OperatorRegistry operators_;
  const std::shared_ptr<MemoryBudget> budget_;
  std::optional<CoreCap> cap_;
  std::optional<PoolExecutor> pool_;
};

// An input or output as callers know it.
struct PortInfo {
  std::string name;  // of the signature, else of the tensor
  std::string tensor_name;
  int tensor = 0;
  Type type = Type::kNone;
  bool has_rank = true;
  Shape shape;          // as declared; -1 where the caller chooses
  Shape default_shape;  // the same with 1 for -1
  const Quantization* quant = nullptr;
};

// The names of one way into the model: a signature, or the main graph.
struct Ports {
  int subgraph = 0;
  std::string key;  // of the signature; empty for the main graph
  std::vector<PortInfo> inputs, outputs;
  // The index that a name means among `ports`; -1: none.
  static int Find(const std::vector<PortInfo>& ports, std::string_view name);
};

struct RunRequest {
  const heddle_tensor* inputs = nullptr;
  size_t input_count = 0;
  heddle_tensor* outputs = nullptr;
  size_t output_count = 0;
  const char* signature = nullptr;
  RunControl control;
  State* state = nullptr;    // of a session
  bool fresh_state = false;  // without one: a state that is thrown away
  Turn* turn = nullptr;      // that the call runs on; nullptr: it takes one
  Priority priority = Priority::kNormal;
};

// A call's memory after its run, with what names its outputs.
class Call {
 public:
  Call(Entry::Lease lease, const Ports& ports) : lease_(std::move(lease)), ports_(&ports) {}
  const Ports& ports() const { return *ports_; }
  Context& context() { return *lease_.operator->(); }
  void Describe(size_t k, heddle_tensor* out);
  // An output by name; where every value is kept, any tensor of the graph.
  Status Find(std::string_view name, heddle_tensor* out);
  // A tensor of the graph by its index: an output, or whatever is kept.
  Status Kept(size_t tensor, heddle_tensor* out);

 private:
  Status DescribeValue(int value, heddle_tensor* out);
  Entry::Lease lease_;
  const Ports* ports_;
};

// Thread-safe: every method from any thread at any time.
class LoadedModel final : public CallPlans {
 public:
  static Result<std::shared_ptr<LoadedModel>> Load(std::shared_ptr<EngineCore> engine,
                                                   std::shared_ptr<const Model> model,
                                                   Numerics numerics, std::string_view isa,
                                                   bool keep_all);
  // The same model again, with every value kept.
  Result<std::shared_ptr<LoadedModel>> KeepingAll() const;

  // nullptr or "": the main graph.
  Result<const Ports*> FindPorts(const char* signature) const;
  Result<Call> Run(const RunRequest& request);
  // The request's tensors in the order of the ports, which a Run finds without their names.
  // Refuses inputs that Run would refuse.
  Status Arrange(const Ports& ports, const RunRequest& request, std::vector<heddle_tensor>* inputs,
                 std::vector<heddle_tensor>* outputs) const;
  // Whether so many calls with inputs of shapes `one` may be stacked along axis 0 and run as one:
  // each then gets its own bits, one after the other along axis 0 of each output. kUnsupported says
  // why not. Makes the Plan.
  Status CheckBatch(const Ports& ports, std::span<const Shape> one, int calls);
  Status Warm(const heddle_tensor* shapes, size_t count, int callers);
  // What a tensor of the graph is with inputs of these shapes; as heddle_model_shape.
  Status ShapeOf(const char* signature, const heddle_tensor* inputs, size_t count, size_t tensor,
                 heddle_tensor* out);

  // A state as a session starts with it. `control` may stop the initialisers, where they have not
  // run yet.
  Result<std::unique_ptr<State>> NewState(const RunControl& control = {});

  // What calls of an entry point remember; nullptr: nothing, or there is no such signature.
  const char* StateName(const char* signature) const;

  Result<std::shared_ptr<const Plan>> PlanOf(int subgraph, std::span<const Shape> inputs) override {
    return PlanOf(subgraph, inputs, RunControl());
  }
  Result<std::shared_ptr<const Plan>> PlanOf(int subgraph, std::span<const Shape> inputs,
                                             const RunControl& control) override;
  Result<std::shared_ptr<const Plan>> NextPlan(const std::shared_ptr<const Plan>& before,
                                               const Found& found) override;

  const Model& model() const { return *model_; }
  uint64_t id() const { return reinterpret_cast<uintptr_t>(this); }
  Isa isa() const { return options_.isa; }
  Numerics numerics() const { return options_.numerics; }
  uint64_t weights_bytes() const { return weights_->bytes(); }
  uint64_t arena_bytes() const;

 private:
  LoadedModel() = default;
  Status ReadPorts();
  // `control` may end the wait for another call that compiles.
  Result<Entry*> EntryOf(int subgraph, const RunControl& control = {});
  // The same before all weights that were taken from the cache are known to be intact.
  Result<Entry*> UncheckedEntryOf(int subgraph, const RunControl& control);
  Result<std::unique_ptr<Entry>> MakeEntry(int subgraph, const RunControl& control);
  // From and to the engine's cache.
  void FindWeights();
  Status KeepWeights();
  // REQUIRES: no other call has an Entry, nor can get one.
  Status PackAgain(const RunControl& control);
  void FillParts(int64_t parts, int64_t part_bytes, const FillRange& fill);
  Status CheckWeights(const RunControl& control);
  // Constants that nothing reads any more. REQUIRES: no other call has an Entry, nor can get one.
  void GiveBackSpent();
  // The state that a call of this entry point runs on; `own` holds one that is made for the call.
  Result<State*> StateFor(int subgraph, const RunRequest& request, std::unique_ptr<State>* own);
  Status Initialise(const RunControl& control);
  Status BindInputs(const Ports& ports, const RunRequest& request, std::span<Shape> shapes,
                    std::span<CallTensor> tensors) const;
  Result<std::vector<Shape>> ShapesOf(const Ports& ports, const heddle_tensor* inputs,
                                      size_t count) const;
  Result<int> CheckOutput(const Ports& ports, const heddle_tensor& given, size_t position) const;
  Status BindOutputs(const Ports& ports, const RunRequest& request, Context& context) const;

  // The engine is released last: Contexts give their memory back to its budget.
  std::shared_ptr<EngineCore> engine_;
  std::shared_ptr<const Model> model_;
  std::shared_ptr<WeightStore> weights_;
  ProgramOptions options_;
  std::shared_ptr<const StateLayout> layout_;
  Ports main_;
  std::vector<Ports> signatures_;

  struct LazyEntry {
    PatientLock lock;  // while its Program is made
    std::atomic<Entry*> ready{nullptr};
    std::unique_ptr<Entry> entry;
    Status error;
  };
  const PackedCache* cache_ = nullptr;  // of the engine, if this model may be in it
  bool found_ = false;                  // and was
  PatientLock checking_;                // while weights are
  std::atomic<bool> checked_{false};    // no Entry leaves before

  PatientLock compiling_;  // one Program at a time: they share the weight store
  std::vector<std::unique_ptr<LazyEntry>> entries_;  // by subgraph

  PatientLock initialising_;  // while the Model's own state is made
  std::atomic<bool> initialised_{false};
  std::unique_ptr<State> model_state_;
  std::unique_ptr<State> shared_state_;  // of calls that only read the Model's
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_LOADED_MODEL_H_
