// SPDX-License-Identifier: Apache-2.0
#include "support/model_builder.h"

#include <algorithm>
#include <map>
#include <utility>

#include "model/flatbuffer.h"
#include "support/model_options.h"

namespace heddle::core {
namespace {

using Fbb = flatbuffers::FlatBufferBuilder;
template <class T>
using Offset = flatbuffers::Offset<T>;

// Writes one model. The bytes of constants go into the flatbuffer, or to `behind`, which begins at
// byte `base` of the file.
class Writer {
 public:
  Writer(const ModelBuilder& model, uint64_t base) : model_(model), base_(base) {}

  std::vector<std::byte> Write() {
    AddBuffer({});  // number 0 stands for no data
    std::vector<Offset<fb::SubGraph>> subgraphs;
    for (const Subgraph& s : model_.subgraphs) subgraphs.push_back(Write(s));
    std::vector<Offset<fb::SignatureDef>> signatures;
    for (const Signature& s : model_.signatures) signatures.push_back(Write(s));
    std::vector<Offset<fb::Metadata>> metadata;
    for (const auto& [name, content] : model_.metadata) {
      const uint32_t buffer = AddBuffer(std::as_bytes(std::span(content)));
      metadata.push_back(fb::CreateMetadata(b_, b_.CreateString(name), buffer));
    }
    const auto codes = b_.CreateVector(codes_);
    const auto graphs = b_.CreateVector(subgraphs);
    const auto description = b_.CreateString("ModelBuilder");
    const auto buffers = b_.CreateVector(buffers_);
    const auto names = b_.CreateVector(metadata);
    const auto keys = b_.CreateVector(signatures);
    fb::FinishModelBuffer(b_, fb::CreateModel(b_, model_.format_version, codes, graphs, description,
                                              buffers, 0, names, keys));
    const auto* begin = reinterpret_cast<const std::byte*>(b_.GetBufferPointer());
    std::vector<std::byte> file(begin, begin + b_.GetSize());
    file.insert(file.end(), behind_.begin(), behind_.end());
    return file;
  }

 private:
  // Tensors that show the same bytes share a buffer, as converters write it.
  uint32_t BufferOf(std::span<const std::byte> data) {
    if (data.empty()) return 0;
    uint32_t& number = numbers_[{data.data(), data.size()}];
    if (number == 0) number = AddBuffer(data);
    return number;
  }
  uint32_t AddBuffer(std::span<const std::byte> data) {
    if (model_.data_behind && !data.empty()) {
      const uint64_t at = base_ + behind_.size();
      behind_.insert(behind_.end(), data.begin(), data.end());
      buffers_.push_back(fb::CreateBuffer(b_, 0, at, data.size()));
    } else if (!data.empty()) {
      b_.ForceVectorAlignment(data.size(), 1, 16);
      const auto* bytes = reinterpret_cast<const uint8_t*>(data.data());
      buffers_.push_back(fb::CreateBuffer(b_, b_.CreateVector(bytes, data.size())));
    } else {
      buffers_.push_back(fb::CreateBuffer(b_));
    }
    return static_cast<uint32_t>(buffers_.size() - 1);
  }

  template <class T>
  Offset<FbVector<T>> Numbers(const std::vector<T>& values) {
    return values.empty() ? 0 : b_.CreateVector(values);
  }

  Offset<fb::QuantizationParameters> Write(const Quantization& q) {
    std::pair<int, Offset<void>> details = {};
    if (q.block != 0)
      details = {fb::QuantizationDetails_BlockwiseQuantization,
                 fb::CreateBlockwiseQuantization(b_, q.block_scales,
                                                 std::max(q.block_zero_points, 0), q.block)
                     .Union()};
    const auto min = Numbers(q.min), max = Numbers(q.max), scale = Numbers(q.scale);
    return fb::CreateQuantizationParameters(b_, min, max, scale, Numbers(q.zero_point),
                                            fb::QuantizationDetails(details.first), details.second,
                                            q.axis);
  }

