// SPDX-License-Identifier: Apache-2.0
#include "engine/loaded_model.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <type_traits>

#include "base/errors.h"
#include "crew/crew.h"
#include "plan/batch.h"

namespace heddle::core {
namespace {

// Calls with at most so many inputs bind them without touching the heap.
constexpr size_t kInlineInputs = 32;
// Of a batch: more does not stay in a cache, and pools would keep it.
constexpr size_t kMostBatchBytes = size_t{64} << 20;

PortInfo PortOf(const Subgraph& graph, int tensor, const std::string& name) {
  const Tensor& t = graph.tensors[tensor];
  PortInfo p;
  p.tensor_name = t.name;
  p.name = name.empty() ? t.name : name;
  p.tensor = tensor;
  p.type = t.type;
  p.has_rank = t.has_rank;
  p.shape = t.shape;
  p.quant = &t.quant;
  p.default_shape = t.shape;
  for (int i = 0; i < t.shape.rank(); ++i) {
    if (i < static_cast<int>(t.signature.size()) && t.signature[i] < 0) p.shape[i] = -1;
    if (p.default_shape[i] < 0) p.default_shape[i] = 1;
  }
  return p;
}

const std::string& NameIn(const std::vector<SignatureTensor>& tensors, int tensor) {
  static const std::string none;
  for (const SignatureTensor& s : tensors)
    if (s.tensor == tensor) return s.name;
  return none;
}

Ports PortsOf(const Model& model, int subgraph, const Signature* signature) {
  const Subgraph& graph = model.subgraphs()[subgraph];
  Ports ports;
  ports.subgraph = subgraph;
  if (signature != nullptr) ports.key = signature->key;
  static const std::vector<SignatureTensor> none;
  for (int t : graph.inputs)
    ports.inputs.push_back(PortOf(graph, t, NameIn(signature ? signature->inputs : none, t)));
  for (int t : graph.outputs)
    ports.outputs.push_back(PortOf(graph, t, NameIn(signature ? signature->outputs : none, t)));
  return ports;
}

// The port that tensor `given` of a call is for, by name or by position.
Result<int> PortIndex(const std::vector<PortInfo>& ports, const heddle_tensor& given,
                      size_t position, const char* what) {
  if (given.name == nullptr) {
    if (position < ports.size()) return static_cast<int>(position);
    return InvalidArgument("{} {}: the model has {} {}s", what, position, ports.size(), what);
  }
  const int k = Ports::Find(ports, given.name);
  if (k >= 0) return k;
  std::string names;
  for (const PortInfo& p : ports) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", p.name);
  return NotFound("{} '{}': the model has {}", what, given.name, names.empty() ? "none" : names);
}

Status CheckType(const PortInfo& port, const heddle_tensor& given, const char* what) {
  if (static_cast<int>(given.type) == static_cast<int>(port.type)) return Status();
  return InvalidArgument("{} '{}' is {}, expected {}", what, port.name,
                         TypeName(static_cast<Type>(given.type)), TypeName(port.type));
}

Result<Shape> ShapeOfInput(const PortInfo& port, const heddle_tensor& given) {
  if (given.rank == HEDDLE_SHAPE_OF_MODEL) return port.default_shape;
  if (given.rank < 0 || given.rank > Shape::kMaxRank)
    return InvalidArgument("input '{}' has rank {}, expected 0 to {}", port.name, given.rank,
                           Shape::kMaxRank);
  return Shape(std::span<const int32_t>(given.dims, given.rank));
}

// A string tensor's own counts and offsets: kernels rely on them.
Status CheckStrings(const PortInfo& port, const heddle_tensor& given, const Shape& shape) {
  const auto* bytes = static_cast<const char*>(given.data);
  const auto read = [&](size_t i) {
    int32_t value = 0;
    std::memcpy(&value, bytes + i * 4, 4);
    return value;
  };
  int64_t elements = 0;
  if (!shape.CheckedElements(&elements) || given.bytes < 8 || read(0) != elements ||
      given.bytes < 4 * (static_cast<uint64_t>(elements) + 2))
    return InvalidArgument("input '{}': not an encoded string tensor of shape {}", port.name,
                           shape.ToString());
  int32_t before = static_cast<int32_t>(4 * (elements + 2));
  for (int64_t i = 0; i <= elements; ++i) {
    const int32_t offset = read(static_cast<size_t>(i) + 1);
    if (offset < before || static_cast<size_t>(offset) > given.bytes)
      return InvalidArgument("input '{}': string {} has offset {}, expected {} to {}", port.name, i,
                             offset, before, given.bytes);
    before = offset;
  }
  return Status();
}

Status CheckInput(const PortInfo& port, const heddle_tensor& given, const Shape& shape) {
  if (port.type == Type::kString) return CheckStrings(port, given, shape);
  int64_t elements = 0;
  if (!shape.CheckedElements(&elements))
    return InvalidArgument("input '{}': shape {} is negative or too large", port.name,
                           shape.ToString());
  const size_t bytes = TypeBytes(port.type, elements);
  if (given.bytes != bytes)
    return InvalidArgument("input '{}' has {} bytes, expected {} ({} {})", port.name, given.bytes,
                           bytes, TypeName(port.type), shape.ToString());
  if (bytes > 0 && given.data == nullptr)
    return InvalidArgument("input '{}' has no data", port.name);
  const size_t alignment = std::clamp<size_t>(TypeBits(port.type) / 8, 1, 8);
  if (reinterpret_cast<uintptr_t>(given.data) % alignment != 0)
    return InvalidArgument("input '{}' is not aligned to its {}-byte elements", port.name,
                           alignment);
  return Status();
}

// A graph that makes no sense with shapes of the caller's own choice is the caller's mistake, not
// the model's.
Status BlameShapes(const Status& status, const Ports& ports, std::span<const Shape> shapes) {
  const bool senseless = status.code() == Code::kInvalidModel;
  if (!senseless && status.code() != Code::kUnsupported) return status;
  for (size_t k = 0; k < shapes.size(); ++k)
    if (!(shapes[k] == ports.inputs[k].default_shape))
      return Status(senseless ? Code::kInvalidArgument : Code::kUnsupported,
                    fmt::format("with input '{}' of shape {}: {}", ports.inputs[k].name,
                                shapes[k].ToString(), status.message()));
  return status;
}

// What is wrong with a graph stays so; there may be memory, or time, for the next call.
bool Stays(const Status& error) {
  return error.code() != Code::kResourceExhausted && error.code() != Code::kDeadlineExceeded &&
         error.code() != Code::kCancelled;
}

const heddle_tensor& At(const heddle_tensor* tensors, size_t i) {
  const size_t stride = tensors[0].struct_size;
  return *reinterpret_cast<const heddle_tensor*>(reinterpret_cast<const char*>(tensors) +
                                                 i * stride);
}

// The inputs of one call, in the order of the ports.
class BoundInputs {
 public:
  explicit BoundInputs(size_t count) : shapes_(count), tensors_(count) {}
  std::span<Shape> shapes() { return shapes_.all(); }
  std::span<CallTensor> tensors() { return tensors_.all(); }

