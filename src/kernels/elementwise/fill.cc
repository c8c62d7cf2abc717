// SPDX-License-Identifier: Apache-2.0
// Outputs of one value, or of values that follow from their position: FILL, ZEROS_LIKE, RANGE,
// RANK.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/elementwise/types.h"
#include "kernels/movement/strings.h"

namespace heddle::core {
namespace {

constexpr int64_t kFillTileBytes = 32 * 1024;

// --- FILL, ZEROS_LIKE ---

struct FillParams {
  int64_t element_bytes = 1;  // divides kFillTileBytes
  int64_t bytes = 0;
  int value = -1;  // the input that is repeated; -1: zeros
};

TileCode FillTile(const FillParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t begin = tiles.begin * kFillTileBytes;
  const int64_t end = std::min(tiles.end * kFillTileBytes, p.bytes);
  auto* out = static_cast<std::byte*>(args.outputs[0]);
  if (p.value < 0) {
    std::memset(out + begin, 0, static_cast<size_t>(end - begin));
    return TileCode::kOk;
  }
  // One element, then twice as many with each copy.
  int64_t done = std::min(p.element_bytes, end - begin);
  std::memcpy(out + begin, args.inputs[p.value], static_cast<size_t>(done));
  while (begin + done < end) {
    const int64_t n = std::min(done, end - begin - done);
    std::memcpy(out + begin + done, out + begin, static_cast<size_t>(n));
    done += n;
  }
  return TileCode::kOk;
}

void LowerFill(int value, const Operand& output, Step& step) {
  FillParams p;
  p.value = value;
  p.element_bytes = static_cast<int64_t>(TypeBits(output.type) / 8);
  p.bytes = output.shape.elements() * p.element_bytes;
  SetTiled<&FillTile>(step, p, (p.bytes + kFillTileBytes - 1) / kFillTileBytes,
                      0.1f * static_cast<float>(std::min(p.bytes, kFillTileBytes)));
  step.kernel = "plain";
}

struct FillStringsParams {
  Shape shape;
};

Status FillStrings(const void* params, SerialCall& call) {
  const Shape& shape = static_cast<const FillStringsParams*>(params)->shape;
  const StringTensor value(call.args().inputs[1]);
  const int64_t count = shape.elements(), length = value.length(0);
  const int64_t first = 4 * (count + 2);
  if (first + count * length > std::numeric_limits<int32_t>::max())
    return ResourceExhausted("the strings of the output take {} bytes, expected less than 2^31",
                             first + count * length);
  const auto bytes = static_cast<size_t>(first + count * length);
  std::byte* out = call.AllocateOutput(0, shape, bytes);
  if (out == nullptr) return ResourceExhausted("no memory for {} bytes of strings", bytes);
  const int32_t words = static_cast<int32_t>(count);
  std::memcpy(out, &words, sizeof(words));
  for (int64_t i = 0; i <= count; ++i) {
    const int32_t offset = static_cast<int32_t>(first + i * length);
    std::memcpy(out + 4 * (i + 1), &offset, sizeof(offset));
    if (i < count) std::memcpy(out + offset, value.bytes(0), static_cast<size_t>(length));
  }
  return Status();
}

class Fill final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 1; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Operand &dims = inputs[0], &value = inputs[1];
    if (dims.shape.rank() != 1)
      return InvalidModel("dims '{}' is {}, expected a vector", dims.name, dims.shape.ToString());
    if (value.shape.rank() != 0)
      return InvalidModel("value '{}' is {}, expected a scalar", value.name,
                          value.shape.ToString());
    HEDDLE_ASSIGN(const IntList sizes, ReadInts(dims, "dims"));
    Shape shape;
    for (int i = 0; i < sizes.size; ++i) {
      if (sizes[i] < 0 || sizes[i] > INT32_MAX)
        return BadValue(dims, "size {} of '{}' is {}, expected 0 to 2^31 - 1", i, dims.name,
                        sizes[i]);
      HEDDLE_TRY(AppendDim(shape, static_cast<int32_t>(sizes[i])));
    }
    outputs[0] = shape;
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    if (inputs[1].type != Type::kString) {
      LowerFill(1, outputs[0], step);
      return Status();
    }
    step.kind = StepKind::kSerial;
    step.serial = &FillStrings;
    step.sizes_outputs = true;
    step.params = std::make_shared<const FillStringsParams>(FillStringsParams{outputs[0].shape});
    step.kernel = "strings";
    return Status();
  }
};

class ZerosLike final : public Operation {
 public:
  bool ReadsOnlyShapes() const override { return true; }
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    outputs[0] = inputs[0].shape;
    return Status();
  }
  Status Lower(std::span<const Operand>, std::span<const Operand> outputs,
               Step& step) const override {
    LowerFill(-1, outputs[0], step);
    return Status();
  }
};

