// SPDX-License-Identifier: Apache-2.0
// The operators of TensorFlow Lite Micro's audio front-end that go on where the last call stopped.
// What they keep belongs to a session and has the size that the file's shapes give it.
#ifndef HEDDLE_KERNELS_SIGNAL_STREAM_H_
#define HEDDLE_KERNELS_SIGNAL_STREAM_H_

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/custom/flex_options.h"
#include "kernels/custom/shape_error.h"
#include "kernels/elementwise/check.h"
#include "kernels/operators.h"
#include "kernels/signal/stream_memory.h"

namespace heddle::core {

inline constexpr int64_t kMostSamples = 1 << 24;            // in any option
inline constexpr uint64_t kMostMemory = uint64_t{1} << 32;  // bytes of one operator

// What is kept: a header of kHeader bytes, then for each row of the input the same bytes. Rows are
// those of the innermost dimension (of the two innermost, where a row is a series of frames).
struct KeptRows {
  static constexpr size_t kHeader = 8;
  int64_t rows = 0, row_bytes = 0;

  static Result<KeptRows> Of(const Shape& shape, int inner, int64_t row_bytes) {
    int64_t elements = 0;
    if (shape.rank() < inner || !shape.CheckedElements(&elements) || elements == 0)
      return InvalidModel(
          "an input of shape {}, expected at least {} dimension(s), all of a fixed size",
          shape.ToString(), inner);
    KeptRows kept{shape.Product(0, shape.rank() - inner), row_bytes};
    if (row_bytes > 0 &&
        static_cast<uint64_t>(kept.rows) > kMostMemory / static_cast<uint64_t>(row_bytes))
      return Unsupported("an input of shape {}: {} rows that keep {} bytes each", shape.ToString(),
                         kept.rows, row_bytes);
    return kept;
  }
  size_t bytes() const { return kHeader + static_cast<size_t>(rows * row_bytes); }
  template <class T>
  T* Row(const TileArgs& args, int64_t row) const {
    return reinterpret_cast<T*>(args.memory + kHeader + row * row_bytes);
  }
  // The rows of a call are the file's: each goes on with its own past.
  Status CheckShape(const Operand& input, int inner) const {
    const Shape& shape = input.shape;
    int64_t elements = 0;
    if (shape.rank() < inner || !shape.CheckedElements(&elements) || elements == 0 ||
        shape.Product(0, shape.rank() - inner) != rows)
      return InvalidModel("'{}' has shape {}, expected {} row(s) as in the file: each keeps state",
                          input.name, shape.ToString(), rows);
    return Status();
  }
};

// `kept` then holds the newest of what it held followed by `values`.
template <class T>
void Slide(T* kept, int64_t length, const T* values, int64_t count) {
  if (count >= length) {
    std::copy(values + count - length, values + count, kept);
  } else {
    std::copy(kept + count, kept + length, kept);
    std::copy(values, values + count, kept + length - count);
  }
}

// Values [from, from + count) of what is kept followed by what comes.
template <class T>
void CopyJoined(const T* kept, int64_t length, const T* values, int64_t from, int64_t count,
                T* out) {
  const int64_t old = std::clamp<int64_t>(length - from, 0, count);
  if (old > 0) std::copy_n(kept + from, old, out);
  if (old < count) std::copy_n(values + (from + old - length), count - old, out + old);
}

inline Status CheckLength(const Operand& input, int64_t channels) {
  if (input.shape.rank() == 1 && input.shape[0] == channels) return Status();
  return BadShape(input, fmt::format("{} values (num_channels)", channels));
}

// P holds the options; it gives the shapes and the step.
template <class P>
class Stream final : public Operation {
 public:
  Stream(const P& params, const char* kernel) : params_(params), kernel_(kernel) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    return params_.Shapes(in, out);
  }
  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    params_.Lower(in, step);
    step.kernel = kernel_;
    return Status();
  }

 private:
  P params_;
  const char* kernel_;
};

// `second`: the type of output 1, if there is one.
inline Status CheckStreamTypes(const MakeArgs& args, Type input, Type second = Type::kNone) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, second == Type::kNone ? 1 : 2));
  for (const Operand* o : {&args.inputs[0], &args.outputs[0]})
    if (o->type != input) return UnsupportedType(*o);
  if (second != Type::kNone && args.outputs[1].type != second)
    return UnsupportedType(args.outputs[1]);
  return Status();
}

template <class P>
MadeOperation MakeStream(const Result<P>& params, const char* kernel) {
  if (!params.ok()) return params.status();
  return MadeOperation(std::make_unique<Stream<P>>(*params, kernel));
}

template <class P>
size_t BytesOf(const Result<P>& params) {
  return params.ok() ? params->kept.bytes() : 0;
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SIGNAL_STREAM_H_
