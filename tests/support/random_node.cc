// SPDX-License-Identifier: Apache-2.0
#include "support/random_node.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "support/custom_options.h"
#include "support/random_options.h"
#include "support/recipe_word.h"

namespace heddle::core {
namespace {

constexpr Type kAnyType[] = {Type::kFloat32, Type::kFloat32,  Type::kFloat32, Type::kInt8,
                             Type::kInt8,    Type::kInt8,     Type::kUInt8,   Type::kInt16,
                             Type::kInt32,   Type::kInt64,    Type::kFloat16, Type::kBool,
                             Type::kFloat64, Type::kBFloat16, Type::kInt4,    Type::kUInt32,
                             Type::kUInt16,  Type::kUInt64,   Type::kString,  Type::kComplex64};

constexpr int64_t kMaxElements = 1 << 16;  // of one tensor

bool HasQuantization(Type type) {
  return type == Type::kInt8 || type == Type::kUInt8 || type == Type::kInt16 ||
         type == Type::kInt4 || type == Type::kInt2 || type == Type::kUInt4;
}

class NodeMaker {
 public:
  NodeMaker(const Recipe& recipe, const NodeWish& wish, Choices& choices)
      : recipe_(recipe), wish_(wish), c_(choices) {
    type_ = wish.type != Type::kNone ? wish.type : c_.Of(kAnyType);
    static constexpr int kRanks[] = {1, 2, 2, 3, 3, 4, 4, 4, 0, 5, 6};
    for (int rank = c_.Of(kRanks); base_.rank() < rank;)
      base_.Append(base_.elements() > 512 ? 1 : Size());
    weights_ = WeightsType();
    shared_ = Quantised(type_);
    whole_group_ = !c_.OneIn(3);
  }

  RandomNode Make() {
    const auto halves = Split(recipe_.text, '|');
    const size_t arrow = halves[0].find('>');
    for (std::string_view word : Split(halves[0].substr(0, arrow), ' ')) AddOperand(Word(word));
    for (std::string_view word : Split(halves[0].substr(arrow + 1), ' ')) AddResult(Word(word));
    AddNode();
    for (int t : results_) AddOutput(t);
    const auto bodies = halves.size() > 1 ? Split(halves[1], ' ') : Split("", ' ');
    for (std::string_view body : bodies) AddBody(body[0]);
    const OptionsWish options{base_.rank(), static_cast<int>(bodies.size()), Slips()};
    b_.options_writer = [&](flatbuffers::FlatBufferBuilder& to, const Operator& op) {
      return op.code == recipe_.op ? RandomOptions(to, op.code, options, c_) : WriteOptions(to, op);
    };
    const bool free = halves[0].find('T') != std::string_view::npos;
    const bool weighs = halves[0].find('W') != std::string_view::npos;
    return {b_.Build(), free ? type_ : FirstType(), weighs ? weights_ : Type::kNone,
            std::move(inputs_)};
  }

 private:
  void AddNode() {
    int32_t version = recipe_.custom.empty() ? std::max(OpKnownVersion(recipe_.op), 1)
                                             : static_cast<int32_t>(recipe_.version);
    if (wish_.slips && c_.OneIn(8)) version = 1 + static_cast<int32_t>(c_.Below(20));
    if (recipe_.custom.empty()) {
      const std::vector<int32_t> between = Intermediates();
      b_.Op(recipe_.op, operands_, results_, {}, version).intermediates = between;
    } else {
      const auto sum_of = [this](std::string_view text) { return Sum(text); };
      std::vector<std::byte> options = CustomOptions(recipe_.options, sum_of, wish_.slips, c_);
      b_.CustomOp(std::string(recipe_.custom), operands_, results_, std::move(options)).version =
          version;
    }
  }
  // A tensor list is seen from outside as the tensor of its items.
  void AddOutput(int32_t t) {
    if (b_.tensor(t).type != Type::kVariant) return b_.Output(t);
    const int any = b_.Constant<int32_t>("any shape", {}, {-1});
    const int items = b_.Make("items", type_, base_, shared_);
    b_.CustomOp("FlexTensorListStack", {t, any}, {items});
    b_.Output(items);
  }

  Type FirstType() const {
    for (const auto* tensors : {&operands_, &results_})
      for (const int32_t t : *tensors)
        if (t >= 0) return b_.subgraphs[0].tensors[static_cast<size_t>(t)].type;
    return Type::kNone;
  }