  Offset<fb::SparsityParameters> Write(const Sparsity& s) {
    std::vector<Offset<fb::DimensionMetadata>> levels;
    for (const Sparsity::Level& level : s.levels) {
      if (level.dense) {
        levels.push_back(fb::CreateDimensionMetadata(b_, 0, level.size));
        continue;
      }
      const auto segments = fb::CreateInt32Vector(b_, b_.CreateVector(level.segments));
      const auto indices = fb::CreateInt32Vector(b_, b_.CreateVector(level.indices));
      levels.push_back(
          fb::CreateDimensionMetadata(b_, 1, 0, fb::SparseIndexVector_Int32Vector, segments.Union(),
                                      fb::SparseIndexVector_Int32Vector, indices.Union()));
    }
    const auto order = b_.CreateVector(s.traversal_order), blocks = Numbers(s.block_map);
    return fb::CreateSparsityParameters(b_, order, blocks, b_.CreateVector(levels));
  }

  Offset<fb::Tensor> Write(const Tensor& t) {
    const std::vector<int32_t> dims(t.shape.dims().begin(), t.shape.dims().end());
    const auto shape = b_.CreateVector(dims), signature = Numbers(t.signature);
    const uint32_t buffer = BufferOf(t.data);
    const auto name = b_.CreateString(t.name);
    const auto quant = Write(t.quant);
    Offset<fb::SparsityParameters> sparsity = 0;
    if (!t.sparsity.empty()) sparsity = Write(t.sparsity[0]);
    return fb::CreateTensor(b_, shape, static_cast<int8_t>(t.type), buffer, name, quant, t.variable,
                            sparsity, signature, t.has_rank);
  }

  Offset<fb::Operator> Write(const Operator& op) {
    const int number = static_cast<int>(op.code);
    const auto custom = op.code == OpCode::kCUSTOM ? b_.CreateString(op.custom_name) : 0;
    codes_.push_back(fb::CreateOperatorCode(b_, static_cast<int8_t>(std::clamp(number, 0, 127)),
                                            custom, op.version, number));
    Offset<FbVector<uint8_t>> data = 0;
    if (op.code == OpCode::kCUSTOM)
      data = b_.CreateVector(reinterpret_cast<const uint8_t*>(op.custom_options.data()),
                             op.custom_options.size());
    const OptionsTable options =
        model_.options_writer ? model_.options_writer(b_, op) : WriteOptions(b_, op);
    const auto inputs = b_.CreateVector(op.inputs), outputs = b_.CreateVector(op.outputs);
    const int first = options.second ? 0 : options.number;
    const int second = options.second ? options.number : 0;
    return fb::CreateOperator(b_, static_cast<uint32_t>(codes_.size() - 1), inputs, outputs,
                              fb::BuiltinOptions(first), first != 0 ? options.table : 0, data, 0, 0,
                              Numbers(op.intermediates), 0, 0, fb::BuiltinOptions2(second),
                              second != 0 ? options.table : 0);
  }

  Offset<fb::SubGraph> Write(const Subgraph& s) {
    std::vector<Offset<fb::Tensor>> tensors;
    for (const Tensor& t : s.tensors) tensors.push_back(Write(t));
    std::vector<Offset<fb::Operator>> operators;
    for (const Operator& op : s.operators) operators.push_back(Write(op));
    const auto all = b_.CreateVector(tensors);
    const auto inputs = b_.CreateVector(s.inputs), outputs = b_.CreateVector(s.outputs);
    const auto ops = b_.CreateVector(operators);
    return fb::CreateSubGraph(b_, all, inputs, outputs, ops, b_.CreateString(s.name));
  }

  Offset<flatbuffers::String> Name(const std::string& name) {
    return model_.share_names ? b_.CreateSharedString(name) : b_.CreateString(name);
  }

