// SPDX-License-Identifier: Apache-2.0
// UNIQUE: the values of a vector without repetition, in the order of their first occurrence, and
// for each element the number of its value.
#include <bit>
#include <cstring>
#include <limits>

#include "kernels/index/nd_index.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// Of the hash table in the step's scratch: at least twice as many as there are elements.
uint64_t SlotsFor(int64_t elements) {
  return std::bit_ceil(static_cast<uint64_t>(elements) * 2 + 1);
}

// What tells values apart: their bits, but zeros of both signs are one value, and all NaNs. Bits,
// so that denormals differ where the thread flushes them.
template <class T, bool kFloat>
T KeyOf(T bits) {
  if (!kFloat) return bits;
  constexpr T kMagnitude = std::numeric_limits<T>::max() >> 1;
  constexpr T kInfinity = kMagnitude & ~((T{1} << (sizeof(T) == 8 ? 52 : 23)) - 1);
  const T magnitude = bits & kMagnitude;
  if (magnitude > kInfinity) return kMagnitude;
  return magnitude == 0 ? 0 : bits;
}

uint64_t HashOf(uint64_t key) {
  key *= 0x9E3779B97F4A7C15u;
  return key ^ key >> 32;
}

// Numbers of distinct values by open addressing: slot -> number + 1.
template <class T, bool kFloat>
class Distinct {
 public:
  Distinct(const T* values, int64_t elements, std::byte* scratch)
      : values_(values),
        mask_(SlotsFor(elements) - 1),
        slots_(reinterpret_cast<uint32_t*>(scratch)),
        first_(slots_ + mask_ + 1) {
    std::memset(slots_, 0, (mask_ + 1) * sizeof(uint32_t));
  }

  // The number of element i's value.
  uint32_t Add(int64_t i) {
    const T key = KeyOf<T, kFloat>(values_[i]);
    for (uint64_t slot = HashOf(key) & mask_;; slot = (slot + 1) & mask_) {
      if (slots_[slot] == 0) {
        first_[count_] = static_cast<uint32_t>(i);
        slots_[slot] = ++count_;
        return count_ - 1;
      }
      if (KeyOf<T, kFloat>(value(slots_[slot] - 1)) == key) return slots_[slot] - 1;
    }
  }
  uint32_t count() const { return count_; }
  T value(uint32_t number) const { return values_[first_[number]]; }

 private:
  const T* values_;
  uint64_t mask_;
  uint32_t* slots_;
  uint32_t* first_;  // element that showed a value first
  uint32_t count_ = 0;
};

template <class T, class I, bool kFloat = false>
Status Unique(const void*, SerialCall& call) {
  const int64_t elements = call.input_shape(0).elements();
  Distinct<T, kFloat> distinct(static_cast<const T*>(call.args().inputs[0]), elements,
                               call.args().scratch);
  auto* numbers = reinterpret_cast<I*>(
      call.AllocateOutput(1, call.input_shape(0), static_cast<size_t>(elements) * sizeof(I)));
  if (numbers == nullptr) return ResourceExhausted("no memory for {} indices", elements);
  for (int64_t i = 0; i < elements; ++i) numbers[i] = static_cast<I>(distinct.Add(i));
  const uint32_t count = distinct.count();
  auto* values = reinterpret_cast<T*>(
      call.AllocateOutput(0, Shape{static_cast<int32_t>(count)}, count * sizeof(T)));
  if (values == nullptr) return ResourceExhausted("no memory for {} values", count);
  for (uint32_t i = 0; i < count; ++i) values[i] = distinct.value(i);
  return Status();
}

template <class I>
SerialFn FindUnique(Type type) {
  switch (type) {
    case Type::kFloat32:
      return &Unique<uint32_t, I, true>;
    case Type::kFloat64:
      return &Unique<uint64_t, I, true>;
    case Type::kBool:
    case Type::kUInt8:
    case Type::kInt8:
      return &Unique<uint8_t, I>;
    case Type::kInt16:
    case Type::kUInt16:
      return &Unique<uint16_t, I>;
    case Type::kInt32:
    case Type::kUInt32:
      return &Unique<uint32_t, I>;
    case Type::kInt64:
    case Type::kUInt64:
      return &Unique<uint64_t, I>;
    default:
      return nullptr;
  }
}

SerialFn FindUnique(Type type, Type index) {
  return index == Type::kInt32 ? FindUnique<int32_t>(type) : FindUnique<int64_t>(type);
}

class UniqueOperation final : public Operation {
 public:
  // The number of values is the run's to tell.
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    if (inputs[0].shape.rank() != 1) {
      return InvalidModel("input '{}' has shape {}, expected one dimension", inputs[0].name,
                          inputs[0].shape.ToString());
    }
    outputs[0] = Shape{0};
    outputs[1] = inputs[0].shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const int64_t elements = inputs[0].shape.elements();
    step.kind = StepKind::kSerial;
    step.serial = FindUnique(inputs[0].type, outputs[1].type);
    step.sizes_outputs = true;
    step.scratch_bytes = (SlotsFor(elements) + static_cast<uint64_t>(elements)) * sizeof(uint32_t);
    step.kernel = "unique";
    return Status();
  }
};

}  // namespace

MadeOperation MakeUnique(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 2));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckType(args.outputs[1], "index output", {Type::kInt32, Type::kInt64}));
  const Operand& input = args.inputs[0];
  if (FindUnique(input.type, args.outputs[1].type) == nullptr) {
    return Unsupported("input '{}' is {}, expected bools, integers, float32 or float64", input.name,
                       TypeName(input.type));
  }
  return MadeOperation(std::make_unique<UniqueOperation>());
}

}  // namespace heddle::core
