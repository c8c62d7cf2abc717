// SPDX-License-Identifier: Apache-2.0
#include "support/random_options.h"

#include <flatbuffers/reflection_generated.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/schema_bfbs_generated.h"

namespace heddle::core {
namespace {

using Fbb = flatbuffers::FlatBufferBuilder;
using reflection::BaseType;
using reflection::Field;

struct Kind {
  const char* table = nullptr;
  int number = 0;
  bool second = false;
};

Kind KindOf(OpCode code) {
  switch (code) {
#define HEDDLE_OPTIONS(op, table, type) \
  case OpCode::k##op:                   \
    return {"heddle.fb." #table, fb::BuiltinOptions_##table, false};
#define HEDDLE_OPTIONS_2(op, table, type) \
  case OpCode::k##op:                     \
    return {"heddle.fb." #table, fb::BuiltinOptions2_##table, true};
#include "model/option_tables.inc"
#undef HEDDLE_OPTIONS
#undef HEDDLE_OPTIONS_2
    default:
      return {};
  }
}

// Fills one table: what is elsewhere in the file before the table itself.
class TableWriter {
 public:
  TableWriter(Fbb& to, const reflection::Object& object, const OptionsWish& wish, Choices& choices)
      : to_(to), object_(object), wish_(wish), choices_(choices) {}

  flatbuffers::Offset<void> Write() {
    std::map<uint16_t, flatbuffers::Offset<void>> elsewhere;
    for (const Field* field : *object_.fields()) {
      const auto offset = Elsewhere(*field);
      if (!offset.IsNull()) elsewhere[field->offset()] = offset;
    }
    const auto start = to_.StartTable();
    for (const auto& [at, offset] : elsewhere) to_.AddOffset(at, offset);
    for (const Field* field : *object_.fields()) AddScalar(*field);
    return to_.EndTable(start);
  }

 private:
  static std::string_view NameOf(const Field& field) { return field.name()->string_view(); }
  static bool Has(std::string_view name, std::string_view part) {
    return name.find(part) != std::string_view::npos;
  }

  flatbuffers::Offset<void> Elsewhere(const Field& field) {
    const BaseType type = field.type()->base_type();
    if (type == reflection::String) return to_.CreateString("name").Union();
    if (type != reflection::Vector) return 0;
    const bool calls = Has(NameOf(field), "subgraph") || Has(NameOf(field), "computations");
    int length = calls ? wish_.bodies : wish_.rank;
    if (NameOf(field) == "padding") length *= 2;
    if (NameOf(field) == "update_window_dims") length = std::max(length - 1, 0);
    if (choices_.OneIn(8)) length = static_cast<int>(choices_.Below(5));
    std::vector<int64_t> values;
    const bool in_order =
        (Has(NameOf(field), "dims") || Has(NameOf(field), "map")) && !choices_.OneIn(4);
    for (int i = 0; i < length; ++i) values.push_back(calls ? i + 1 : in_order ? i : Number(field));
    switch (field.type()->element()) {
      case reflection::Int:
        return to_.CreateVector(std::vector<int32_t>(values.begin(), values.end())).Union();
      case reflection::Long:
        return to_.CreateVector(values).Union();
      case reflection::Float:
        return to_.CreateVector(std::vector<float>(values.begin(), values.end())).Union();
      default:
        return 0;
    }
  }

  int64_t Number(const Field& field) {
    static constexpr int32_t kWild[] = {-1, 0, 7, 1 << 16, INT32_MAX, INT32_MIN};
    if (wish_.wild && choices_.OneIn(4)) return choices_.Of(kWild);
    if (Has(NameOf(field), "subgraph")) {
      if (wish_.bodies == 0) return 0;
      return Has(NameOf(field), "else") || NameOf(field) == "body_subgraph_index" ? wish_.bodies
                                                                                  : 1;
    }
    if (NameOf(field) == "index_vector_dim" && !choices_.OneIn(4)) return 1;
    static constexpr int kAny[] = {1, 1, 1, 1, 1, 2, 2, 2, 3, 0, 4, -1};
    static constexpr int kPlace[] = {0, 0, 0, 1, 1, 2, 3, -1, -1, -2};
    if (Has(NameOf(field), "dilations") || Has(NameOf(field), "window_s")) return choices_.Of(kAny);
    const bool place = Has(NameOf(field), "axis") || Has(NameOf(field), "dims") ||
                       Has(NameOf(field), "mask") || Has(NameOf(field), "pad");
    return place ? choices_.Of(kPlace) : choices_.Of(kAny);
  }

  // Of a recurrent network, which is rarely made with another activation than tanh.
  bool Recurs() const {
    const std::string_view table = object_.name()->string_view();
    return Has(table, "LSTM") || Has(table, "RNN");
  }
  int8_t Byte(const Field& field) {
    static constexpr int8_t kTypes[] = {0, 0, 0, 2, 2, 4, 4, 5, 9};
    if (NameOf(field) == "padding") return static_cast<int8_t>(choices_.Below(wish_.wild ? 3 : 2));
    if (NameOf(field) == "kernel_type") return static_cast<int8_t>(choices_.Below(2));
    if (NameOf(field) == "fused_activation_function" && Recurs() && !choices_.OneIn(4))
      return static_cast<int8_t>(Activation::kTanh);
    const bool type = Has(NameOf(field), "type") && NameOf(field) != "type";
    return type ? choices_.Of(kTypes) : static_cast<int8_t>(choices_.Below(wish_.wild ? 12 : 4));
  }

  void AddScalar(const Field& field) {
    static constexpr float kFloats[] = {1, 1, 0.5f, 0, 0.1f, -1, 6};
    switch (field.type()->base_type()) {
      case reflection::Bool:
        return to_.AddElement<uint8_t>(field.offset(), choices_.OneIn(4), 0);
      case reflection::Byte:
      case reflection::UByte:
        return to_.AddElement<int8_t>(field.offset(), Byte(field), 0);
      case reflection::Int:
      case reflection::UInt:
        return to_.AddElement<int32_t>(field.offset(), static_cast<int32_t>(Number(field)),
                                       static_cast<int32_t>(field.default_integer()));
      case reflection::Long:
      case reflection::ULong:
        return to_.AddElement<int64_t>(field.offset(), Number(field), field.default_integer());
      case reflection::Float:
        return to_.AddElement<float>(field.offset(), choices_.Of(kFloats), 0);
      default:
        return;
    }
  }

  Fbb& to_;
  const reflection::Object& object_;
  const OptionsWish& wish_;
  Choices& choices_;
};

}  // namespace

OptionsTable RandomOptions(Fbb& to, OpCode code, const OptionsWish& wish, Choices& choices) {
  const Kind kind = KindOf(code);
  if (kind.table == nullptr) return {};
  const auto* objects = reflection::GetSchema(fb::ModelBinarySchema::data())->objects();
  const reflection::Object* object = objects->LookupByKey(kind.table);
  return {kind.number, TableWriter(to, *object, wish, choices).Write(), kind.second};
}

}  // namespace heddle::core
