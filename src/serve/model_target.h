// SPDX-License-Identifier: Apache-2.0
// ModelTarget: a model as a Queue runs it, request by request or in batches.
#ifndef HEDDLE_SERVE_MODEL_TARGET_H_
#define HEDDLE_SERVE_MODEL_TARGET_H_

#include <memory>
#include <mutex>
#include <vector>

#include "serve/model_request.h"
#include "serve/target.h"

namespace heddle::core {

class ModelTarget final : public Target {
 public:
  explicit ModelTarget(std::shared_ptr<LoadedModel> model) : model_(std::move(model)) {
    id = model_->id();
  }
  Status Run(Request& request, Turn& turn) override;
  bool Alike(const Request& a, const Request& b) const override;
  Status RunBatch(Request& first, int count, Turn& turn) override;

 private:
  // Whether so many calls with these shapes may run as one.
  struct Proof {
    const Ports* ports;
    std::vector<Shape> one;
    int calls;
    Status status;
  };
  // The inputs of a batch, and the memory that they are gathered in.
  struct Gathered {
    GrowingBuffer bytes;
    std::vector<heddle_tensor> inputs;
  };
  class Gathering;

  Status RunOne(ModelRequest& request, Turn& turn);
  Status RunRows(ModelRequest& first, int count, Turn& turn);
  Status Prove(const ModelRequest& request, int calls);
  std::unique_ptr<Gathered> TakeGathered();
  void GiveGathered(std::unique_ptr<Gathered> gathered);

  const std::shared_ptr<LoadedModel> model_;
  std::mutex mutex_;  // of what follows
  std::vector<Proof> proofs_;
  size_t next_proof_ = 0;
  size_t gathered_ = 0;                          // no more than ran at once
  std::vector<std::unique_ptr<Gathered>> idle_;  // of them
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_MODEL_TARGET_H_