 private:
  // As many as there are: the rest of the room is never touched.
  template <class T>
  class Room {
   public:
    explicit Room(size_t count)
        : count_(count), more_(count > kInlineInputs ? count : 0), begin_(more_.data()) {
      static_assert(std::is_trivially_destructible_v<T>);
      if (count > kInlineInputs) return;
      begin_ = reinterpret_cast<T*>(room_);
      std::uninitialized_default_construct_n(begin_, count);
    }
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    std::span<T> all() { return {begin_, count_}; }

   private:
    const size_t count_;
    std::vector<T> more_;
    T* begin_;
    alignas(T) std::byte room_[kInlineInputs * sizeof(T)];
  };

  Room<Shape> shapes_;
  Room<CallTensor> tensors_;
};

void Fill(const char* name, Type type, const Shape& shape, CallTensor tensor, heddle_tensor* out) {
  out->name = name;
  out->type = static_cast<heddle_type>(type);
  out->rank = shape.rank();
  for (int i = 0; i < shape.rank(); ++i) out->dims[i] = shape[i];
  out->data = tensor.data;
  out->bytes = tensor.bytes;
}

}  // namespace

int Ports::Find(const std::vector<PortInfo>& ports, std::string_view name) {
  for (size_t k = 0; k < ports.size(); ++k)
    if (ports[k].name == name) return static_cast<int>(k);
  for (size_t k = 0; k < ports.size(); ++k)
    if (ports[k].tensor_name == name) return static_cast<int>(k);
  return -1;
}

Result<std::shared_ptr<LoadedModel>> LoadedModel::Load(std::shared_ptr<EngineCore> engine,
                                                       std::shared_ptr<const Model> model,
                                                       Numerics numerics, std::string_view isa,
                                                       bool keep_all) {
  std::shared_ptr<LoadedModel> loaded(new LoadedModel());
  HEDDLE_ASSIGN(loaded->options_.isa, ChooseIsa(isa));
  loaded->options_.numerics = numerics;
  loaded->options_.keep_all = keep_all;
  loaded->options_.limits = engine->options().limits;
  loaded->weights_ = MakeWeightStore(*model, engine->options().limits, engine->shared_budget());
  loaded->options_.registered = engine->operators().Current();
  loaded->engine_ = std::move(engine);
  loaded->model_ = std::move(model);
  loaded->layout_ = std::make_shared<const StateLayout>(StateLayout::Of(*loaded->model_));
  HEDDLE_TRY(loaded->ReadPorts());
  HEDDLE_TRY(loaded->model_->AddReader());
  loaded->FindWeights();
  loaded->weights_->FillBy(
      [self = loaded.get()](int64_t parts, int64_t part_bytes, const FillRange& fill) {
        self->FillParts(parts, part_bytes, fill);
      });
  HEDDLE_TRY(loaded->UncheckedEntryOf(0, {}).status());
  HEDDLE_TRY(loaded->KeepWeights());
  loaded->GiveBackSpent();
  return loaded;
}

Result<std::shared_ptr<LoadedModel>> LoadedModel::KeepingAll() const {
  return Load(engine_, model_, options_.numerics, IsaName(options_.isa), true);
}

Status LoadedModel::ReadPorts() {
  const Signature* first = nullptr;
  for (const Signature& s : model_->signatures()) {
    signatures_.push_back(PortsOf(*model_, s.subgraph, &s));
    if (first == nullptr && s.subgraph == 0) first = &s;
  }
  main_ = PortsOf(*model_, 0, first);
  for (size_t i = 0; i < model_->subgraphs().size(); ++i)
    entries_.push_back(std::make_unique<LazyEntry>());
  return Status();
}

Result<const Ports*> LoadedModel::FindPorts(const char* signature) const {
  if (signature == nullptr || *signature == '\0') return &main_;
  for (const Ports& p : signatures_)
    if (p.key == signature) return &p;
  return NotFound("signature '{}': the model has {} signatures, none of this name", signature,
                  signatures_.size());
}

Result<Entry*> LoadedModel::EntryOf(int subgraph, const RunControl& control) {
  if (Entry* ready = entries_[subgraph]->ready.load(std::memory_order_acquire)) return ready;
  HEDDLE_TRY(CheckWeights(control));
  return UncheckedEntryOf(subgraph, control);
}

Result<Entry*> LoadedModel::UncheckedEntryOf(int subgraph, const RunControl& control) {
  LazyEntry& lazy = *entries_[subgraph];
  const PatientLock::Hold hold(lazy.lock, control);
  HEDDLE_TRY(hold.Check());
  if (lazy.entry != nullptr) {
    if (checked_) lazy.ready.store(lazy.entry.get(), std::memory_order_release);
    return lazy.entry.get();
  }
  if (!lazy.error.ok()) return lazy.error;
  Result<std::unique_ptr<Entry>> made = MakeEntry(subgraph, control);
  if (!made.ok()) {
    if (Stays(made.status())) lazy.error = made.status();
    return made.status();
  }
  lazy.entry = std::move(made).value();
  if (checked_) lazy.ready.store(lazy.entry.get(), std::memory_order_release);
  return lazy.entry.get();
}

// Compiles a subgraph, then all that it calls: what cannot run is known when the model is loaded.
Result<std::unique_ptr<Entry>> LoadedModel::MakeEntry(int subgraph, const RunControl& control) {
  std::shared_ptr<const Program> program;
  {
    const PatientLock::Hold hold(compiling_, control);
    HEDDLE_TRY(hold.Check());
    HEDDLE_ASSIGN(program, Program::Compile(model_, subgraph, options_, weights_, layout_));
    model_->GiveBackPages();  // packing has read the weights for the last time, or for a while
  }
  for (const Node& node : program->nodes()) {
    if (node.operation->sub_plans() == nullptr) continue;
    for (int called : node.operation->sub_plans()->subgraphs) {
      const Status status = UncheckedEntryOf(called, control).status();
      if (!status.ok())
        return InOperator(
            Status(status.code(), fmt::format("subgraph {}, {}", called, status.message())),
            node.op, *node.source);
    }
  }
  return std::make_unique<Entry>(std::move(program), engine_->budget(), *this);
}

Status LoadedModel::BindInputs(const Ports& ports, const RunRequest& request,
                               std::span<Shape> shapes, std::span<CallTensor> tensors) const {
  for (size_t i = 0; i < request.input_count; ++i) {
    const heddle_tensor& given = At(request.inputs, i);
    HEDDLE_ASSIGN(const int k, PortIndex(ports.inputs, given, i, "input"));
    const PortInfo& port = ports.inputs[k];
    if (tensors[k].data != nullptr) return InvalidArgument("input '{}' is given twice", port.name);
    HEDDLE_TRY(CheckType(port, given, "input"));
    HEDDLE_ASSIGN(shapes[k], ShapeOfInput(port, given));
    HEDDLE_TRY(CheckInput(port, given, shapes[k]));
    static std::byte empty[64];  // a place for inputs of no elements
    tensors[k] = {given.data == nullptr ? empty : given.data, given.bytes};
  }
  for (size_t k = 0; k < ports.inputs.size(); ++k)
    if (tensors[k].data == nullptr)
      return InvalidArgument("input '{}' ({} {}) is missing", ports.inputs[k].name,
                             TypeName(ports.inputs[k].type), ports.inputs[k].shape.ToString());
  return Status();
}

Result<int> LoadedModel::CheckOutput(const Ports& ports, const heddle_tensor& given,
                                     size_t position) const {
  HEDDLE_ASSIGN(const int k, PortIndex(ports.outputs, given, position, "output"));
  HEDDLE_TRY(CheckType(ports.outputs[k], given, "output"));
  const size_t alignment = std::clamp<size_t>(TypeBits(ports.outputs[k].type) / 8, 1, 8);
  if (given.data == nullptr || reinterpret_cast<uintptr_t>(given.data) % alignment != 0)
    return InvalidArgument("output '{}': memory is missing or not aligned to its {}-byte elements",
                           ports.outputs[k].name, alignment);
  return k;
}

Status LoadedModel::BindOutputs(const Ports& ports, const RunRequest& request,
                                Context& context) const {
  for (size_t k = 0; k < ports.outputs.size(); ++k) context.SetOutput(static_cast<int>(k), {});
  for (size_t i = 0; i < request.output_count; ++i) {
    const heddle_tensor& given = At(request.outputs, i);
    HEDDLE_ASSIGN(const int k, CheckOutput(ports, given, i));
    if (context.wanted(k).data != nullptr)
      return InvalidArgument("output '{}' is given twice", ports.outputs[k].name);
    context.SetOutput(k, {given.data, given.bytes});
  }
  return Status();
}

Status LoadedModel::Arrange(const Ports& ports, const RunRequest& request,
                            std::vector<heddle_tensor>* inputs,
                            std::vector<heddle_tensor>* outputs) const {
  const size_t count = ports.inputs.size();
  BoundInputs bound(count);
  HEDDLE_TRY(BindInputs(ports, request, bound.shapes(), bound.tensors()));
  inputs->clear();
  for (size_t k = 0; k < count; ++k) {
    heddle_tensor& tensor = inputs->emplace_back();
    tensor.struct_size = sizeof(tensor);
    Fill(nullptr, ports.inputs[k].type, bound.shapes()[k], bound.tensors()[k], &tensor);
  }
  outputs->clear();
  for (size_t i = 0; i < request.output_count; ++i) {
    HEDDLE_ASSIGN(const int k, CheckOutput(ports, At(request.outputs, i), i));
    heddle_tensor& tensor = outputs->emplace_back(At(request.outputs, i));
    tensor.struct_size = sizeof(tensor);
    tensor.name = ports.outputs[static_cast<size_t>(k)].name.c_str();
  }
  return Status();
}

Result<Call> LoadedModel::Run(const RunRequest& request) {
  HEDDLE_ASSIGN(const Ports* ports, FindPorts(request.signature));
  HEDDLE_ASSIGN(Entry * entry, EntryOf(ports->subgraph, request.control));
  BoundInputs bound(ports->inputs.size());
  const std::span<Shape> shapes = bound.shapes();
  HEDDLE_TRY(BindInputs(*ports, request, shapes, bound.tensors()));
  HEDDLE_TRY(request.control.Check());
  std::unique_ptr<State> own;
  HEDDLE_ASSIGN(State * state, StateFor(ports->subgraph, request, &own));

  // The turn before the Context: memory follows the number of turns, not that of callers.
  const Turn::GoOn go_on = {
      [](const void* control) { return static_cast<const RunControl*>(control)->Check().ok(); },
      request.control.active() ? &request.control : nullptr};
  std::optional<Turn> own_turn;
  if (request.turn == nullptr)
    own_turn.emplace(Crew::OfProcess(), request.priority, engine_->cap(), go_on);
  else
    request.turn->Serve(request.priority, engine_->cap(), go_on);
  Turn& turn = request.turn == nullptr ? *own_turn : *request.turn;
  if (!turn.held()) return request.control.Check();
  Result<Entry::Lease> acquired = entry->Acquire(shapes, request.control);
  if (!acquired.ok()) return BlameShapes(acquired.status(), *ports, shapes);
  Entry::Lease lease = std::move(acquired).value();
  for (size_t k = 0; k < shapes.size(); ++k)
    lease->SetInput(static_cast<int>(k), bound.tensors()[k]);
  HEDDLE_TRY(BindOutputs(*ports, request, *lease.operator->()));
  HEDDLE_TRY(lease.Run(request.control.On(engine_->ExecutorOf(turn)), state));
  Call call(std::move(lease), *ports);
  for (size_t i = 0; i < request.output_count; ++i) {
    auto& given = const_cast<heddle_tensor&>(At(request.outputs, i));
    HEDDLE_ASSIGN(const int k, PortIndex(ports->outputs, given, i, "output"));
    const char* name = given.name;
    call.Describe(static_cast<size_t>(k), &given);
    given.name = name;
  }
  return call;
}

Result<std::vector<Shape>> LoadedModel::ShapesOf(const Ports& ports, const heddle_tensor* inputs,
                                                 size_t count) const {
  std::vector<Shape> all;
  for (const PortInfo& p : ports.inputs) all.push_back(p.default_shape);
  for (size_t i = 0; i < count; ++i) {
    HEDDLE_ASSIGN(const int k, PortIndex(ports.inputs, At(inputs, i), i, "input"));
    HEDDLE_ASSIGN(all[k], ShapeOfInput(ports.inputs[k], At(inputs, i)));
    int64_t elements = 0;
    if (!all[k].CheckedElements(&elements))
      return InvalidArgument("input '{}': shape {} is negative or too large", ports.inputs[k].name,
                             all[k].ToString());
  }
  return all;
}

Status LoadedModel::Warm(const heddle_tensor* shapes, size_t count, int callers) {
  if (callers < 1) return InvalidArgument("callers is {}, expected 1 or more", callers);
  HEDDLE_ASSIGN(Entry * entry, EntryOf(0));
  HEDDLE_ASSIGN(const std::vector<Shape> all, ShapesOf(main_, shapes, count));
  return BlameShapes(entry->Warm(all, callers), main_, all);
}

Status LoadedModel::CheckBatch(const Ports& ports, std::span<const Shape> one, int calls) {
  HEDDLE_ASSIGN(Entry * entry, EntryOf(ports.subgraph));
  const BatchProof proof = ProveBatch(entry->program(), one, calls);
  if (!proof.passes) return Unsupported("{}", proof.reason);
  std::vector<Shape> all(one.begin(), one.end());
  for (Shape& shape : all) shape[0] *= calls;
  HEDDLE_ASSIGN(const std::shared_ptr<const Plan> plan, entry->PlanOf(all, RunControl()));
  if (plan->total_bytes <= kMostBatchBytes) return Status();
  return Unsupported("a batch of {} takes {} bytes, expected at most {}", calls, plan->total_bytes,
                     kMostBatchBytes);
}

uint64_t LoadedModel::arena_bytes() const {
  const Entry* entry = entries_[0]->ready.load(std::memory_order_acquire);
  return entry == nullptr ? 0 : entry->last_call_bytes();
}

void Call::Describe(size_t k, heddle_tensor* out) {
  const PortInfo& port = ports_->outputs[k];
  const int index = static_cast<int>(k);
  Fill(port.name.c_str(), port.type, context().output_shape(index), context().output(index), out);
}

Status Call::Find(std::string_view name, heddle_tensor* out) {
  const int k = Ports::Find(ports_->outputs, name);
  if (k >= 0) {
    Describe(static_cast<size_t>(k), out);
    return Status();
  }
  const Program& program = *context().plan().program;
  for (size_t v = 0; v < program.values().size() && program.options().keep_all; ++v)
    if (program.values()[v].name == name) return DescribeValue(static_cast<int>(v), out);
  return NotFound("output '{}': the model has no such output", name);
}

Status Call::Kept(size_t tensor, heddle_tensor* out) {
  for (size_t k = 0; k < ports_->outputs.size(); ++k)
    if (static_cast<size_t>(ports_->outputs[k].tensor) == tensor) {
      Describe(k, out);
      return Status();
    }
  const Program& program = *context().plan().program;
  if (tensor >= program.values().size())
    return NotFound("tensor {}: the graph has {}", tensor, program.values().size());
  if (!program.options().keep_all)
    return NotFound("tensor {} '{}' is no output: load the model with keep_all to read it", tensor,
                    program.values()[tensor].name);
  return DescribeValue(static_cast<int>(tensor), out);
}

Status Call::DescribeValue(int value, heddle_tensor* out) {
  const Tensor& described =
      context().plan().program->subgraph().tensors[static_cast<size_t>(value)];
  Shape shape;
  const CallTensor tensor = context().value(value, &shape);
  if (tensor.data == nullptr)
    return NotFound("tensor {} '{}' has no value after this run", value, described.name);
  Fill(described.name.c_str(), described.type, shape, tensor, out);
  return Status();
}

Status LoadedModel::ShapeOf(const char* signature, const heddle_tensor* inputs, size_t count,
                            size_t tensor, heddle_tensor* out) {
  HEDDLE_ASSIGN(const Ports* ports, FindPorts(signature));
  HEDDLE_ASSIGN(const std::vector<Shape> shapes, ShapesOf(*ports, inputs, count));
  const Result<std::shared_ptr<const Plan>> plan = PlanOf(ports->subgraph, shapes);
  if (!plan.ok()) return BlameShapes(plan.status(), *ports, shapes);
  const std::vector<PlanValue>& values = (*plan)->values;
  if (tensor >= values.size())
    return NotFound("tensor {}: the graph has {}", tensor, values.size());
  const Tensor& described = (*plan)->program->subgraph().tensors[tensor];
  Fill(described.name.c_str(), described.type, values[tensor].shape, {}, out);
  if (!values[tensor].known_shape) out->rank = HEDDLE_SHAPE_OF_MODEL;
  return Status();
}

}  // namespace heddle::core
