// SPDX-License-Identifier: Apache-2.0
// A model whose calls wait until a test lets them go on.
#ifndef HEDDLE_TESTS_ENGINE_GATE_H_
#define HEDDLE_TESTS_ENGINE_GATE_H_

#include <latch>
#include <memory>
#include <vector>

#include "heddle/custom.h"
#include "heddle/queue.h"
#include "support/model_builder.h"

namespace heddle::testing {

// One at a time.
class Gate {
 public:
  Gate() { opened_ = &latch_; }
  const Model& model() const { return model_; }  // of one float, "x"
  void Open() { latch_.count_down(); }
  // The request has begun, or will, and stays in the queue until the gate is opened.
  Ticket Submit(Queue& queue) { return queue.Submit(model_, {{"x", x_}}).value(); }

 private:
  class Waiting final : public custom::PlainOperator {
   public:
    static Result<std::unique_ptr<Waiting>> Make(const custom::Node&) {
      return std::make_unique<Waiting>();
    }
    Status Shapes(const custom::Node& node, std::span<heddle_shape> outputs) const override {
      outputs[0].rank = 1;
      outputs[0].dims[0] = node.input(0).shape()[0];
      return Status();
    }
    Status Run(const custom::Node&, const custom::Call& call) const override {
      opened_->wait();
      call.output<float>(0)[0] = call.input<float>(0)[0];
      return Status();
    }
  };

  static Model Load(const Engine& engine) {
    core::ModelBuilder b;
    const int x = b.Input("x", core::Type::kFloat32, {1});
    const int y = b.Make("y", core::Type::kFloat32, {1});
    b.CustomOp("Gate", {x}, {y}, {});
    b.Output(y);
    const Status registered = custom::Register<Waiting>(engine, "Gate");
    return registered.ok() ? engine.LoadBytes(b.Build()).value() : throw registered;
  }

  static inline std::latch* opened_ = nullptr;
  std::latch latch_{1};
  const std::vector<float> x_ = {1};
  const Engine engine_;
  const Model model_ = Load(engine_);
};

}  // namespace heddle::testing

#endif  // HEDDLE_TESTS_ENGINE_GATE_H_
