// SPDX-License-Identifier: Apache-2.0
// TensorFlow's tensor lists, which Keras' recurrent layers keep their steps in. A list is a variant
// tensor of plain bytes: a header, then the items, all of one shape. Items that nothing has set are
// zeros.
#include <cstring>
#include <type_traits>

#include "kernels/elementwise/check.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct ListHeader {
  static constexpr uint32_t kMagic = 0x7473694c;
  uint32_t magic = kMagic;
  int32_t count = 0;
  Type type = Type::kNone;  // until the first item is set
  uint8_t unused[3] = {};
  int32_t rank = -1;  // -1: unknown, as sizes of -1 are
  int32_t dims[Shape::kMaxRank] = {};
  uint64_t item_bytes = 0;  // 0 until type and shape are known

  bool KnowsShape() const {
    for (int i = 0; i < rank; ++i)
      if (dims[i] < 0) return false;
    return rank >= 0;
  }
  Shape ItemShape() const {  // REQUIRES: KnowsShape()
    return Shape(std::span<const int32_t>(dims, static_cast<size_t>(rank)));
  }
  size_t bytes() const { return sizeof(*this) + static_cast<size_t>(count) * item_bytes; }

  // The shape of every item; an unknown one, or one size of it, becomes this.
  Status Merge(std::span<const int32_t> shape) {
    if (rank >= 0 && static_cast<size_t>(rank) != shape.size())
      return InvalidArgument("an item of the list has {} dimensions, expected {}", shape.size(),
                             rank);
    for (size_t i = 0; i < shape.size(); ++i) {
      if (rank < 0 || dims[i] < 0) {
        dims[i] = shape[i];
      } else if (shape[i] >= 0 && shape[i] != dims[i]) {
        return InvalidArgument("an item of the list has size {} in dimension {}, expected {}",
                               shape[i], i, dims[i]);
      }
    }
    rank = static_cast<int32_t>(shape.size());
    return Status();
  }

  // From here on every item has bytes. REQUIRES: KnowsShape().
  Status SetType(Type of) {
    constexpr uint64_t kMost = uint64_t{1} << 40;
    if (type != Type::kNone && type != of)
      return InvalidArgument("an item of the list is {}, expected {}", TypeName(of),
                             TypeName(type));
    int64_t elements = 0;
    if (!ItemShape().CheckedElements(&elements))
      return InvalidArgument("an item of the list has shape {}", ItemShape().ToString());
    type = of;
    item_bytes = TypeBytes(of, elements);
    if (item_bytes > 0 && static_cast<uint64_t>(count) > kMost / item_bytes)
      return ResourceExhausted("a list of {} items of shape {}", count, ItemShape().ToString());
    return Status();
  }
};

// A saved state holds the bytes of a list: all of them mean something, so equal lists are equal.
static_assert(std::has_unique_object_representations_v<ListHeader>);

// A list that is an input: the bytes may be any.
struct InputList {
  ListHeader header;
  const std::byte* items = nullptr;

  static Result<InputList> Open(SerialCall& call, int input) {
    InputList list;
    const void* data = call.args().inputs[input];
    const size_t bytes = call.input_bytes(input);
    if (data == nullptr || bytes < sizeof(ListHeader))
      return InvalidArgument("input '{}' is no tensor list", call.input_name(input));
    std::memcpy(&list.header, data, sizeof(ListHeader));
    list.items = static_cast<const std::byte*>(data) + sizeof(ListHeader);
    const ListHeader& h = list.header;
    const size_t rest = bytes - sizeof(ListHeader);
    const bool fits = h.item_bytes == 0 || static_cast<uint64_t>(h.count) == rest / h.item_bytes;
    if (h.magic != ListHeader::kMagic || h.count < 0 || h.rank < -1 || h.rank > Shape::kMaxRank ||
        !fits || (h.type != Type::kNone && TypeBits(h.type) == 0))
      return InvalidArgument("input '{}' is no tensor list", call.input_name(input));
    ListHeader checked = h;
    if (h.type != Type::kNone &&
        (!h.KnowsShape() || !checked.SetType(h.type).ok() || checked.item_bytes != h.item_bytes))
      return InvalidArgument("input '{}' is no tensor list", call.input_name(input));
    return list;
  }
  // Zeros, where nothing has set it.
  void CopyItems(int64_t first, int64_t count, uint64_t item_bytes, std::byte* to) const {
    const size_t bytes = static_cast<size_t>(count) * item_bytes;
    if (bytes == 0) return;
    if (header.item_bytes == 0) {
      std::memset(to, 0, bytes);
    } else {
      std::memcpy(to, items + static_cast<size_t>(first) * item_bytes, bytes);
    }
  }
};

// What a list operator knows of its node.
struct ListParams {
  Type item = Type::kNone;   // the type of the tensor that goes in or comes out
  Type shape = Type::kNone;  // the type of the operand that names the items' shape
};