  // What an integer LSTM's gates have between their sums.
  std::vector<int32_t> Intermediates() {
    std::vector<int32_t> tensors;
    if (operands_.size() < 20 || type_ != Type::kInt8) return tensors;
    for (int i = 0; i < 5; ++i) {
      const Type type = i < 4 ? Type::kInt16 : Type::kInt8;
      tensors.push_back(b_.Make("between", type, {1}, Quantised(type)));
    }
    return tensors;
  }

  bool Slips() { return wish_.slips && c_.OneIn(40); }

  int32_t Size() {
    static constexpr int32_t kSizes[] = {1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9, 16, 17};
    return wish_.slips && c_.OneIn(64) ? 0 : c_.Of(kSizes);
  }

  int32_t Factor(std::string_view text) {
    int32_t number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc())
      return number;
    if (text == "#") return base_.rank();
    if (text == "?") return 1 + static_cast<int32_t>(c_.Below(4));
    auto [at, fresh] = letters_.try_emplace(text[0], 0);
    if (fresh) at->second = Size();
    return at->second;
  }
  int32_t Sum(std::string_view text) {
    int32_t sum = 0;
    for (std::string_view term : Split(text, '+')) {
      int32_t product = 1;
      for (std::string_view factor : Split(term, '*')) product *= Factor(factor);
      sum += product;
    }
    return sum;
  }
  std::vector<int32_t> Numbers(const std::vector<std::string_view>& texts) {
    std::vector<int32_t> numbers;
    for (std::string_view text : texts) {
      if (text != "*" && text != "~") {
        numbers.push_back(Sum(text));
        continue;
      }
      const int first = text == "~" && c_.OneIn(3) ? static_cast<int>(c_.Below(3)) : 0;
      for (int i = first; i < base_.rank(); ++i)
        numbers.push_back(text == "~" && c_.OneIn(4) ? 1 : base_[i]);
    }
    return numbers;
  }
  Shape ShapeOf(const Word& word) {
    std::vector<int32_t> sizes = Numbers(word.sizes);
    if (!sizes.empty() && Slips()) sizes[c_.Below(static_cast<uint32_t>(sizes.size()))] = Size();
    if (Slips()) sizes.push_back(1);
    sizes.resize(std::min<size_t>(sizes.size(), Shape::kMaxRank));
    int64_t elements = 1;
    for (int32_t& size : sizes) {
      if (elements * size > kMaxElements) size = 1;
      elements *= std::max(size, 1);
    }
    return Shape(std::span<const int32_t>(sizes));
  }

  Type WeightsType() {
    static constexpr Type kOfFloat[] = {Type::kFloat32, Type::kFloat32, Type::kInt8,
                                        Type::kInt8,    Type::kUInt8,   Type::kInt4};
    static constexpr Type kOfInt8[] = {Type::kInt8, Type::kInt8, Type::kInt8, Type::kInt4,
                                       Type::kInt2};
    switch (type_) {
      case Type::kFloat32:
        return c_.Of(kOfFloat);
      case Type::kInt8:
        return c_.Of(kOfInt8);
      case Type::kInt16:
        return Type::kInt8;
      default:
        return type_;
    }
  }
  Type TypeOf(char letter) {
    if (Slips()) return c_.Of(kAnyType);
    const bool bytes = type_ == Type::kInt8 || type_ == Type::kUInt8;
    switch (letter) {
      case 'T':
        return type_;
      case 'W':
        return weights_;
      case 'A':
        if (type_ == Type::kInt16) return c_.OneIn(2) ? Type::kInt32 : Type::kInt64;
        return bytes ? Type::kInt32 : type_;
      case 'Y':
        return bytes ? Type::kInt16 : type_;
      case 'U':
        return c_.Of(kAnyType);
      case 'J':
        return c_.OneIn(3) ? Type::kInt64 : Type::kInt32;
      default:
        return FixedType(letter);
    }
  }
  static Type FixedType(char letter) {
    static const std::map<char, Type> kTypes = {
        {'F', Type::kFloat32},  {'I', Type::kInt32},     {'L', Type::kInt64},
        {'B', Type::kBool},     {'8', Type::kUInt8},     {'Q', Type::kUInt64},
        {'Z', Type::kInt16},    {'X', Type::kUInt32},    {'V', Type::kVariant},
        {'S', Type::kString},   {'C', Type::kComplex64}, {'R', Type::kResource},
        {'H', Type::kResource}, {'G', Type::kResource},  {'P', Type::kResource}};
    const auto at = kTypes.find(letter);
    return at == kTypes.end() ? Type::kNone : at->second;
  }