  Offset<fb::SignatureDef> Write(const Signature& s) {
    const auto names = [&](const std::vector<SignatureTensor>& from) {
      std::vector<Offset<fb::TensorMap>> to;
      for (const SignatureTensor& t : from)
        to.push_back(fb::CreateTensorMap(b_, Name(t.name), static_cast<uint32_t>(t.tensor)));
      return b_.CreateVector(to);
    };
    const auto inputs = names(s.inputs), outputs = names(s.outputs);
    return fb::CreateSignatureDef(b_, inputs, outputs, b_.CreateString(s.key),
                                  static_cast<uint32_t>(s.subgraph));
  }

  Fbb b_;
  const ModelBuilder& model_;
  uint64_t base_;
  std::vector<std::byte> behind_;
  std::vector<Offset<fb::Buffer>> buffers_;
  std::map<std::pair<const std::byte*, size_t>, uint32_t> numbers_;
  std::vector<Offset<fb::OperatorCode>> codes_;
};

}  // namespace

int ModelBuilder::Begin(const std::string& name) {
  subgraphs.emplace_back().name = name;
  return static_cast<int>(subgraphs.size()) - 1;
}

int ModelBuilder::Make(const std::string& name, Type type, Shape shape, Quantization quant) {
  Tensor& t = graph().tensors.emplace_back();
  t.name = name;
  t.type = type;
  t.shape = shape;
  t.quant = std::move(quant);
  return static_cast<int>(graph().tensors.size()) - 1;
}

int ModelBuilder::Input(const std::string& name, Type type, Shape shape, Quantization quant) {
  graph().inputs.push_back(Make(name, type, shape, std::move(quant)));
  return graph().inputs.back();
}

int ModelBuilder::Variable(const std::string& name, Type type, Shape shape, Quantization quant) {
  const int index = Make(name, type, shape, std::move(quant));
  tensor(index).variable = true;
  return index;
}

int ModelBuilder::Data(const std::string& name, Type type, Shape shape, std::vector<std::byte> data,
                       Quantization quant) {
  const int index = Make(name, type, shape, std::move(quant));
  tensor(index).data = Keep(std::move(data));
  return index;
}

int ModelBuilder::Strings(const std::string& name, Shape shape,
                          const std::vector<std::string>& values) {
  std::vector<int32_t> head = {static_cast<int32_t>(values.size())};
  std::string text;
  const size_t begin = (values.size() + 2) * sizeof(int32_t);
  for (const std::string& value : values) {
    head.push_back(static_cast<int32_t>(begin + text.size()));
    text += value;
  }
  head.push_back(static_cast<int32_t>(begin + text.size()));
  std::vector<std::byte> data(begin + text.size());
  std::memcpy(data.data(), head.data(), begin);
  std::memcpy(data.data() + begin, text.data(), text.size());
  return Data(name, Type::kString, shape, std::move(data));
}

Operator& ModelBuilder::Op(OpCode code, std::vector<int32_t> inputs, std::vector<int32_t> outputs,
                           Options options, int32_t version) {
  Operator& op = graph().operators.emplace_back();
  op.code = code;
  op.version = version;
  op.inputs = std::move(inputs);
  op.outputs = std::move(outputs);
  op.options = std::move(options);
  return op;
}

Operator& ModelBuilder::CustomOp(const std::string& name, std::vector<int32_t> inputs,
                                 std::vector<int32_t> outputs,
                                 std::vector<std::byte> custom_options) {
  Operator& op = Op(OpCode::kCUSTOM, std::move(inputs), std::move(outputs));
  op.custom_name = name;
  op.custom_options = Keep(std::move(custom_options));
  return op;
}

std::vector<std::byte> ModelBuilder::Build() const {
  if (!data_behind) return Writer(*this, 0).Write();
  // Where the data begins is known only from the flatbuffer's size, which it does not change.
  const uint64_t far = uint64_t{1} << 40;
  const size_t all = Writer(*this, far).Write().size();
  size_t data = 0;
  for (const Subgraph& s : subgraphs)
    for (const Tensor& t : s.tensors) data += t.data.size();
  return Writer(*this, all - data).Write();
}

std::span<const std::byte> ModelBuilder::Keep(std::vector<std::byte> data) {
  return kept_.emplace_back(std::move(data));
}

}  // namespace heddle::core
