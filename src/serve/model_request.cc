// SPDX-License-Identifier: Apache-2.0
#include "serve/model_request.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/hash.h"
#include "serve/model_queue.h"

namespace heddle::core {
namespace {

constexpr std::align_val_t kAlignment{64};
// Of copies that an idle request keeps for the next one.
constexpr size_t kKeptBytes = size_t{1} << 20;

}  // namespace

std::byte* GrowingBuffer::Reserve(size_t bytes) {
  if (bytes <= capacity_ && data_ != nullptr) return data_;
  Free();
  const size_t capacity = std::max<size_t>(Aligned(bytes), 64);
  data_ = static_cast<std::byte*>(::operator new(capacity, kAlignment, std::nothrow));
  capacity_ = data_ != nullptr ? capacity : 0;
  return data_;
}

void GrowingBuffer::Trim(size_t most) {
  if (capacity_ > most) Free();
}

void GrowingBuffer::Free() {
  ::operator delete(data_, kAlignment);
  data_ = nullptr;
  capacity_ = 0;
}

uint64_t ModelRequest::input_bytes() const {
  uint64_t sum = 0;
  for (const heddle_tensor& input : inputs) sum += input.bytes;
  return sum;
}

uint64_t ModelRequest::FindKind() const {
  uint64_t hash = reinterpret_cast<uintptr_t>(ports) ^ input_bytes();
  for (const heddle_tensor& input : inputs)
    hash = ContentHash(std::as_bytes(std::span(input.dims, static_cast<size_t>(input.rank))), hash);
  return hash;
}

Status ModelRequest::CopyInputs() {
  size_t all = 0;
  for (const heddle_tensor& input : inputs) all += GrowingBuffer::Aligned(input.bytes);
  std::byte* at = copied_.Reserve(all);
  if (at == nullptr) return ResourceExhausted("no memory for a copy of {} bytes of inputs", all);
  for (heddle_tensor& input : inputs) {
    std::memcpy(at, input.data, input.bytes);
    input.data = at;
    at += GrowingBuffer::Aligned(input.bytes);
  }
  return Status();
}

const heddle_tensor* ModelRequest::LentFor(size_t output) const {
  const char* name = ports->outputs[output].name.c_str();
  for (const heddle_tensor& lent : lent_outputs)
    if (lent.name == name) return &lent;
  return nullptr;
}

// The call's memory goes back at once: that of calls follows the number of cores, not that of
// results which nobody has fetched.
Status ModelRequest::Keep(Call& call, int row, int rows) {
  outputs_.resize(ports->outputs.size());
  size_t all = 0;
  for (size_t k = 0; k < outputs_.size(); ++k) {
    heddle_tensor& output = outputs_[k];
    output.struct_size = sizeof(heddle_tensor);
    call.Describe(k, &output);
    if (rows > 1) {
      output.bytes /= static_cast<size_t>(rows);
      output.dims[0] /= rows;
      output.data = static_cast<std::byte*>(output.data) + static_cast<size_t>(row) * output.bytes;
    }
    const heddle_tensor* lent = LentFor(k);
    if (lent == nullptr) all += GrowingBuffer::Aligned(output.bytes);
    if (lent != nullptr && lent->bytes < output.bytes)
      return InvalidArgument("output '{}' needs {} bytes, the caller gives {}", output.name,
                             output.bytes, lent->bytes);
  }
  std::byte* at = all == 0 ? nullptr : kept_.Reserve(all);
  if (all > 0 && at == nullptr) return ResourceExhausted("no memory for {} bytes of outputs", all);
  for (size_t k = 0; k < outputs_.size(); ++k) {
    heddle_tensor& output = outputs_[k];
    const heddle_tensor* lent = LentFor(k);
    void* to = lent != nullptr ? lent->data : at;
    if (output.bytes > 0 && to != output.data) std::memcpy(to, output.data, output.bytes);
    output.data = to;
    if (lent == nullptr) at += GrowingBuffer::Aligned(output.bytes);
  }
  return Status();
}

void ModelRequest::Describe(size_t index, heddle_tensor* out) {
  const size_t size = out->struct_size;
  *out = outputs_[index];
  out->struct_size = size;
}

Status ModelRequest::Find(std::string_view name, heddle_tensor* out) {
  const int k = Ports::Find(ports->outputs, name);
  if (k < 0) return NotFound("output '{}': the model has no such output", name);
  Describe(static_cast<size_t>(k), out);
  return Status();
}

// A request keeps the outputs, not what lies between: memory follows results, not models.
Status ModelRequest::Kept(size_t tensor, heddle_tensor* out) {
  for (size_t k = 0; k < ports->outputs.size(); ++k) {
    if (static_cast<size_t>(ports->outputs[k].tensor) != tensor) continue;
    Describe(k, out);
    return Status();
  }
  return NotFound("tensor {} is no output: a request of a queue keeps outputs only", tensor);
}

void ModelRequest::Recycle() {
  Renew();
  outputs_.clear();
  copied_.Trim(kKeptBytes);
  kept_.Trim(kKeptBytes);
  session.reset();
  completions_owner.reset();
  target_owner.reset();
  model.reset();
  // The queue may go with its last request, and this with it.
  const std::shared_ptr<ModelQueue> owner = std::move(queue);
  owner->GiveBack(*this);
}

}  // namespace heddle::core