  Quantization Quantised(Type type) {
    static constexpr float kScales[] = {0.5f, 0.1f, 1.0f / 256, 1.0f / 128, 1.0f / 128, 1.0f};
    static constexpr float kFine[] = {0.01f, 1.0f / 2048, 1.0f / 32768};
    static constexpr int kZeros[] = {0, 0, -128, -128, 3, -5};
    const bool wide = type == Type::kInt32 && recipe_.op == OpCode::kQUANTIZE;
    if (!HasQuantization(type) && !wide) return {};
    int zero = type == Type::kInt8 || type == Type::kUInt8 ? c_.Of(kZeros) : 0;
    if (type == Type::kUInt8) zero = std::abs(zero);
    return Quant(type == Type::kInt16 ? c_.Of(kFine) : c_.Of(kScales), zero);
  }
  // One scale for each channel of weights, on their first axis or their last.
  Quantization OfWeights(Type type, const Shape& shape) {
    Quantization q = Quantised(type);
    if (type != Type::kUInt8) q.zero_point.assign(q.scale.size(), 0);
    if (!q.quantised() || shape.rank() == 0 || c_.OneIn(2)) return q;
    q.axis = recipe_.op == OpCode::kDEPTHWISE_CONV_2D ? shape.rank() - 1 : 0;
    const auto channels = static_cast<size_t>(shape[q.axis]);
    for (size_t i = 1; i < channels; ++i)
      q.scale.push_back(q.scale[0] * (1 + static_cast<float>(i % 5)));
    q.zero_point.resize(channels == 0 ? 1 : channels);
    return q;
  }
  Quantization OfSums() const {
    Quantization q;
    if (!shared_.quantised()) return q;
    for (float scale : of_weights_.scale) q.scale.push_back(scale * shared_.scale[0]);
    q.zero_point.assign(q.scale.size(), 0);
    return q;
  }
  Quantization QuantizationOf(char letter, Type type, const Shape& shape) {
    Quantization q;
    if (letter == 'W') {
      q = of_weights_ = OfWeights(type, shape);
    } else if (letter == 'A') {
      q = OfSums();
    } else if (type == type_ && !c_.OneIn(4)) {
      q = shared_;
    } else {
      q = Quantised(type);
    }
    if (!Slips()) return q;
    static constexpr float kBad[] = {0,
                                     -1,
                                     1e-38f,
                                     1e38f,
                                     std::numeric_limits<float>::infinity(),
                                     std::numeric_limits<float>::quiet_NaN()};
    if (c_.OneIn(3)) return {};
    if (c_.OneIn(3)) return Quant(c_.Of(kBad), 0);
    return Quant(0.5f, static_cast<int32_t>(c_.Random()));
  }

