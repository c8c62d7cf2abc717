// SPDX-License-Identifier: Apache-2.0
// HASHTABLE, HASHTABLE_FIND, HASHTABLE_IMPORT, HASHTABLE_SIZE: tables between int64 and string.
#include <cstring>
#include <limits>

#include "kernels/control/resource.h"
#include "kernels/movement/strings.h"

namespace heddle::core {
namespace {

struct TableParams {
  Type key = Type::kNone, value = Type::kNone;
};

Status CheckTypes(const Resource& table, const TableParams& p) {
  if (!table.set) return FailedPrecondition("the table is read before it is filled");
  if (table.keys.type == p.key && table.value.type == p.value) return Status();
  return InvalidArgument("the table is from {} to {}, expected {} to {}", TypeName(table.keys.type),
                         TypeName(table.value.type), TypeName(p.key), TypeName(p.value));
}

// Strings of the output come one after the other: sizes first, then bytes.
Status FindStrings(SerialCall& call, const Resource& table, const ResourceValue& keys) {
  const StringTensor values(table.value.bytes.data());
  const StringTensor fallback(call.args().inputs[2]);
  const int64_t count = keys.shape.elements();
  const auto found = [&](int64_t i) -> std::span<const std::byte> {
    const int64_t k = table.index.Find(table.keys, ElementOf(keys, i));
    if (k >= 0) return {values.bytes(k), static_cast<size_t>(values.length(k))};
    return {fallback.bytes(0), static_cast<size_t>(fallback.length(0))};
  };
  auto bytes = static_cast<size_t>(4 * (count + 2));
  for (int64_t i = 0; i < count; ++i) bytes += found(i).size();
  if (bytes > std::numeric_limits<int32_t>::max())
    return ResourceExhausted("the strings take {} bytes, expected less than 2^31", bytes);
  std::byte* out = call.AllocateOutput(0, keys.shape, bytes);
  if (out == nullptr) return ResourceExhausted("no memory for {} bytes of strings", bytes);
  auto offset = static_cast<int32_t>(4 * (count + 2));
  const int32_t words[2] = {static_cast<int32_t>(count), offset};
  std::memcpy(out, words, sizeof(words));
  for (int64_t i = 0; i < count; ++i) {
    const auto text = found(i);
    if (!text.empty()) std::memcpy(out + offset, text.data(), text.size());
    offset += static_cast<int32_t>(text.size());
    std::memcpy(out + 4 * (i + 2), &offset, sizeof(offset));
  }
  return Status();
}

Status Find(const void* params, SerialCall& call) {
  const auto& p = *static_cast<const TableParams*>(params);
  int32_t id = 0;
  HEDDLE_ASSIGN(const Resource* table, NamedResource(call, &id));
  HEDDLE_TRY(CheckTypes(*table, p));
  const ResourceValue keys = InputValue(call, 1, p.key);
  if (call.input_shape(2).elements() < 1)
    return InvalidArgument("the default '{}' has shape {}, expected one element",
                           call.input_name(2), call.input_shape(2).ToString());
  if (p.value == Type::kString) return FindStrings(call, *table, keys);
  auto* out = static_cast<std::byte*>(call.args().outputs[0]);
  for (int64_t i = 0; i < keys.shape.elements(); ++i) {
    const int64_t k = table->index.Find(table->keys, ElementOf(keys, i));
    const void* from = k < 0 ? call.args().inputs[2] : ElementOf(table->value, k).data();
    std::memcpy(out + i * 8, from, 8);
  }
  return Status();
}

Status Import(const void* params, SerialCall& call) {
  const auto& p = *static_cast<const TableParams*>(params);
  int32_t id = 0;
  HEDDLE_TRY(NamedResource(call, &id).status());
  const ResourceValue keys = InputValue(call, 1, p.key), values = InputValue(call, 2, p.value);
  if (keys.shape.elements() != values.shape.elements())
    return InvalidArgument("keys '{}' are {} and values '{}' are {}, expected as many",
                           call.input_name(1), keys.shape.elements(), call.input_name(2),
                           values.shape.elements());
  return call.state().Import(id, keys, values);
}

Status Size(const void*, SerialCall& call) {
  int32_t id = 0;
  HEDDLE_ASSIGN(const Resource* table, NamedResource(call, &id));
  if (!table->set) return FailedPrecondition("the table is read before it is filled");
  const int64_t size = table->index.size();
  std::memcpy(call.args().outputs[0], &size, sizeof(size));
  return Status();
}

// Reads a table.
class TableReader final : public Operation {
 public:
  TableReader(SerialFn run, TableParams params, const char* name)
      : run_(run), params_(params), name_(name) {}
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    outputs[0] = inputs.size() > 1 ? inputs[1].shape : Shape({1});
    return Status();
  }
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    SetSerial(step, run_, std::make_shared<const TableParams>(params_), name_);
    step.sizes_outputs = params_.value == Type::kString;
    return Status();
  }

 private:
  const SerialFn run_;
  const TableParams params_;
  const char* const name_;
};

Status CheckPair(Type key, Type value) {
  if ((key == Type::kInt64 && value == Type::kString) ||
      (key == Type::kString && value == Type::kInt64))
    return Status();
  return Unsupported("keys of {} and values of {}, expected int64 and string, in either order",
                     TypeName(key), TypeName(value));
}

}  // namespace

MadeOperation MakeHashTable(const MakeArgs& args) {
  const auto options = args.op.OptionsOr<HashTableOptions>();
  HEDDLE_TRY(CheckPair(options.key, options.value));
  return MakeHandle(args, options.resource);
}

MadeOperation MakeHashTableFind(const MakeArgs& args) {
  HEDDLE_TRY(CheckHandle(args, 3, 1));
  const TableParams params{args.inputs[1].type, args.outputs[0].type};
  HEDDLE_TRY(CheckPair(params.key, params.value));
  if (args.inputs[2].type != params.value)
    return InvalidModel("default '{}' is {}, expected {}", args.inputs[2].name,
                        TypeName(args.inputs[2].type), TypeName(params.value));
  return std::unique_ptr<Operation>(std::make_unique<TableReader>(Find, params, "hash_table_find"));
}

MadeOperation MakeHashTableImport(const MakeArgs& args) {
  HEDDLE_TRY(CheckHandle(args, 3, 0));
  const TableParams params{args.inputs[1].type, args.inputs[2].type};
  HEDDLE_TRY(CheckPair(params.key, params.value));
  return std::unique_ptr<Operation>(std::make_unique<Writer>(
      Import, std::make_shared<const TableParams>(params), "hash_table_import"));
}

MadeOperation MakeHashTableSize(const MakeArgs& args) {
  HEDDLE_TRY(CheckHandle(args, 1, 1));
  if (args.outputs[0].type != Type::kInt64)
    return InvalidModel("output '{}' is {}, expected int64", args.outputs[0].name,
                        TypeName(args.outputs[0].type));
  return std::unique_ptr<Operation>(
      std::make_unique<TableReader>(Size, TableParams{}, "hash_table_size"));
}

}  // namespace heddle::core
