// SPDX-License-Identifier: Apache-2.0
// ModelRequest: a request for an inference, with its tensors; it is its own ticket, and its
// outputs.
#ifndef HEDDLE_SERVE_MODEL_REQUEST_H_
#define HEDDLE_SERVE_MODEL_REQUEST_H_

#include <memory>
#include <vector>

#include "engine/c_objects.h"
#include "serve/completions.h"
#include "serve/target.h"

struct heddle_ticket {};

namespace heddle::core {

class ModelQueue;

// Memory that only grows, aligned for every element type.
class GrowingBuffer {
 public:
  ~GrowingBuffer() { Free(); }
  GrowingBuffer() = default;
  GrowingBuffer(const GrowingBuffer&) = delete;
  GrowingBuffer& operator=(const GrowingBuffer&) = delete;
  // What a part of so many bytes takes, so that the next one is aligned, too.
  static size_t Aligned(size_t bytes) { return (bytes + 63) & ~size_t{63}; }
  // What was there is lost. nullptr: there is no memory.
  std::byte* Reserve(size_t bytes);
  // Keeps no more than this for the next user.
  void Trim(size_t most);

 private:
  void Free();
  std::byte* data_ = nullptr;
  size_t capacity_ = 0;
};

class ModelRequest final : public Request, public heddle_ticket, public heddle_outputs {
 public:
  // Of the submitter.
  std::shared_ptr<ModelQueue> queue;
  std::shared_ptr<Target> target_owner;
  std::shared_ptr<LoadedModel> model;
  std::shared_ptr<Session> session;
  std::shared_ptr<Completions> completions_owner;
  const Ports* ports = nullptr;
  std::vector<heddle_tensor> inputs, lent_outputs;  // by port; by name
  bool fresh_state = false;

  uint64_t input_bytes() const;
  // Of those that are alike, the same.
  uint64_t FindKind() const;
  Status CopyInputs();
  // Keeps the outputs that the call has not written into the caller's memory; of a batch, those of
  // one row of `rows`.
  Status Keep(Call& call, int row = 0, int rows = 1);

  size_t Count() const override { return outputs_.size(); }
  void Describe(size_t index, heddle_tensor* out) override;
  Status Find(std::string_view name, heddle_tensor* out) override;
  Status Kept(size_t tensor, heddle_tensor* out) override;
  void Release() override { Disown(); }

 private:
  void Recycle() override;
  // The caller's memory for the output; nullptr: it gave none.
  const heddle_tensor* LentFor(size_t output) const;

  GrowingBuffer copied_, kept_;
  std::vector<heddle_tensor> outputs_;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_MODEL_REQUEST_H_