  int64_t IntegerFor(const Word& word, size_t i) {
    static constexpr int64_t kWild[] = {-1, 1 << 20, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    if (Slips()) return c_.Of(kWild);
    if (!word.values.empty() && word.values[0] == "*")
      return base_[static_cast<int>(i) % std::max(base_.rank(), 1)];
    if (i < word.values.size()) return Sum(word.values[i]);
    const int rank = std::max(base_.rank(), 1);
    if (word.Is('x')) return static_cast<int64_t>(c_.Below(static_cast<uint32_t>(2 * rank))) - rank;
    if (word.Is('n')) return c_.Below(5);
    return static_cast<int64_t>(c_.Below(8)) - 2;
  }
  static bool IsFloat(Type type) {
    return type == Type::kFloat32 || type == Type::kFloat64 || type == Type::kComplex64;
  }
  double FloatAt() {
    static constexpr double kSpecial[] = {0.0,
                                          -0.0,
                                          1e30,
                                          -1e-40,
                                          std::numeric_limits<double>::infinity(),
                                          std::numeric_limits<double>::quiet_NaN()};
    if (wish_.slips && c_.Random() % 200 == 0) return kSpecial[c_.Random() % 6];
    return (static_cast<double>(c_.Random() % 4001) - 2000) / 500;
  }
  std::vector<std::byte> Values(const Word& word, Type type, const Shape& shape) {
    if (type == Type::kString) {
      ModelBuilder other;
      std::vector<std::string> texts(static_cast<size_t>(shape.elements()));
      for (std::string& text : texts) text.assign(c_.Random() % 4, 'a');
      const int t = other.Strings("s", shape, texts);
      return {other.tensor(t).data.begin(), other.tensor(t).data.end()};
    }
    std::vector<std::byte> bytes(TypeBytes(type, shape.elements()));
    const bool index =
        (type == Type::kInt32 || type == Type::kInt64 || (type == Type::kInt16 && word.Is('n'))) &&
        bytes.size() <= 512;
    const size_t size = std::max<size_t>(TypeBits(type) / 8, 1);
    for (size_t at = 0; at + size <= bytes.size(); at += size) {
      const double real = word.Is('n') ? std::fabs(FloatAt()) : FloatAt();
      const auto small = static_cast<float>(real);
      const int64_t integer = index ? IntegerFor(word, at / size) : c_.Random() % 100;
      const uint64_t random = type == Type::kBool ? c_.Random() % 2 : c_.Random();
      if (type == Type::kComplex64) std::memcpy(&bytes[at + 4], &small, 4);
      if (type == Type::kFloat64)
        std::memcpy(&bytes[at], &real, 8);
      else if (IsFloat(type))
        std::memcpy(&bytes[at], &small, 4);
      else
        std::memcpy(&bytes[at], index || size >= 4 ? static_cast<const void*>(&integer) : &random,
                    size);
    }
    if (word.Is('p')) Permute(bytes, size);
    return bytes;
  }
  void Permute(std::vector<std::byte>& bytes, size_t size) {
    const size_t count = bytes.size() / size;
    std::vector<int64_t> order(count);
    for (size_t i = 0; i < count; ++i) {
      order[i] = static_cast<int64_t>(i);
      std::swap(order[i], order[c_.Random() % (i + 1)]);
    }
    for (size_t i = 0; i < count && !Slips(); ++i) std::memcpy(&bytes[i * size], &order[i], size);
  }

  void AddOperand(const Word& word) {
    const bool absent = word.letter == '-' || (word.Is('o') && c_.OneIn(3)) ||
                        (word.Is('q') && !whole_group_) || Slips();
    if (absent) return operands_.push_back(-1);
    const std::string name = "in" + std::to_string(operands_.size());
    if (FixedType(word.letter) == Type::kResource) return AddHandle(word.letter, name);
    if (word.letter == 'V') return AddList(name);
    const Type type = TypeOf(word.letter);
    const Shape shape = ShapeOf(word);
    const Quantization quant = QuantizationOf(word.letter, type, shape);
    if (word.Is('v')) return operands_.push_back(b_.Variable(name, type, shape, quant));
    std::vector<std::byte> data = Values(word, type, shape);
    const bool constant = word.Is('k') ? !wish_.slips || !c_.OneIn(6) : wish_.slips && c_.OneIn(8);
    if (constant) {
      if (Slips() && !data.empty()) data.pop_back();
      operands_.push_back(b_.Data(name, type, shape, std::move(data), quant));
      if (recipe_.op == OpCode::kDENSIFY) MakeSparse(b_.tensor(operands_.back()));
    } else {
      operands_.push_back(b_.Input(name, type, shape, quant));
      inputs_.push_back({type, shape, std::move(data)});
    }
  }
  void AddHandle(char letter, const std::string& name) {
    const int handle = b_.Make(name, Type::kResource, {1});
    operands_.push_back(handle);
    if (letter == 'H' || letter == 'G') {
      b_.Op(OpCode::kHASHTABLE, {}, {handle}, HashTableOptions{1, Type::kInt64, Type::kString, -1});
      if (letter == 'H') return;
      const int keys = b_.Constant<int64_t>("keys", {2}, {1, 2});
      const int values = b_.Strings("values", {2}, {"one", "two"});
      b_.Op(OpCode::kHASHTABLE_IMPORT, {handle, keys, values}, {});
      return;
    }
    b_.Op(OpCode::kVAR_HANDLE, {}, {handle});
    if (letter != 'P') return;
    const int value = b_.Data("value", type_, base_, Values(Word("T[*]"), type_, base_), shared_);
    b_.Op(OpCode::kASSIGN_VARIABLE, {handle, value}, {});
  }
  // A list of two items, each of the node's type and base shape.
  void AddList(const std::string& name) {
    AddOperand(Word("T[2,*]"));
    const int any = b_.Constant<int32_t>("any", {}, {-1});
    const int list = b_.Make(name, Type::kVariant, {});
    b_.CustomOp("FlexTensorListFromTensor", {operands_.back(), any}, {list});
    operands_.back() = list;
  }
  static void MakeSparse(Tensor& tensor) {
    Sparsity sparsity;
    for (int i = 0; i < tensor.shape.rank(); ++i) {
      sparsity.traversal_order.push_back(i);
      sparsity.levels.push_back({true, tensor.shape[i], {}, {}});
    }
    tensor.sparsity = {sparsity};
  }

  void AddResult(const Word& word) {
    const Type type = TypeOf(word.letter);
    const Shape shape = word.sizes.empty() ? base_ : ShapeOf(word);
    Quantization quant = QuantizationOf('T', type, shape);
    if (type == Type::kInt8 && c_.OneIn(3)) quant = Quant(1.0f / 256, -128);
    if (type == Type::kUInt8 && c_.OneIn(3)) quant = Quant(1.0f / 256, 0);
    if (type == Type::kInt8 && c_.OneIn(4)) quant = Quant(1.0f / 128, 0);
    if (type == Type::kInt8 && c_.OneIn(4)) quant = Quant(1.0f / 16, 127);
    if (type == Type::kUInt8 && c_.OneIn(4)) quant = Quant(1.0f / 16, 255);
    if (type == Type::kUInt8 && c_.OneIn(4)) quant = Quant(1.0f / 128, 128);
    if (type == Type::kInt16 && c_.OneIn(2)) quant = Quant(1.0f / 32768, 0);
    results_.push_back(b_.Make("out" + std::to_string(results_.size()), type, shape, quant));
  }

  // Another operand of a body's operator, like its first one, with a value of its own.
  int Beside(const Tensor& like) {
    const Word word("T[1]n");
    return b_.Data("value", like.type, {1}, Values(word, like.type, {1}), like.quant);
  }
  void AddBody(char kind) {
    std::vector<Tensor> like;
    const auto& all = b_.subgraphs[0].tensors;
    const bool chooses = recipe_.op == OpCode::kIF || recipe_.op == OpCode::kSTABLEHLO_CASE;
    for (size_t i = chooses ? 1 : 0; i < operands_.size(); ++i)
      if (operands_[i] >= 0) like.push_back(all[static_cast<size_t>(operands_[i])]);
    b_.Begin(std::string("body ") + kind);
    if (kind == 'n' || like.empty()) return;
    if (kind == 'm') like.assign(2, like[0]);
    std::vector<int> in;
    for (const Tensor& t : like)
      in.push_back(b_.Input(t.name, t.type, kind == 'm' ? Shape() : t.shape, t.quant));
    if (kind == 'i') return PassOn(in, 0);
    const int made = b_.Make("made", kind == 'c' ? Type::kBool : like[0].type,
                             kind == 'm' ? Shape() : like[0].shape, like[0].quant);
    static constexpr OpCode kCombine[] = {OpCode::kADD, OpCode::kMUL, OpCode::kMAXIMUM,
                                          OpCode::kMINIMUM};
    const OpCode op = kind == 'c' ? OpCode::kLESS : kind == 'm' ? c_.Of(kCombine) : OpCode::kADD;
    b_.Op(op, {in[0], kind == 'm' ? in[1] : Beside(like[0])}, {made});
    b_.Output(made);
    if (kind == 'b') PassOn(in, 1);
  }
  void PassOn(const std::vector<int>& in, size_t first) {
    for (size_t i = first; i < in.size(); ++i) b_.Output(in[i]);
  }

  const Recipe& recipe_;
  const NodeWish& wish_;
  Choices& c_;
  ModelBuilder b_;
  Type type_ = Type::kNone, weights_ = Type::kNone;
  Shape base_;
  std::map<char, int32_t> letters_;
  Quantization shared_, of_weights_;
  bool whole_group_ = true;
  std::vector<int32_t> operands_, results_;
  std::vector<RandomNode::Input> inputs_;
};

constexpr Recipe kRecipes[] = {
#define HEDDLE_RECIPE(op, text) {OpCode::k##op, text},
#include "support/node_recipes.inc"
#undef HEDDLE_RECIPE
#define HEDDLE_CUSTOM_RECIPE(name, version, text, options) \
  {OpCode::kCUSTOM, text, name, version, options},
#include "support/custom_recipes.inc"
#undef HEDDLE_CUSTOM_RECIPE
};

}  // namespace

std::string_view Recipe::name() const { return custom.empty() ? OpName(op) : custom; }
std::span<const Recipe> Recipes() { return kRecipes; }

RandomNode MakeRandomNode(const Recipe& recipe, const NodeWish& wish, Choices& choices) {
  return NodeMaker(recipe, wish, choices).Make();
}

}  // namespace heddle::core
