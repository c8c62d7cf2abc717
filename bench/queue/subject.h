// SPDX-License-Identifier: Apache-2.0
// What the benches of the queue run: a model with an input, alone or behind a queue.
#ifndef HEDDLE_BENCH_QUEUE_SUBJECT_H_
#define HEDDLE_BENCH_QUEUE_SUBJECT_H_

#include <memory>
#include <string>
#include <vector>

#include "heddle/engine.h"
#include "serve/model_queue.h"

namespace heddle::bench {

class Subject {
 public:
  // "empty": a graph of one ADD of four numbers. Ends the program where the model does not run.
  explicit Subject(const std::string& path);

  const Model& model() const { return *model_; }
  std::span<const TensorView> inputs() const { return views_; }
  // One call without a queue.
  void Run() const;
  // Submitted and waited for; false: it was refused, or failed.
  bool RunThrough(core::ModelQueue& queue, core::ModelQueue::Terms terms = {}) const;
  // nullptr: it was refused.
  core::ModelRequest* Submit(core::ModelQueue& queue, core::ModelQueue::Terms terms) const;

 private:
  Engine engine_;
  std::unique_ptr<Model> model_;
  std::vector<std::vector<std::byte>> bytes_;
  std::vector<TensorView> views_;
};

inline int64_t NowNs() { return core::SystemClock().NowNs(); }
double Median(std::vector<double> values);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_QUEUE_SUBJECT_H_
