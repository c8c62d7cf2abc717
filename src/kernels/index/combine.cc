// SPDX-License-Identifier: Apache-2.0
#include "kernels/index/combine.h"

#include <type_traits>

#include "base/errors.h"

namespace heddle::core {
namespace {

// Where integers are added and multiplied: unsigned, so that they wrap.
template <class T>
using Wide = std::conditional_t<std::is_integral_v<T>,
                                std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>, T>;

template <Combine C, class T>
T Join(T a, T b) {
  if constexpr (C == Combine::kAssign) return b;
  if constexpr (C == Combine::kAll) return static_cast<T>(a != T(0) && b != T(0));
  if constexpr (C == Combine::kAny) return static_cast<T>(a != T(0) || b != T(0));
  if constexpr (C == Combine::kMin) return b < a ? b : a;
  if constexpr (C == Combine::kMax) return a < b ? b : a;
  if constexpr (C == Combine::kWindowMin) return a <= b ? a : b;
  if constexpr (C == Combine::kWindowMax) return a >= b ? a : b;
  const auto x = static_cast<Wide<T>>(a), y = static_cast<Wide<T>>(b);
  return static_cast<T>(C == Combine::kMul ? x * y : x + y);
}

template <Combine C, class T>
void JoinRun(void* to, int64_t to_step, const void* from, int64_t from_step, int64_t count) {
  T* a = static_cast<T*>(to);
  const T* b = static_cast<const T*>(from);
  if (to_step == 1 && from_step == 1) {
    for (int64_t i = 0; i < count; ++i) a[i] = Join<C>(a[i], b[i]);
  } else if (to_step == 1 && from_step == 0 && count > 0) {
    const T value = *b;
    for (int64_t i = 0; i < count; ++i) a[i] = Join<C>(a[i], value);
  } else {
    for (int64_t i = 0; i < count; ++i) a[i * to_step] = Join<C>(a[i * to_step], b[i * from_step]);
  }
}

template <Combine C>
CombineFn ForType(Type type) {
  switch (type) {
    case Type::kFloat32:
      return &JoinRun<C, float>;
    case Type::kFloat64:
      return &JoinRun<C, double>;
    case Type::kFloat16:
      return &JoinRun<C, _Float16>;
    case Type::kInt8:
      return &JoinRun<C, int8_t>;
    case Type::kInt16:
      return &JoinRun<C, int16_t>;
    case Type::kInt32:
      return &JoinRun<C, int32_t>;
    case Type::kInt64:
      return &JoinRun<C, int64_t>;
    case Type::kUInt8:
      return &JoinRun<C, uint8_t>;
    case Type::kUInt16:
      return &JoinRun<C, uint16_t>;
    case Type::kUInt32:
      return &JoinRun<C, uint32_t>;
    case Type::kUInt64:
      return &JoinRun<C, uint64_t>;
    default:
      return nullptr;
  }
}

CombineFn ForBool(Combine combine) {
  switch (combine) {
    case Combine::kAdd:
    case Combine::kMax:
    case Combine::kWindowMax:
    case Combine::kAny:
      return &JoinRun<Combine::kAny, uint8_t>;
    default:
      return &JoinRun<Combine::kAll, uint8_t>;
  }
}

CombineFn ForBytes(size_t bits) {
  switch (bits) {
    case 8:
      return &JoinRun<Combine::kAssign, uint8_t>;
    case 16:
      return &JoinRun<Combine::kAssign, uint16_t>;
    case 32:
      return &JoinRun<Combine::kAssign, uint32_t>;
    case 64:
      return &JoinRun<Combine::kAssign, uint64_t>;
    default:
      return nullptr;
  }
}

}  // namespace

CombineFn FindCombine(Combine combine, Type type) {
  if (combine == Combine::kAssign) return ForBytes(TypeBits(type));
  if (type == Type::kBool) return ForBool(combine);
  switch (combine) {
    case Combine::kAdd:
      return ForType<Combine::kAdd>(type);
    case Combine::kMul:
      return ForType<Combine::kMul>(type);
    case Combine::kMin:
      return ForType<Combine::kMin>(type);
    case Combine::kMax:
      return ForType<Combine::kMax>(type);
    case Combine::kWindowMin:
      return ForType<Combine::kWindowMin>(type);
    case Combine::kWindowMax:
      return ForType<Combine::kWindowMax>(type);
    case Combine::kAll:
      return ForType<Combine::kAll>(type);
    default:
      return ForType<Combine::kAny>(type);
  }
}

Result<Combine> CombineOfBody(std::span<const Subgraph> subgraphs, int body) {
  if (body < 0 || static_cast<size_t>(body) >= subgraphs.size()) {
    return InvalidModel("the body is subgraph {}, expected 0 to {}", body,
                        static_cast<int64_t>(subgraphs.size()) - 1);
  }
  const std::vector<Operator>& operators = subgraphs[body].operators;
  if (operators.empty()) return Combine::kAssign;
  if (operators.size() > 1) {
    return Unsupported("the body, subgraph {}, has {} operators, expected one at most", body,
                       operators.size());
  }
  switch (operators[0].code) {
    case OpCode::kADD:
    case OpCode::kSTABLEHLO_ADD:
      return Combine::kAdd;
    case OpCode::kMUL:
    case OpCode::kSTABLEHLO_MULTIPLY:
      return Combine::kMul;
    case OpCode::kMAXIMUM:
    case OpCode::kSTABLEHLO_MAXIMUM:
      return Combine::kMax;
    case OpCode::kMINIMUM:
    case OpCode::kSTABLEHLO_MINIMUM:
      return Combine::kMin;
    case OpCode::kLOGICAL_AND:
    case OpCode::kSTABLEHLO_AND:
      return Combine::kAll;
    case OpCode::kLOGICAL_OR:
    case OpCode::kSTABLEHLO_OR:
      return Combine::kAny;
    default:
      return Unsupported(
          "the body, subgraph {}, is {}, expected a sum, product, maximum, minimum, "
          "and, or",
          body, operators[0].Name());
  }
}

}  // namespace heddle::core