int64_t IntAt(SerialCall& call, int input, Type type, int64_t i) {
  const void* data = call.args().inputs[input];
  if (type == Type::kInt64) {
    int64_t value;
    std::memcpy(&value, static_cast<const std::byte*>(data) + i * 8, sizeof(value));
    return value;
  }
  int32_t value;
  std::memcpy(&value, static_cast<const std::byte*>(data) + i * 4, sizeof(value));
  return value;
}

// Merges the shape that input `input` holds; a scalar -1 says nothing.
Status MergeShapeOperand(SerialCall& call, int input, Type type, ListHeader* header) {
  const Shape& shape = call.input_shape(input);
  if (shape.rank() == 0) {
    const int64_t value = IntAt(call, input, type, 0);
    return value == -1
               ? Status()
               : InvalidArgument("the shape of the items is the scalar {}, expected -1", value);
  }
  if (shape.rank() != 1 || shape[0] > Shape::kMaxRank)
    return InvalidArgument("the shape of the items has shape {}, expected at most {} sizes",
                           shape.ToString(), Shape::kMaxRank);
  int32_t dims[Shape::kMaxRank];
  for (int i = 0; i < shape[0]; ++i) {
    const int64_t size = IntAt(call, input, type, i);
    if (size < -1 || size > INT32_MAX)
      return InvalidArgument("the shape of the items holds {}, expected -1 to {}", size, INT32_MAX);
    dims[i] = static_cast<int32_t>(size);
  }
  return header->Merge(std::span<const int32_t>(dims, static_cast<size_t>(shape[0])));
}

Result<std::byte*> Allocate(SerialCall& call, const Shape& shape, size_t bytes) {
  std::byte* data = call.AllocateOutput(0, shape, bytes);
  if (data == nullptr) return ResourceExhausted("no memory for {} bytes of a tensor list", bytes);
  return data;
}

// Writes the header as output 0 and returns where the items go.
Result<std::byte*> WriteHeader(SerialCall& call, const ListHeader& header) {
  HEDDLE_ASSIGN(std::byte * data, Allocate(call, Shape(), header.bytes()));
  std::memcpy(data, &header, sizeof(header));
  return data + sizeof(header);
}

Result<int64_t> OneInt(SerialCall& call, int input) {
  const Shape& shape = call.input_shape(input);
  if (shape.elements() != 1)
    return InvalidArgument("input '{}' has shape {}, expected one value", call.input_name(input),
                           shape.ToString());
  return IntAt(call, input, Type::kInt32, 0);
}

Result<int64_t> IndexIn(SerialCall& call, int input, const ListHeader& header) {
  HEDDLE_ASSIGN(const int64_t index, OneInt(call, input));
  if (index < 0 || index >= header.count)
    return InvalidArgument("'{}' is {}, which is no item of a list of {}", call.input_name(input),
                           index, header.count);
  return index;
}

// Inputs: shape of the items, count.
Status Reserve(const ListParams& p, SerialCall& call) {
  ListHeader header;
  HEDDLE_ASSIGN(const int64_t count, OneInt(call, 1));
  if (count < 0)
    return InvalidArgument("'{}' is {}, expected a count of 0 or more", call.input_name(1), count);
  header.count = static_cast<int32_t>(count);
  HEDDLE_TRY(MergeShapeOperand(call, 0, p.shape, &header));
  return WriteHeader(call, header).status();
}

// Inputs: tensor, shape of the items.
Status FromTensor(const ListParams& p, SerialCall& call) {
  const Shape& shape = call.input_shape(0);
  if (shape.rank() < 1)
    return InvalidArgument("a list of the items of a scalar, expected a tensor");
  ListHeader header;
  header.count = shape[0];
  HEDDLE_TRY(MergeShapeOperand(call, 1, p.shape, &header));
  HEDDLE_TRY(header.Merge(shape.dims().subspan(1)));
  HEDDLE_TRY(header.SetType(p.item));
  HEDDLE_ASSIGN(std::byte * items, WriteHeader(call, header));
  const size_t bytes = header.bytes() - sizeof(header);
  if (bytes > 0) std::memcpy(items, call.args().inputs[0], bytes);
  return Status();
}

// Inputs: list, index, item.
Status SetItem(const ListParams& p, SerialCall& call) {
  HEDDLE_ASSIGN(const InputList list, InputList::Open(call, 0));
  ListHeader header = list.header;
  HEDDLE_ASSIGN(const int64_t index, IndexIn(call, 1, header));
  HEDDLE_TRY(header.Merge(call.input_shape(2).dims()));
  HEDDLE_TRY(header.SetType(p.item));
  HEDDLE_ASSIGN(std::byte * items, WriteHeader(call, header));
  const size_t bytes = header.item_bytes;
  std::byte* item = items + static_cast<size_t>(index) * bytes;
  list.CopyItems(0, index, bytes, items);
  if (bytes > 0) std::memcpy(item, call.args().inputs[2], bytes);
  list.CopyItems(index + 1, header.count - index - 1, bytes, item + bytes);
  return Status();
}

