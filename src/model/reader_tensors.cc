// SPDX-License-Identifier: Apache-2.0
// Tensors: type, shape, and the bytes of constants.
#include <algorithm>

#include "model/reader.h"
#include "model/source.h"

namespace heddle::core {
namespace {

bool HasFixedSize(Type type) { return TypeBits(type) != 0; }

size_t Alignment(Type type) {
  if (type == Type::kString || type == Type::kComplex64) return 4;
  return std::clamp<size_t>(TypeBits(type) / 8, 1, 8);
}

Status ReadShape(const fb::Tensor& from, Tensor& to) {
  const size_t rank = FbSize(from.shape());
  if (rank > Shape::kMaxRank)
    return Unsupported("shape: rank {}, expected at most {}", rank, int{Shape::kMaxRank});
  // What holds no plain array may have a size that only a run tells.
  const int32_t least = HasFixedSize(to.type) ? 0 : -1;
  bool known = true;
  for (uint32_t i = 0; i < rank; ++i) {
    const int32_t size = from.shape()->Get(i);
    if (size < least)
      return InvalidModel("shape: size {} of axis {}, expected {} or more", size, i, least);
    known &= size >= 0;
    to.shape.Append(size);
  }
  int64_t elements = 0;
  if (known && !to.shape.CheckedElements(&elements))
    return InvalidModel("shape: {} elements overflow 64 bits", to.shape.ToString());
  return Status();
}

Status ReadSignature(Source& source, const fb::Tensor& from, Tensor& to) {
  HEDDLE_TRY(source.Copy(from.shape_signature(), to.signature));
  if (to.signature.empty()) return Status();
  if (to.signature.size() != static_cast<size_t>(to.shape.rank()))
    return InvalidModel("shape signature: {} sizes, expected {}", to.signature.size(),
                        to.shape.rank());
  for (int32_t size : to.signature)
    if (size < -1) return InvalidModel("shape signature: size {}, expected -1 or more", size);
  return Status();
}

Status ReadStrings(Source& source, std::span<const std::byte> bytes, Tensor& to) {
  HEDDLE_ASSIGN(const int32_t count, source.Strings(bytes));
  int64_t elements = 0;
  if (!to.shape.CheckedElements(&elements) || elements != count)
    return InvalidModel("data: {} strings, expected {} of shape {}", count, elements,
                        to.shape.ToString());
  HEDDLE_ASSIGN(to.data, source.Aligned(bytes, Alignment(to.type)));
  return Status();
}

// Data may be longer than the shape needs (converters pad), never shorter.
Status ReadPlain(Source& source, std::span<const std::byte> bytes, int64_t values, Tensor& to) {
  const size_t need = TypeBytes(to.type, values);
  if (bytes.size() < need)
    return InvalidModel("data: {} bytes, expected {} ({} of {})", bytes.size(), need, values,
                        TypeName(to.type));
  HEDDLE_ASSIGN(to.data, source.Aligned(bytes.first(need), Alignment(to.type)));
  return Status();
}

Status ReadData(Source& source, const fb::Tensor& from, Tensor& to) {
  auto buffer = source.Buffer(from.buffer());
  if (!buffer.ok()) return Within(buffer.status(), "data");
  const std::span<const std::byte> bytes = *buffer;
  if (bytes.empty()) return Status();
  if (to.variable) return InvalidModel("data: {} bytes, expected none of a variable", bytes.size());

  to.constant = true;
  if (to.type == Type::kString) return ReadStrings(source, bytes, to);
  if (!HasFixedSize(to.type)) {
    to.data = bytes;
    return Status();
  }
  int64_t values = to.shape.elements();
  if (from.sparsity() != nullptr) HEDDLE_TRY(ReadSparsity(source, *from.sparsity(), to, &values));
  return ReadPlain(source, bytes, values, to);
}

Status ReadType(const fb::Tensor& from, Tensor& to) {
  const int number = from.type();
  if (number == 21 || number == 22)
    return Unsupported("type: float8 (number {}) is not supported", number);
  if (number < 0 || number > 22) return InvalidModel("type: number {}, expected 0 to 22", number);
  to.type = static_cast<Type>(number);
  return Status();
}

Status ReadTensor(Source& source, const fb::Tensor& from, size_t tensors, Tensor& to) {
  HEDDLE_TRY(ReadType(from, to));
  HEDDLE_TRY(ReadShape(from, to));
  HEDDLE_TRY(ReadSignature(source, from, to));
  to.variable = from.is_variable();
  if (from.external_buffer() != 0)
    return Unsupported("data: external buffer {}: weights in other files are not supported",
                       from.external_buffer());
  HEDDLE_TRY(ReadData(source, from, to));
  // Older files never say that a scalar is one; a constant shows it.
  to.has_rank = from.has_rank() || to.shape.rank() > 0 || to.constant;
  if (from.quantization() == nullptr) return Status();
  return Within(ReadQuantization(source, *from.quantization(), tensors, to), "quantisation");
}

}  // namespace

Status ReadTensors(Source& source, const FbTables<fb::Tensor>* from, std::vector<Tensor>& to) {
  const size_t count = FbSize(from);
  HEDDLE_TRY(source.Take(count, sizeof(Tensor)));
  to.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const fb::Tensor& tensor = *from->Get(static_cast<uint32_t>(i));
    HEDDLE_TRY(source.Copy(tensor.name(), to[i].name));
    HEDDLE_TRY(
        Within(ReadTensor(source, tensor, count, to[i]), "tensor {} '{}'", i, Short(to[i].name)));
  }
  for (size_t i = 0; i < count; ++i)
    HEDDLE_TRY(Within(LinkBlocks(to, to[i]), "tensor {} '{}', quantisation", i, Short(to[i].name)));
  return Status();
}

}  // namespace heddle::core