// --- RANGE ---

template <class T>
struct RangeParams {
  T start, delta;
  int64_t count;
};

// One tile: floats are sums, each of the one before.
template <class T>
TileCode RangeTile(const RangeParams<T>& p, const TileArgs& args, TileRange tiles) {
  if (tiles.begin == tiles.end) return TileCode::kOk;
  T* out = static_cast<T*>(args.outputs[0]);
  T value = p.start;
  for (int64_t i = 0; i < p.count; ++i) {
    out[i] = value;
    if constexpr (std::is_floating_point_v<T>) {
      value += p.delta;
    } else if (i + 1 < p.count) {
      value = static_cast<T>(value + p.delta);
    }
  }
  return TileCode::kOk;
}

// Steps of delta from start that stay before limit; -1 where they never reach it.
template <class T>
double CountSteps(T start, T limit, T delta) {
  if (delta == 0 || delta != delta || (delta > 0 ? !(start <= limit) : !(start >= limit)))
    return -1;
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(std::ceil(std::fabs((limit - start) / delta)));
  } else {
    using U = uint64_t;
    const U way = delta > 0 ? static_cast<U>(limit) - static_cast<U>(start)
                            : static_cast<U>(start) - static_cast<U>(limit);
    const U step = delta > 0 ? static_cast<U>(delta) : U{0} - static_cast<U>(delta);
    return static_cast<double>(way / step + (way % step != 0 ? 1 : 0));
  }
}

template <class T>
class Range final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 7; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    for (const Operand& o : inputs)
      if (o.shape.rank() != 0)
        return InvalidModel("'{}' is {}, expected a scalar", o.name, o.shape.ToString());
    const T start = *inputs[0].As<T>(), limit = *inputs[1].As<T>(), delta = *inputs[2].As<T>();
    const double count = CountSteps(start, limit, delta);
    if (!(count >= 0))
      return BadValue(inputs[2], "steps of {} from {} never reach {}", delta, start, limit);
    if (count > INT32_MAX)
      return BadValue(inputs[2], "{} steps of {} from {} to {}, expected less than 2^31", count,
                      delta, start, limit);
    outputs[0] = {static_cast<int32_t>(count)};
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const int64_t n = outputs[0].shape.elements();
    SetTiled<&RangeTile<T>>(step, RangeParams<T>{*inputs[0].As<T>(), *inputs[2].As<T>(), n},
                            std::min<int64_t>(n, 1), static_cast<float>(n));
    step.kernel = "plain";
    return Status();
  }
};

// --- RANK ---

struct RankParams {
  int32_t rank;
};

TileCode RankTile(const RankParams& p, const TileArgs& args, TileRange tiles) {
  if (tiles.begin != tiles.end) std::memcpy(args.outputs[0], &p.rank, sizeof(p.rank));
  return TileCode::kOk;
}

class Rank final : public Operation {
 public:
  bool ReadsOnlyShapes() const override { return true; }
  Status Shapes(std::span<const Operand>, std::span<Shape> outputs) const override {
    outputs[0] = {};
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    SetTiled<&RankTile>(step, RankParams{inputs[0].shape.rank()}, 1, 10);
    step.kernel = "shape";
    return Status();
  }
};

}  // namespace

MadeOperation MakeFill(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 1, 2));
  const Operand &dims = args.inputs[0], &value = args.inputs[1];
  if (dims.type != Type::kInt32 && dims.type != Type::kInt64)
    return InvalidModel("dims '{}' is {}, expected int32 or int64", dims.name, TypeName(dims.type));
  if (value.type != Type::kString && TypeBits(value.type) < 8) return UnsupportedType(value);
  if (!SameQuantization(value, args.outputs[0]))
    return InvalidModel("output '{}' is quantised otherwise than value '{}'", args.outputs[0].name,
                        value.name);
  return MadeOperation(std::make_unique<Fill>());
}

MadeOperation MakeZerosLike(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Operand& in = args.inputs[0];
  if (in.type != Type::kFloat32 && in.type != Type::kInt32 && in.type != Type::kInt64)
    return UnsupportedType(in);
  return MadeOperation(std::make_unique<ZerosLike>());
}

MadeOperation MakeRange(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 3));
  return MakeForType<Type::kFloat32, Type::kInt32, Type::kInt64>(
      args.inputs[0], []<class E>() -> MadeOperation {
        return MadeOperation(std::make_unique<Range<typename E::Value>>());
      });
}

MadeOperation MakeRank(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand& out = args.outputs[0];
  if (out.type != Type::kInt32)
    return InvalidModel("output '{}' is {}, expected int32", out.name, TypeName(out.type));
  return MadeOperation(std::make_unique<Rank>());
}

}  // namespace heddle::core
