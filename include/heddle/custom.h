// SPDX-License-Identifier: Apache-2.0
// Operators of your own, for custom operators of model files. EXPERIMENTAL: may change in any
// version. c_custom.h says what an operator may do and what it may rely on.
//
//   namespace custom = heddle::custom;
//   class Scale final : public custom::PlainOperator {
//    public:
//     static heddle::Result<std::unique_ptr<Scale>> Make(const custom::Node& node);
//     heddle::Status Shapes(const custom::Node&, std::span<heddle_shape> outputs) const override;
//     heddle::Status Run(const custom::Node&, const custom::Call& call) const override;
//   };
//   HEDDLE_TRY(custom::Register<Scale>(engine, "Scale"));
#ifndef HEDDLE_CUSTOM_H_
#define HEDDLE_CUSTOM_H_

#include <concepts>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include "heddle/c_custom.h"
#include "heddle/engine.h"

namespace heddle::custom {

// An input or output of a node. A view; cheap to copy.
class Operand {
 public:
  explicit Operand(const heddle_operand* operand) : operand_(operand) {}
  bool present() const { return operand_ != nullptr; }  // all else REQUIRES: present()
  std::string_view name() const { return operand_->name; }
  heddle_type type() const { return operand_->type; }
  std::span<const int32_t> shape() const {
    return {operand_->dims, static_cast<size_t>(operand_->rank)};
  }
  int64_t elements() const {
    int64_t count = 1;
    for (const int32_t size : shape()) count *= size;
    return count;
  }
  // The value, where it is known before any call and of this type; else empty.
  template <class T>
  std::span<const T> As() const {
    if (operand_->data == nullptr || operand_->type != TypeOf<T>()) return {};
    return {static_cast<const T*>(operand_->data), operand_->bytes / sizeof(T)};
  }
  // Empty: not quantised.
  std::span<const float> scales() const { return {operand_->scales, operand_->scale_count}; }
  std::span<const int64_t> zero_points() const {
    return {operand_->zero_points, operand_->scale_count};
  }

 private:
  const heddle_operand* operand_;
};

// One use of an operator in a model. A view.
class Node {
 public:
  explicit Node(const heddle_node* node) : node_(node) {}
  std::string_view name() const { return node_->name; }
  int version() const { return node_->version; }
  // The file's custom_options, often a FlexBuffer.
  std::span<const std::byte> options() const {
    return {static_cast<const std::byte*>(node_->options), node_->options_bytes};
  }
  size_t input_count() const { return node_->input_count; }
  size_t output_count() const { return node_->output_count; }
  // Not present where the node has no such operand.
  Operand input(size_t k) const {
    return Operand(k < node_->input_count ? node_->inputs[k] : nullptr);
  }
  Operand output(size_t k) const {
    return Operand(k < node_->output_count ? node_->outputs[k] : nullptr);
  }

 private:
  const heddle_node* node_;
};

// The memory of one running call. A view.
class Call {
 public:
  explicit Call(const heddle_call* call) : call_(call) {}
  // REQUIRES: T is the operand's type; k is below the node's count.
  template <class T>
  const T* input(size_t k) const {
    return static_cast<const T*>(call_->inputs[k]);
  }
  template <class T>
  T* output(size_t k) const {
    return static_cast<T*>(call_->outputs[k]);
  }
  std::byte* scratch() const { return static_cast<std::byte*>(call_->scratch); }