// The header of a list whose items are about to be read as tensors of p.item.
Result<ListHeader> HeaderToRead(const ListParams& p, SerialCall& call, const InputList& list,
                                int shape_input) {
  ListHeader header = list.header;
  HEDDLE_TRY(MergeShapeOperand(call, shape_input, p.shape, &header));
  if (!header.KnowsShape())
    return InvalidArgument("the items of the list have no shape: none was set");
  HEDDLE_TRY(header.SetType(p.item));
  return header;
}

// Inputs: list, index, shape of the items.
Status GetItem(const ListParams& p, SerialCall& call) {
  HEDDLE_ASSIGN(const InputList list, InputList::Open(call, 0));
  HEDDLE_ASSIGN(const ListHeader header, HeaderToRead(p, call, list, 2));
  HEDDLE_ASSIGN(const int64_t index, IndexIn(call, 1, header));
  HEDDLE_ASSIGN(std::byte * out, Allocate(call, header.ItemShape(), header.item_bytes));
  list.CopyItems(index, 1, header.item_bytes, out);
  return Status();
}

// Inputs: list, shape of the items.
Status Stack(const ListParams& p, SerialCall& call) {
  HEDDLE_ASSIGN(const InputList list, InputList::Open(call, 0));
  HEDDLE_ASSIGN(const ListHeader header, HeaderToRead(p, call, list, 1));
  Shape shape{header.count};
  for (int i = 0; i < header.rank; ++i) HEDDLE_TRY(AppendDim(shape, header.dims[i]));
  HEDDLE_ASSIGN(std::byte * out, Allocate(call, shape, header.bytes() - sizeof(header)));
  list.CopyItems(0, header.count, header.item_bytes, out);
  return Status();
}

// Inputs: list.
Status Length(const ListParams&, SerialCall& call) {
  HEDDLE_ASSIGN(const InputList list, InputList::Open(call, 0));
  HEDDLE_ASSIGN(std::byte * out, Allocate(call, Shape(), sizeof(int32_t)));
  std::memcpy(out, &list.header.count, sizeof(int32_t));
  return Status();
}

template <Status (*F)(const ListParams&, SerialCall&)>
class ListOperation final : public Operation {
 public:
  explicit ListOperation(const ListParams& params) : params_(params) {}

  Status Shapes(std::span<const Operand>, std::span<Shape> out) const override {
    out[0] = Shape();
    return Status();
  }
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    step.kind = StepKind::kSerial;
    step.serial = [](const void* params, SerialCall& call) {
      return F(*static_cast<const ListParams*>(params), call);
    };
    step.sizes_outputs = true;
    step.params = std::make_shared<const ListParams>(params_);
    step.kernel = "tensor_list";
    return Status();
  }

 private:
  ListParams params_;
};

// An item begins at a byte, so that items of half bytes have no place.
Status CheckItem(const Operand& o) {
  if (TypeBits(o.type) == 0 || TypeBits(o.type) % 8 != 0) return UnsupportedType(o);
  return Status();
}

// What each operand is: 'l' a list, 's' the shape of the items, 'i' one int32, 't' a tensor.
struct ListSignature {
  std::string_view inputs;
  char output;
};

template <Status (*F)(const ListParams&, SerialCall&)>
MadeOperation MakeList(const MakeArgs& args, ListSignature signature) {
  HEDDLE_TRY(CheckCounts(args, signature.inputs.size(), signature.inputs.size(), 1));
  ListParams params;
  const auto check = [&params](const Operand& o, char kind) {
    const bool list = o.type == Type::kVariant;
    const bool ints = o.type == Type::kInt32 || (kind == 's' && o.type == Type::kInt64);
    if (kind == 'l' && !list)
      return InvalidModel("'{}' is {}, expected a tensor list", o.name, TypeName(o.type));
    if ((kind == 's' || kind == 'i') && !ints)
      return InvalidModel("'{}' is {}, expected int32", o.name, TypeName(o.type));
    if (kind == 's') params.shape = o.type;
    if (kind == 't') params.item = o.type;
    return kind == 't' ? CheckItem(o) : Status();
  };
  for (size_t i = 0; i < signature.inputs.size(); ++i)
    HEDDLE_TRY(check(args.inputs[i], signature.inputs[i]));
  HEDDLE_TRY(check(args.outputs[0], signature.output));
  return MadeOperation(std::make_unique<ListOperation<F>>(params));
}

}  // namespace

MadeOperation MakeTensorListReserve(const MakeArgs& args) {
  return MakeList<&Reserve>(args, {"si", 'l'});
}
MadeOperation MakeTensorListFromTensor(const MakeArgs& args) {
  return MakeList<&FromTensor>(args, {"ts", 'l'});
}
MadeOperation MakeTensorListSetItem(const MakeArgs& args) {
  return MakeList<&SetItem>(args, {"lit", 'l'});
}
MadeOperation MakeTensorListGetItem(const MakeArgs& args) {
  return MakeList<&GetItem>(args, {"lis", 't'});
}
MadeOperation MakeTensorListStack(const MakeArgs& args) {
  return MakeList<&Stack>(args, {"ls", 't'});
}
MadeOperation MakeTensorListLength(const MakeArgs& args) {
  return MakeList<&Length>(args, {"l", 'i'});
}

}  // namespace heddle::core
