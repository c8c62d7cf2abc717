// SPDX-License-Identifier: Apache-2.0
#include "serve/model_target.h"

#include <algorithm>
#include <cstring>

#include "base/caught.h"
#include "base/errors.h"
#include "crew/crew.h"

namespace heddle::core {
namespace {

// Of shapes and sizes, the last ones; a program that never repeats a shape must not grow.
constexpr size_t kMostProofs = 64;
// Of inputs gathered for a batch: they are kept for the next one, on each core.
constexpr uint64_t kMostGatheredBytes = uint64_t{64} << 20;

ModelRequest& Inference(Request& request) { return static_cast<ModelRequest&>(request); }
const ModelRequest& Inference(const Request& request) {
  return static_cast<const ModelRequest&>(request);
}

Shape ShapeOf(const heddle_tensor& tensor) {
  return Shape(std::span<const int32_t>(tensor.dims, static_cast<size_t>(tensor.rank)));
}

RunControl ControlOf(const Request& request) {
  return RunControl(SystemClock(), request.deadline_ns, &request.stop);
}

// A batch goes on for as long as one of its requests would.
struct Members {
  const Request* first;
  int count;

  static Status Check(const void* arg) {
    const auto& members = *static_cast<const Members*>(arg);
    Status status;
    const Request* r = members.first;
    for (int i = 0; i < members.count; ++i, r = r->next_in_batch) {
      status = ControlOf(*r).Check();
      if (status.ok()) break;
    }
    return status;
  }
};

}  // namespace

// Lent for the time of one batch.
class ModelTarget::Gathering {
 public:
  explicit Gathering(ModelTarget& target) : target_(target), own_(target.TakeGathered()) {}
  ~Gathering() { target_.GiveGathered(std::move(own_)); }
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

  const std::vector<heddle_tensor>& inputs() const { return own_->inputs; }
  // The inputs of all, one after the other along axis 0.
  Status Gather(const ModelRequest& first, int count) {
    const auto rows = static_cast<size_t>(count);
    size_t all = 0;
    for (const heddle_tensor& input : first.inputs)
      all += GrowingBuffer::Aligned(input.bytes * rows);
    std::byte* at = own_->bytes.Reserve(all);
    if (at == nullptr) return ResourceExhausted("no memory for {} bytes of inputs", all);
    own_->inputs.assign(first.inputs.begin(), first.inputs.end());
    for (size_t k = 0; k < own_->inputs.size(); ++k) {
      heddle_tensor& input = own_->inputs[k];
      const Request* r = &first;
      for (size_t i = 0; i < rows; ++i, r = r->next_in_batch)
        std::memcpy(at + i * input.bytes, Inference(*r).inputs[k].data, input.bytes);
      input.data = at;
      input.bytes *= rows;
      input.dims[0] *= count;
      at += GrowingBuffer::Aligned(input.bytes);
    }
    return Status();
  }

 private:
  ModelTarget& target_;
  std::unique_ptr<Gathered> own_;
};

Status ModelTarget::Run(Request& request, Turn& turn) {
  return Caught([&] { return RunOne(Inference(request), turn); });
}

Status ModelTarget::RunOne(ModelRequest& request, Turn& turn) {
  const Session::Turn session(request.session.get());
  HEDDLE_TRY(session.Check());
  RunRequest run;
  run.inputs = request.inputs.data();
  run.input_count = request.inputs.size();
  run.outputs = request.lent_outputs.data();
  run.output_count = request.lent_outputs.size();
  run.signature = request.ports->key.c_str();
  run.control = ControlOf(request);
  run.state = request.session != nullptr ? &request.session->state() : nullptr;
  run.fresh_state = request.fresh_state;
  run.turn = &turn;
  run.priority = static_cast<Priority>(request.charged);
  HEDDLE_ASSIGN(Call call, model_->Run(run));
  return request.Keep(call);
}

bool ModelTarget::Alike(const Request& a, const Request& b) const {
  const ModelRequest &one = Inference(a), &other = Inference(b);
  return one.ports == other.ports &&
         std::equal(one.inputs.begin(), one.inputs.end(), other.inputs.begin(), other.inputs.end(),
                    [](const heddle_tensor& x, const heddle_tensor& y) {
                      return x.bytes == y.bytes && ShapeOf(x) == ShapeOf(y);
                    });
}

Status ModelTarget::RunBatch(Request& first, int count, Turn& turn) {
  return Caught([&] { return RunRows(Inference(first), count, turn); });
}

Status ModelTarget::RunRows(ModelRequest& first, int count, Turn& turn) {
  HEDDLE_TRY(Prove(first, count));
  Gathering gathering(*this);
  HEDDLE_TRY(gathering.Gather(first, count));
  const Members members{&first, count};
  RunRequest run;
  run.inputs = gathering.inputs().data();
  run.input_count = gathering.inputs().size();
  run.signature = first.ports->key.c_str();
  run.control = RunControl(&Members::Check, &members);
  run.turn = &turn;
  run.priority = static_cast<Priority>(first.charged);
  HEDDLE_ASSIGN(Call call, model_->Run(run));
  Request* r = &first;
  for (int i = 0; i < count; ++i, r = r->next_in_batch) {
    // By itself it would have been stopped, too.
    r->status = ControlOf(*r).Check();
    if (!r->status.ok()) continue;
    if (!Inference(*r).Keep(call, i, count).ok()) r->status = Run(*r, turn);
  }
  return Status();
}

Status ModelTarget::Prove(const ModelRequest& request, int calls) {
  const auto is_of = [&](const Proof& proof) {
    return proof.ports == request.ports && proof.calls == calls &&
           std::equal(proof.one.begin(), proof.one.end(), request.inputs.begin(),
                      request.inputs.end(),
                      [](const Shape& x, const heddle_tensor& y) { return x == ShapeOf(y); });
  };
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(proofs_.begin(), proofs_.end(), is_of);
    if (found != proofs_.end()) return found->status;
  }
  Proof proof{request.ports, {}, calls, {}};
  for (const heddle_tensor& input : request.inputs) proof.one.push_back(ShapeOf(input));
  const uint64_t bytes = request.input_bytes() * static_cast<uint64_t>(calls);
  proof.status = bytes <= kMostGatheredBytes
                     ? model_->CheckBatch(*request.ports, proof.one, calls)
                     : Unsupported("a batch of {} has {} bytes of inputs, expected at most {}",
                                   calls, bytes, kMostGatheredBytes);
  const Status status = proof.status;
  // There may be memory for it later.
  if (status.code() == Code::kResourceExhausted) return status;
  const std::lock_guard lock(mutex_);
  if (proofs_.size() < kMostProofs) {
    proofs_.push_back(std::move(proof));
  } else {
    proofs_[next_proof_++ % kMostProofs] = std::move(proof);
  }
  return status;
}

std::unique_ptr<ModelTarget::Gathered> ModelTarget::TakeGathered() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) {
    idle_.reserve(gathered_ + 1);  // to give it back needs no memory
    auto made = std::make_unique<Gathered>();
    ++gathered_;
    return made;
  }
  std::unique_ptr<Gathered> taken = std::move(idle_.back());
  idle_.pop_back();
  return taken;
}

void ModelTarget::GiveGathered(std::unique_ptr<Gathered> gathered) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(gathered));
}

}  // namespace heddle::core