 private:
  const heddle_call* call_;
};

// How a node is run at given shapes.
struct Work {
  int64_t tiles = 1;         // independent parts; of a PlainOperator it stays 1
  double tile_ns = 0;        // roughly, of one tile: decides whether threads help
  size_t scratch_bytes = 0;  // of each thread that helps
  int64_t macs = 0;          // multiply-adds, for limits and reports
};

// Derive from PlainOperator or TiledOperator. An object is made for each node of each model and
// shared by all calls: nothing in it changes after Make.
class AnyOperator {
 public:
  virtual ~AnyOperator() = default;
  // The shapes of the outputs for those of the inputs.
  virtual Status Shapes(const Node& node, std::span<heddle_shape> outputs) const = 0;
  virtual Work Plan(const Node&) const { return {}; }
};

// Runs at once, on the calling thread.
class PlainOperator : public AnyOperator {
 public:
  virtual Status Run(const Node& node, const Call& call) const = 0;
};

// Runs in tiles, in any order, on as many threads as are free: any split gives the same bits.
class TiledOperator : public AnyOperator {
 public:
  virtual heddle_tile_code Tile(const Node& node, const Call& call, int64_t begin,
                                int64_t end) const = 0;
};

struct Traits {
  bool deterministic = true;  // outputs follow from inputs: may be computed at load
  uint32_t value_inputs = 0;  // bit k: Shapes and Plan read the value of input k
};

namespace internal {

inline heddle_status* ToC(const Status& status) {
  return heddle_status_create(static_cast<int32_t>(status.code()), status.c_str());
}

// Runs `body`, which returns a Status; what it throws becomes one.
template <class F>
heddle_status* Caught(F body) noexcept {
#ifdef __cpp_exceptions
  try {
    return ToC(body());
  } catch (const std::bad_alloc&) {
    return heddle_status_create(HEDDLE_RESOURCE_EXHAUSTED, "out of memory");
  } catch (const std::exception& e) {
    return heddle_status_create(HEDDLE_INTERNAL, e.what());
  } catch (...) {
    return heddle_status_create(HEDDLE_INTERNAL, "the operator threw what is no std::exception");
  }
#else
  return ToC(body());
#endif
}

// The functions of c_custom.h for a class; `self` is an object of it.
template <class Op>
struct Functions {
  static const Op& Self(const void* self) { return *static_cast<const Op*>(self); }
  static heddle_status* Make(void*, const heddle_node* node, void** self) {
    return Caught([&]() -> Status {
      Result<std::unique_ptr<Op>> made = Op::Make(Node(node));
      if (!made.ok()) return made.status();
      if (*made == nullptr) return Status(Code::kInternal, "Make made no operator");
      *self = made->release();
      return Status();
    });
  }
  static void Free(void* self) { delete static_cast<Op*>(self); }
  static heddle_status* Shapes(const void* self, const heddle_node* node, heddle_shape* outputs) {
    return Caught(
        [&] { return Self(self).Shapes(Node(node), std::span(outputs, node->output_count)); });
  }
  static heddle_status* Plan(const void* self, const heddle_node* node, heddle_work* work) {
    return Caught([&] {
      const Work planned = Self(self).Plan(Node(node));
      work->tiles = planned.tiles;
      work->tile_ns = planned.tile_ns;
      work->scratch_bytes = planned.scratch_bytes;
      work->macs = planned.macs;
      return Status();
    });
  }
  static heddle_status* Run(const void* self, const heddle_node* node, const heddle_call* call) {
    return Caught([&] { return Self(self).Run(Node(node), custom::Call(call)); });
  }
  static int32_t Tile(const void* self, const heddle_node* node, const heddle_call* call,
                      int64_t begin, int64_t end) {
    heddle_tile_code code = HEDDLE_TILE_OK;
    heddle_status* thrown = Caught([&] {
      code = Self(self).Tile(Node(node), custom::Call(call), begin, end);
      return Status();
    });
    if (thrown != nullptr) code = HEDDLE_TILE_FAILED;
    heddle_status_free(thrown);
    return code;
  }
};

}  // namespace internal

// Makes Op the kernel of the custom operators called `name` in models that `engine` loads from now
// on. It comes before one that Heddle has built in; the same name twice is kInvalidArgument.
template <class Op>
  requires std::derived_from<Op, PlainOperator> || std::derived_from<Op, TiledOperator>
Status Register(const Engine& engine, const char* name, const Traits& traits = {}) {
  using Functions = internal::Functions<Op>;
  heddle_operator op{};
  op.struct_size = sizeof(op);
  op.name = name;
  op.flags = traits.deterministic ? HEDDLE_OPERATOR_DETERMINISTIC : 0;
  op.value_inputs = traits.value_inputs;
  op.make = &Functions::Make;
  op.free_self = &Functions::Free;
  op.shapes = &Functions::Shapes;
  op.work = &Functions::Plan;
  if constexpr (std::derived_from<Op, PlainOperator>)
    op.run = &Functions::Run;
  else
    op.tile = &Functions::Tile;
  return heddle::internal::Take(heddle_engine_register(engine.get(), &op));
}

}  // namespace heddle::custom

#endif  // HEDDLE_CUSTOM_H_
