// SPDX-License-Identifier: Apache-2.0
// Calls run as one: what the proof lets pass must give each call's own bits, and what it stops it
// must name.
#include "plan/batch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "heddle/engine.h"
#include "support/model_builder.h"

namespace heddle::core {
namespace {

constexpr int kCalls = 3;

struct Case {
  const char* name;
  const char* reason;  // a part of it; nullptr: the calls pass
  std::function<void(ModelBuilder&)> build;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

int Ints(ModelBuilder& b, std::vector<int32_t> values, const char* name = "ints") {
  const auto size = static_cast<int32_t>(values.size());
  return b.Constant<int32_t>(name, {size}, values);
}
int Scalar(ModelBuilder& b, int32_t value) { return b.Constant<int32_t>("scalar", {}, {value}); }
int Floats(ModelBuilder& b, Shape shape) {
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.25f * static_cast<float>(i % 7) - 0.5f;
  return b.Constant<float>("weights", shape, values);
}
int In(ModelBuilder& b, Shape shape) { return b.Input("x", Type::kFloat32, shape); }
// An operator with one float output, by the shapes for one call.
int Add(ModelBuilder& b, OpCode code, std::vector<int32_t> inputs, Shape shape,
        Options options = {}) {
  const int out = b.Make("h" + std::to_string(b.graph().tensors.size()), Type::kFloat32, shape);
  b.Op(code, std::move(inputs), {out}, std::move(options));
  return out;
}
// The size of the first axis, as a model asks for it.
int BatchSize(ModelBuilder& b, int of) {
  const int shape = b.Make("shape", Type::kInt32, {b.tensor(of).shape.rank()});
  b.Op(OpCode::kSHAPE, {of}, {shape}, ShapeOptions{});
  StridedSliceOptions first;
  first.shrink_axis_mask = 1;
  const int size = b.Make("size", Type::kInt32, {});
  const int one = Ints(b, {1});
  b.Op(OpCode::kSTRIDED_SLICE, {shape, Ints(b, {0}), one, one}, {size}, first);
  return size;
}
int Relu(ModelBuilder& b, int of) { return Add(b, OpCode::kRELU, {of}, b.tensor(of).shape); }

void Network(ModelBuilder& b) {
  ConvOptions conv;
  const int c = Add(b, OpCode::kCONV_2D, {In(b, {1, 6, 6, 2}), Floats(b, {4, 3, 3, 2}), -1},
                    {1, 6, 6, 4}, conv);
  const int m = Add(b, OpCode::kMEAN, {c, Ints(b, {1, 2})}, {1, 4}, ReduceOptions{});
  const int f =
      Add(b, OpCode::kFULLY_CONNECTED, {m, Floats(b, {5, 4}), -1}, {1, 5}, FullyConnectedOptions{});
  b.Output(Add(b, OpCode::kSOFTMAX, {f}, {1, 5}, SoftmaxOptions{}));
}
// A dilated convolution as old converters wrote it.
void Dilated(ModelBuilder& b) {
  const int pads = b.Constant<int32_t>("pads", {2, 2}, {0, 0, 0, 0});
  const int blocks = Ints(b, {2, 2});
  const int s =
      Add(b, OpCode::kSPACE_TO_BATCH_ND, {In(b, {1, 4, 4, 1}), blocks, pads}, {4, 2, 2, 1});
  const int c =
      Add(b, OpCode::kCONV_2D, {s, Floats(b, {2, 1, 1, 1}), -1}, {4, 2, 2, 2}, ConvOptions{});
  b.Output(Add(b, OpCode::kBATCH_TO_SPACE_ND, {c, blocks, pads}, {1, 4, 4, 2}));
}
// Rows of all calls in one matrix, and back by a shape that is computed.
void Merged(ModelBuilder& b) {
  const int x = In(b, {1, 4, 6});
  const int r = Add(b, OpCode::kRESHAPE, {x, Ints(b, {-1, 6})}, {4, 6});
  const int f =
      Add(b, OpCode::kFULLY_CONNECTED, {r, Floats(b, {3, 6}), -1}, {4, 3}, FullyConnectedOptions{});
  const int shape = b.Make("new shape", Type::kInt32, {3});
  b.Op(OpCode::kPACK, {BatchSize(b, x), Scalar(b, 4), Scalar(b, 3)}, {shape}, PackOptions{3, 0});
  b.Output(Add(b, OpCode::kRESHAPE, {f, shape}, {1, 4, 3}));
}
void Transposed(ModelBuilder& b) {
  const int t = Add(b, OpCode::kTRANSPOSE, {In(b, {1, 3}), Ints(b, {1, 0})}, {3, 1});
  const int a = Add(b, OpCode::kADD, {t, Floats(b, {3, 1})}, {3, 1}, BinaryOptions{});
  b.Output(Add(b, OpCode::kTRANSPOSE, {a, Ints(b, {1, 0})}, {1, 3}));
}
void SoftmaxAcross(ModelBuilder& b) {
  const int t = Add(b, OpCode::kTRANSPOSE, {In(b, {1, 3}), Ints(b, {1, 0})}, {3, 1});
  const int s = Add(b, OpCode::kSOFTMAX, {t}, {3, 1}, SoftmaxOptions{});
  b.Output(Add(b, OpCode::kTRANSPOSE, {s, Ints(b, {1, 0})}, {1, 3}));
}
// Zeros for each call, joined to its own values: how a first state or a token is added.
void Filled(ModelBuilder& b) {
  const int x = In(b, {1, 3});
  const int dims = b.Make("dims", Type::kInt32, {2});
  b.Op(OpCode::kPACK, {BatchSize(b, x), Scalar(b, 2)}, {dims}, PackOptions{2, 0});
  const int zeros = Add(b, OpCode::kFILL, {dims, b.Constant<float>("zero", {}, {0.5f})}, {1, 2});
  b.Output(Add(b, OpCode::kCONCATENATION, {x, zeros}, {1, 5}, ConcatOptions{1}));
}
void Repeated(ModelBuilder& b) {
  const int x = In(b, {1, 2, 3});
  const int times = b.Make("times", Type::kInt32, {3});
  b.Op(OpCode::kPACK, {BatchSize(b, x), Scalar(b, 1), Scalar(b, 1)}, {times}, PackOptions{3, 0});
  const int token = Add(b, OpCode::kTILE, {Floats(b, {1, 1, 3}), times}, {1, 1, 3});
  b.Output(Add(b, OpCode::kCONCATENATION, {token, x}, {1, 3, 3}, ConcatOptions{1}));
}
void SizeAsValue(ModelBuilder& b) {
  const int x = In(b, {1, 3});
  const int size = Add(b, OpCode::kCAST, {BatchSize(b, x)}, {});
  b.Output(Add(b, OpCode::kMUL, {x, size}, {1, 3}, BinaryOptions{}));
}
void Products(ModelBuilder& b) {
  const int x = In(b, {1, 2, 3});
  const int turned = Add(b, OpCode::kTRANSPOSE, {x, Ints(b, {0, 2, 1})}, {1, 3, 2});
  const int own = Add(b, OpCode::kBATCH_MATMUL, {x, turned}, {1, 2, 2}, BatchMatMulOptions{});
  const int weights = Floats(b, {2, 4});
  b.Output(Add(b, OpCode::kBATCH_MATMUL, {own, weights}, {1, 2, 4}, BatchMatMulOptions{}));
}
void Pieces(ModelBuilder& b) {
  const int x = In(b, {1, 2, 4});
  const int low = b.Make("low", Type::kFloat32, {1, 2, 2});
  const int high = b.Make("high", Type::kFloat32, {1, 2, 2});
  b.Op(OpCode::kSPLIT, {Scalar(b, 2), x}, {low, high}, SplitOptions{2});
  const int packed = Add(b, OpCode::kPACK, {high, low}, {2, 1, 2, 2}, PackOptions{2, 0});
  StridedSliceOptions first;
  first.shrink_axis_mask = 1;
  first.begin_mask = first.end_mask = 2 | 4;
  const int one = b.Constant<int32_t>("strides", {3}, {1, 1, 1});
  const int slice = Add(b, OpCode::kSTRIDED_SLICE,
                        {packed, Ints(b, {1, 0, 0}), Ints(b, {2, 0, 0}), one}, {1, 2, 2}, first);
  b.Output(Add(b, OpCode::kPAD, {slice, b.Constant<int32_t>("pads", {3, 2}, {0, 0, 1, 0, 0, 1})},
               {1, 3, 3}));
}
void Embedded(ModelBuilder& b) {
  const int ids = b.Input("x", Type::kInt32, {1, 3});
  b.Output(Add(b, OpCode::kGATHER, {Floats(b, {4, 2}), ids}, {1, 3, 2}, GatherOptions{}));
}
void Largest(ModelBuilder& b) {
  const int values = b.Make("values", Type::kFloat32, {1, 2});
  const int at = b.Make("at", Type::kInt32, {1, 2});
  b.Op(OpCode::kTOPK_V2, {In(b, {1, 6}), Scalar(b, 2)}, {values, at});
  b.Output(values);
  b.Output(at);
}
void Branching(ModelBuilder& b) {
  const int go = b.Data("go", Type::kBool, {1}, {std::byte{1}});
  b.Output(Add(b, OpCode::kIF, {go, In(b, {1, 3})}, {1, 3}, SubgraphOptions{1, 1, {}}));
  b.Begin("branch");
  b.Output(Relu(b, In(b, {1, 3})));
}
void Remembering(ModelBuilder& b) {
  const int sum = b.Variable("sum", Type::kFloat32, {1, 3});
  b.Output(Add(b, OpCode::kADD, {In(b, {1, 3}), sum}, {1, 3}, BinaryOptions{}));
}

const Case kCases[] = {
    {"Network", nullptr, Network},
    {"Dilated", nullptr, Dilated},
    {"Merged", nullptr, Merged},
    {"Transposed", nullptr, Transposed},
    {"Filled", nullptr, Filled},
    {"Repeated", nullptr, Repeated},
    {"Products", nullptr, Products},
    {"Pieces", nullptr, Pieces},
    {"Embedded", nullptr, Embedded},
    {"Largest", nullptr, Largest},
    {"SoftmaxAcross", "op 1 SOFTMAX: works along the batch axis", SoftmaxAcross},
    {"SizeAsValue", "MUL: input 'h", SizeAsValue},
    {"Branching", "op 0 IF: decides once for the whole batch", Branching},
    {"Remembering", "remembers from call to call: variable tensor 'sum'", Remembering},
    {"FixedShape", "in a batch, op 1 RESHAPE",
     [](ModelBuilder& b) {
       const int h = Relu(b, In(b, {1, 4}));
       b.Output(Add(b, OpCode::kRESHAPE, {h, Ints(b, {1, 2, 2})}, {1, 2, 2}));
     }},
    {"MeanOfAll", "op 0 MEAN: reduces the batch axis",
     [](ModelBuilder& b) {
       ReduceOptions keep;
       keep.keep_dims = true;
       b.Output(Add(b, OpCode::kMEAN, {In(b, {1, 4}), Ints(b, {0})}, {1, 4}, keep));
     }},
    {"Joined", "op 0 CONCATENATION: joins along the batch axis",
     [](ModelBuilder& b) {
       const int x = In(b, {1, 4});
       b.Output(Add(b, OpCode::kCONCATENATION, {x, x}, {2, 4}, ConcatOptions{0}));
     }},
    {"TableOfRows", "op 0 ADD: input 'weights' has 3 values for the axis that holds the calls",
     [](ModelBuilder& b) {
       b.Output(Add(b, OpCode::kADD, {In(b, {1, 4}), Floats(b, {3, 4})}, {3, 4}, BinaryOptions{}));
     }},
    {"FirstRow", "op 0 GATHER: chooses rows among all calls",
     [](ModelBuilder& b) {
       b.Output(Add(b, OpCode::kGATHER, {In(b, {1, 4}), Ints(b, {0})}, {1, 4}, GatherOptions{}));
     }},
    {"Part", "op 0 STRIDED_SLICE: takes a part of the batch axis",
     [](ModelBuilder& b) {
       const int one = Ints(b, {1});
       b.Output(Add(b, OpCode::kSTRIDED_SLICE, {In(b, {1, 4}), Ints(b, {0}), one, one}, {1, 4},
                    StridedSliceOptions{}));
     }},
    {"Backwards", "op 0 REVERSE_V2: works along the batch axis",
     [](ModelBuilder& b) {
       b.Output(Add(b, OpCode::kREVERSE_V2, {In(b, {1, 4}), Ints(b, {0})}, {1, 4}));
     }},
    {"Running", "op 0 CUMSUM: works along the batch axis",
     [](ModelBuilder& b) {
       b.Output(Add(b, OpCode::kCUMSUM, {In(b, {1, 4}), Scalar(b, 0)}, {1, 4}, CumsumOptions{}));
     }},
    {"Random", "op 1 RANDOM_UNIFORM: draws random numbers for the whole batch",
     [](ModelBuilder& b) {
       const int x = In(b, {1});
       const int shape = b.Make("shape", Type::kInt32, {1});
       b.Op(OpCode::kSHAPE, {x}, {shape}, ShapeOptions{});
       const int r = Add(b, OpCode::kRANDOM_UNIFORM, {shape}, {1}, RandomOptions{1, 2});
       b.Output(Add(b, OpCode::kADD, {x, r}, {1}, BinaryOptions{}));
     }},
    {"SharedByte", "output 'q' of int4 would share a byte between calls",
     [](ModelBuilder& b) {
       const int q = b.Make("q", Type::kInt4, {1, 3}, Quant(0.25f));
       b.Op(OpCode::kQUANTIZE, {In(b, {1, 3})}, {q});
       b.Output(q);
     }},
    {"LeftOver", "op 1 QUANTIZE: rounds by groups of 16 elements, and one call has 15",
     [](ModelBuilder& b) {
       const int u = b.Make("u", Type::kUInt8, {1, 15}, Quant(0.02f, 128));
       const int i = b.Make("i", Type::kInt8, {1, 15}, Quant(0.03f, 3));
       b.Op(OpCode::kQUANTIZE, {In(b, {1, 15})}, {u});
       b.Op(OpCode::kQUANTIZE, {u}, {i});
       b.Output(i);
     }},
    {"Scalar", "input 'x' is a scalar", [](ModelBuilder& b) { b.Output(Relu(b, In(b, {}))); }},
    {"Constant", "output 'weights' does not depend on the inputs",
     [](ModelBuilder& b) {
       b.Output(Relu(b, In(b, {1, 2})));
       b.Output(Floats(b, {1, 2}));
     }},
    {"LastAxis", "does not hold the calls one after the other",
     [](ModelBuilder& b) {
       b.Output(Add(b, OpCode::kTRANSPOSE, {In(b, {1, 3}), Ints(b, {1, 0})}, {3, 1}));
     }},
    {"Lookup", "op 0 UNIQUE: only a run tells the shapes that it makes",
     [](ModelBuilder& b) {
       const int values = b.Make("values", Type::kFloat32, {1});
       const int at = b.Make("at", Type::kInt32, {1});
       b.Op(OpCode::kUNIQUE, {In(b, {1})}, {values, at}, IndexTypeOptions{});
       b.Output(values);
     }},
    {"Sized", "op 1 FILL: only a run tells the shapes that it makes, from the value of 'sizes'",
     [](ModelBuilder& b) {
       const int sizes = b.Make("sizes", Type::kInt32, {2});
       b.Op(OpCode::kCAST, {In(b, {2})}, {sizes});
       b.Output(Add(b, OpCode::kFILL, {sizes, b.Constant<float>("fill", {}, {1})}, {3, 4}));
     }},
    {"Unknown", "op 0 MATRIX_DIAG: is not known to keep the calls of a batch apart",
     [](ModelBuilder& b) { b.Output(Add(b, OpCode::kMATRIX_DIAG, {In(b, {1, 2})}, {1, 2, 2})); }},
};

class Batch : public ::testing::TestWithParam<Case> {};

std::vector<std::byte> RandomBytes(const Operand& input, int calls, std::mt19937& random) {
  const auto count = static_cast<size_t>(input.shape.elements() * calls);
  std::vector<std::byte> bytes(TypeBytes(input.type, static_cast<int64_t>(count)));
  for (size_t i = 0; i < count; ++i) {
    const float value = std::uniform_real_distribution<float>(-2, 2)(random);
    const auto index = static_cast<int32_t>(random() % 4);
    if (input.type == Type::kInt32)
      std::memcpy(&bytes[4 * i], &index, 4);
    else
      std::memcpy(&bytes[4 * i], &value, 4);
  }
  return bytes;
}

TensorView View(const Operand& input, std::span<std::byte> bytes, int calls) {
  TensorView view;
  view.type = static_cast<heddle_type>(input.type);
  view.rank = input.shape.rank();
  for (int d = 0; d < view.rank; ++d) view.dims[d] = input.shape[d] * (d == 0 ? calls : 1);
  view.data = bytes.data();
  view.bytes = bytes.size();
  return view;
}

// Every output of the batch is those of its calls, one after the other.
void ExpectOwnBits(const std::vector<std::byte>& file, const Operand& input) {
  const Engine engine;
  const auto model = engine.LoadBytes(file);
  ASSERT_TRUE(model.ok()) << model.status().message();
  std::mt19937 random(20);
  std::vector<std::byte> bytes = RandomBytes(input, kCalls, random);
  const TensorView all = View(input, bytes, kCalls);
  const auto together = model->Run({&all, 1});
  ASSERT_TRUE(together.ok()) << together.status().message();
  for (size_t i = 0; i < kCalls; ++i) {
    const size_t size = bytes.size() / kCalls;
    const TensorView own = View(input, std::span(bytes).subspan(i * size, size), 1);
    const auto alone = model->Run({&own, 1});
    ASSERT_TRUE(alone.ok()) << alone.status().message();
    for (size_t k = 0; k < alone->size(); ++k) {
      const TensorView want = (*alone)[k], got = (*together)[k];
      ASSERT_EQ(want.bytes * kCalls, got.bytes);
      const auto* part = static_cast<const std::byte*>(got.data) + i * want.bytes;
      EXPECT_EQ(std::memcmp(want.data, part, want.bytes), 0) << "call " << i << ", output " << k;
    }
  }
}

TEST_P(Batch, PassesWithEachCallsOwnBitsOrNamesWhatStopsIt) {
  ModelBuilder b;
  GetParam().build(b);
  const std::vector<std::byte> file = b.Build();
  const auto model = core::Model::ReadBytes(file);
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto program =
      Program::Compile(*model, 0, {}, std::make_shared<WeightStore>(uint64_t{1} << 24));
  ASSERT_TRUE(program.ok()) << program.status().message();
  const Operand input = (*program)->OperandOf((*program)->inputs()[0]);
  const BatchProof proof = ProveBatch(*program, {&input.shape, 1}, kCalls);
  EXPECT_EQ(proof.passes, GetParam().reason == nullptr) << proof.reason;
  if (GetParam().reason != nullptr)
    EXPECT_NE(proof.reason.find(GetParam().reason), std::string::npos) << proof.reason;
  else
    ExpectOwnBits(file, input);
}

INSTANTIATE_TEST_SUITE_P(Graphs, Batch, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace heddle::core
