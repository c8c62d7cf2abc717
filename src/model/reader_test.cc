// SPDX-License-Identifier: Apache-2.0
// What the reader refuses, and what it says.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "model/model.h"
#include "support/small_models.h"

namespace heddle::core {
namespace {

struct Broken {
  const char* what;
  std::function<void(ModelBuilder&)> change;  // of Small()
  const char* text;                           // that the error holds
  Code code = Code::kInvalidModel;
};

Sparsity Levels(std::vector<int32_t> order, std::vector<Sparsity::Level> levels) {
  return {std::move(order), {}, std::move(levels)};
}

Sparsity Csr(std::vector<int32_t> segments, std::vector<int32_t> indices) {
  return Levels({0, 1}, {{true, 2, {}, {}}, {false, 0, std::move(segments), std::move(indices)}});
}

Quantization PerChannel(std::vector<float> scale, std::vector<int64_t> zero, int32_t axis) {
  Quantization q;
  q.scale = std::move(scale);
  q.zero_point = std::move(zero);
  q.axis = axis;
  return q;
}

void Calls(ModelBuilder& b, int32_t first, int32_t second) {
  b.op(1).code = OpCode::kWHILE;
  b.op(1).options = SubgraphOptions{first, second, {}};
}

// A chain of subgraphs, each called by the one before; `last` calls `back`.
void Chain(ModelBuilder& b, int length, int back) {
  b.op(1).code = OpCode::kCALL_ONCE;
  b.op(1).options = SubgraphOptions{1, -1, {}};
  for (int i = 1; i <= length; ++i) {
    b.Begin("chained");
    const int32_t next = i < length ? i + 1 : back;
    if (next >= 0) b.Op(OpCode::kCALL_ONCE, {}, {}, SubgraphOptions{next, -1, {}});
  }
}

const Code kUnsup = Code::kUnsupported;

const Broken kBroken[] = {
    {"version", [](auto& b) { b.format_version = 4; }, "format version 4, expected 3"},
    {"no subgraph", [](auto& b) { b.subgraphs.clear(); }, "no subgraph, expected at least one"},
    {"graph input", [](auto& b) { b.graph().inputs = {9}; },
     "subgraph 0, graph input 0: tensor index 9, expected 0 to 3"},
    {"graph output", [](auto& b) { b.graph().outputs = {-1}; },
     "subgraph 0, graph output 0: tensor index -1, expected 0 to 3"},
    {"input twice", [](auto& b) { b.graph().inputs = {0, 0}; },
     "graph input 1, tensor 0 'x': a graph input or made by an earlier operator"},
    {"constant input", [](auto& b) { b.graph().inputs = {0, 1}; },
     "graph input 1, tensor 1 'w': constant"},
    {"op input", [](auto& b) { b.op(0).inputs[1] = 99; },
     "subgraph 0, op 0 FULLY_CONNECTED, input 1: tensor index 99, expected -1 to 3"},
    {"op input -2", [](auto& b) { b.op(1).inputs[0] = -2; },
     "op 1 Polish, input 0: tensor index -2, expected -1 to 3"},
    {"op output -1", [](auto& b) { b.op(0).outputs[0] = -1; },
     "op 0 FULLY_CONNECTED, output 0: tensor index -1, expected 0 to 3"},
    {"intermediate", [](auto& b) { b.op(0).intermediates = {4}; },
     "op 0 FULLY_CONNECTED, intermediate 0: tensor index 4"},
    {"read too early", [](auto& b) { std::swap(b.op(0), b.op(1)); },
     "op 0 Polish, input 0, tensor 2 'y': read before anything makes it"},
    {"never made", [](auto& b) { b.graph().operators.pop_back(); },
     "graph output 0, tensor 3 'z': read before anything makes it"},
    {"made twice", [](auto& b) { b.op(1).outputs = {2}; },
     "op 1 Polish, output 0, tensor 2 'y': a graph input or made by an earlier operator"},
    {"constant made", [](auto& b) { b.op(1).outputs = {1}; },
     "op 1 Polish, output 0, tensor 1 'w': constant"},
    {"variable made", [](auto& b) { b.tensor(3).variable = true; },
     "op 1 Polish, output 0, tensor 3 'z': a variable"},
    {"operator number", [](auto& b) { b.op(0).code = static_cast<OpCode>(900); },
     "operator code 0, number 900, expected 0 to 209", kUnsup},
    {"operator version", [](auto& b) { b.op(0).version = 0; },
     "operator code 0, version 0, expected 1 or more"},
    {"custom name", [](auto& b) { b.op(1).custom_name.clear(); },
     "operator code 1, custom operator without a name"},
    {"type", [](auto& b) { b.tensor(0).type = static_cast<Type>(77); },
     "tensor 0 'x', type: number 77, expected 0 to 22"},
    {"float8", [](auto& b) { b.tensor(0).type = static_cast<Type>(21); }, "float8", kUnsup},
    {"negative size", [](auto& b) { b.tensor(0).shape = {1, -3}; },
     "tensor 0 'x', shape: size -3 of axis 1, expected 0 or more"},
    {"overflow", [](auto& b) { b.tensor(0).shape = {1 << 30, 1 << 30, 1 << 30}; },
     "1073741824x1073741824x1073741824 elements overflow"},
    {"signature rank", [](auto& b) { b.tensor(0).signature = {-1}; },
     "shape signature: 1 sizes, expected 2"},
    {"signature size", [](auto& b) { b.tensor(0).signature = {-2, 4}; },
     "shape signature: size -2, expected -1 or more"},
    {"short data", [](auto& b) { b.tensor(1).shape = {3, 4}; },
     "tensor 1 'w', data: 32 bytes, expected 48 (12 of float32)"},
    {"variable data", [](auto& b) { b.tensor(1).variable = true; },
     "data: 32 bytes, expected none of a variable"},
    {"string offsets", [](auto& b) { b.tensor(1).type = Type::kString; }, "strings in 32 bytes"},
    {"string count", [](auto& b) { b.Strings("s", {3}, {"a", "b"}); },
     "2 strings, expected 3 of shape 3"},
    {"scale count", [](auto& b) { b.tensor(1).quant = PerChannel({1, 1, 1}, {0, 0, 0}, 0); },
     "quantisation, 3 scales, expected 1 or 2 (the size of axis 0)"},
    {"zero count", [](auto& b) { b.tensor(1).quant = PerChannel({1, 1}, {0}, 0); },
     "quantisation, 1 zero points, expected 2"},
    {"axis", [](auto& b) { b.tensor(1).quant = PerChannel({1, 1}, {0, 0}, 2); },
     "quantisation, axis 2, expected 0 to 1"},
    {"scale", [](auto& b) { b.tensor(1).quant = Quant(std::nanf("")); },
     "quantisation, scale nan, expected a finite one"},
    {"zero point", [](auto& b) { b.Make("q", Type::kInt8, {1}, Quant(1, 128)); },
     "quantisation, zero point 128, expected -128 to 127 (int8)"},
    {"block size", [](auto& b) { b.tensor(1).quant.block = -1; },
     "quantisation, block size -1, expected 1 or more"},
    {"block scales", [](auto& b) { b.tensor(1).quant.block = 4; },
     "block scales: tensor index -1, expected 0 to 3"},
    {"block values",
     [](auto& b) { b.tensor(1).quant.block = 2, b.tensor(1).quant.block_scales = 0; },
     "block scales: 'x' is not a dense constant"},
    {"block divides",
     [](auto& b) { b.tensor(1).quant.block = 3, b.tensor(1).quant.block_scales = 1; },
     "block size 3, expected a divisor of 4"},
    {"block type", [](auto& b) { b.tensor(1).quant.block = 1, b.tensor(1).quant.block_scales = 1; },
     "block scales: float32, expected float16", kUnsup},
    {"sparse levels", [](auto& b) { b.tensor(1).sparsity = {Levels({0}, {{}})}; },
     "sparsity: 1 axes in 1 levels, expected 2"},
    {"sparse order", [](auto& b) { b.tensor(1).sparsity = {Levels({0, 0}, {{}, {}})}; },
     "sparsity: axis 0, expected each of 0 to 1 once"},
    {"sparse size",
     [](auto& b) { b.tensor(1).sparsity = {Levels({0, 1}, {{true, 3, {}, {}}, {}})}; },
     "sparsity, level 0: size 3, expected 2"},
    {"segments", [](auto& b) { b.tensor(1).sparsity = {Csr({0, 1}, {0})}; },
     "sparsity, level 1, 2 segments, expected 3"},
    {"segment falls", [](auto& b) { b.tensor(1).sparsity = {Csr({0, 2, 1}, {0})}; },
     "segment 2 at 1, expected 2 or more"},
    {"indices", [](auto& b) { b.tensor(1).sparsity = {Csr({0, 1, 3}, {0})}; },
     "1 indices, expected 3"},
    {"index", [](auto& b) { b.tensor(1).sparsity = {Csr({0, 1, 2}, {0, 4})}; },
     "index 4, expected 0 to 3"},
    {"activation",
     [](auto& b) {
       std::get<FullyConnectedOptions>(b.op(0).options).activation = static_cast<Activation>(6);
     },
     "op 0 FULLY_CONNECTED, options, activation: number 6, expected 0 to 5"},
    {"padding",
     [](auto& b) {
       b.op(0).code = OpCode::kMAX_POOL_2D;
       b.op(0).options = PoolOptions();
       std::get<PoolOptions>(b.op(0).options).padding = static_cast<Padding>(2);
     },
     "op 0 MAX_POOL_2D, options, padding: number 2, expected 0 to 1"},
    {"called subgraph", [](auto& b) { Calls(b, 0, 5); },
     "subgraph 0, op 1 WHILE: calls subgraph 5, expected 0 to 0"},
    {"no subgraph called", [](auto& b) { b.op(1).code = OpCode::kIF; },
     "op 1 IF: calls subgraph -1, expected 0 to 0"},
    {"recursion", [](auto& b) { Calls(b, 0, 0); }, "subgraph 0: calls itself"},
    {"long recursion", [](auto& b) { Chain(b, 3, 2); }, "subgraph 2: calls itself"},
    {"deep calls", [](auto& b) { Chain(b, 40, -1); }, "called 33 levels deep, expected at most 32",
     kUnsup},
    {"signature key", [](auto& b) { b.signatures[0].key.clear(); }, "signature 0, key: empty"},
    {"signature twice", [](auto& b) { b.signatures.push_back(b.signatures[0]); },
     "signature 1: a second 'serve'"},
    {"signature subgraph", [](auto& b) { b.signatures[0].subgraph = 1; },
     "'serve': subgraph index 1, expected 0 to 0"},
    {"signature tensor", [](auto& b) { b.signatures[0].inputs[0].tensor = 44; },
     "signature 0, 'serve', input 'in': tensor index 44, expected 0 to 3"},
    {"signature name", [](auto& b) { b.signatures[0].outputs[0].name.clear(); },
     "output 0: no name"},
};

TEST(ReaderTest, BrokenFilesAreRefusedWithTheirReason) {
  for (const Broken& broken : kBroken) {
    SCOPED_TRACE(broken.what);
    ModelBuilder b = Small();
    broken.change(b);
    const auto model = Model::ReadBytes(b.Build());
    if (model.ok()) {
      ADD_FAILURE() << "was read";
      continue;
    }
    EXPECT_EQ(model.status().code(), broken.code);
    EXPECT_NE(model.status().message().find(broken.text), std::string_view::npos)
        << model.status().message();
  }
}

// Sets the word before a run of words, which is the length of a vector in the file.
void SetLength(std::vector<std::byte>& file, const std::vector<int32_t>& run, int32_t length) {
  const auto* words = reinterpret_cast<const std::byte*>(run.data());
  const auto at =
      std::search(file.begin(), file.end(), words, words + run.size() * sizeof(int32_t));
  ASSERT_NE(at, file.end());
  std::memcpy(&*at - sizeof(length), &length, sizeof(length));
}

TEST(ReaderTest, ARankAboveTheLimitIsUnsupported) {
  ModelBuilder b = Small();
  b.tensor(0).shape = {1, 1, 1, 2, 1, 1, 3, 1};
  std::vector<std::byte> file = b.Build();
  SetLength(file, {1, 1, 1, 2, 1, 1, 3, 1}, 9);
  const auto model = Model::ReadBytes(file);
  ASSERT_EQ(model.status().code(), Code::kUnsupported);
  EXPECT_EQ(model.status().message(),
            "subgraph 0, tensor 0 'x', shape: rank 9, expected at most 8");
}

}  // namespace
}  // namespace heddle::core
