// SPDX-License-Identifier: Apache-2.0
// Small models with state and control flow.
#ifndef HEDDLE_TESTS_ENGINE_STATEFUL_MODELS_H_
#define HEDDLE_TESTS_ENGINE_STATEFUL_MODELS_H_

#include <flatbuffers/flexbuffers.h>

#include <span>

#include "support/model_builder.h"

namespace heddle::testing {

using core::ModelBuilder;
using core::OpCode;
using core::Type;

inline core::VarHandleOptions Named(const char* name) {
  core::VarHandleOptions options;
  options.shared_name = name;
  return options;
}

// Adds an initialiser that assigns `start` to variable `name`.
inline int AddInitialiser(ModelBuilder& b, const char* name, const std::vector<float>& start) {
  const int graph = b.Begin("init");
  const int handle = b.Make("handle", Type::kResource, {1});
  const int value = b.Constant<float>("start", {static_cast<int32_t>(start.size())}, start);
  b.Op(OpCode::kVAR_HANDLE, {}, {handle}, Named(name));
  b.Op(OpCode::kASSIGN_VARIABLE, {handle, value}, {});
  return graph;
}

// y = state = 0.5 * state + x, state at first 1, 2, 3, 4; signature "peek" reads the state.
inline std::vector<std::byte> Remembering() {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {4});
  const int handle = b.Make("handle", Type::kResource, {1});
  const int before = b.Make("before", Type::kFloat32, {4});
  const int half = b.Constant<float>("half", {1}, {0.5f});
  const int faded = b.Make("faded", Type::kFloat32, {4});
  const int y = b.Make("y", Type::kFloat32, {4});
  b.Op(OpCode::kCALL_ONCE, {}, {}, core::SubgraphOptions{1, -1, {}});
  b.Op(OpCode::kVAR_HANDLE, {}, {handle}, Named("memory"));
  b.Op(OpCode::kREAD_VARIABLE, {handle}, {before});
  b.Op(OpCode::kMUL, {before, half}, {faded}, core::BinaryOptions{});
  b.Op(OpCode::kADD, {faded, x}, {y}, core::BinaryOptions{});
  b.Op(OpCode::kASSIGN_VARIABLE, {handle, y}, {});
  b.Output(y);
  AddInitialiser(b, "memory", {1, 2, 3, 4});
  b.Begin("peek");
  const int same = b.Make("handle", Type::kResource, {1});
  const int value = b.Make("value", Type::kFloat32, {4});
  b.Op(OpCode::kVAR_HANDLE, {}, {same}, Named("memory"));
  b.Op(OpCode::kREAD_VARIABLE, {same}, {value});
  b.Output(value);
  b.signatures = {{"add", 0, {{"x", x}}, {{"y", y}}}, {"peek", 2, {}, {{"value", value}}}};
  return b.Build();
}

// y = x, three samples later: an operator that keeps them itself.
inline std::vector<std::byte> Delaying() {
  flexbuffers::Builder options;
  options.Map([&] { options.Int("delay_length", 3); });
  options.Finish();
  const auto bytes = std::as_bytes(std::span(options.GetBuffer()));
  ModelBuilder b;
  const int x = b.Input("x", Type::kInt16, {2});
  const int y = b.Make("y", Type::kInt16, {2});
  b.CustomOp("SignalDelay", {x}, {y}, {bytes.begin(), bytes.end()});
  b.Output(y);
  return b.Build();
}

// y = RNN(x) + random numbers: a variable tensor, and an operator that goes on where it stopped.
inline std::vector<std::byte> Recurring() {
  ModelBuilder b;
  std::vector<float> weights, again;
  for (int i = 0; i < 16; ++i) {
    weights.push_back(static_cast<float>(i % 5 - 2) * 0.3f);
    again.push_back(static_cast<float>(i % 7 - 3) * 0.1f);
  }
  const int x = b.Input("x", Type::kFloat32, {1, 4});
  const int w = b.Constant<float>("w", {4, 4}, weights);
  const int u = b.Constant<float>("u", {4, 4}, again);
  const int bias = b.Constant<float>("bias", {4}, {0, 0.1f, 0.2f, 0.3f});
  const int h = b.Variable("h", Type::kFloat32, {1, 4});
  const int now = b.Make("now", Type::kFloat32, {1, 4});
  const int shape = b.Constant<int32_t>("shape", {2}, {1, 4});
  const int noise = b.Make("noise", Type::kFloat32, {1, 4});
  const int y = b.Make("y", Type::kFloat32, {1, 4});
  b.Op(OpCode::kRNN, {x, w, u, bias, h}, {now});
  b.Op(OpCode::kRANDOM_UNIFORM, {shape}, {noise});
  b.Op(OpCode::kADD, {now, noise}, {y}, core::BinaryOptions{});
  b.Output(y);
  return b.Build();
}

// y = x + a variable that only its initialiser writes.
inline std::vector<std::byte> Initialised() {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {4});
  const int handle = b.Make("handle", Type::kResource, {1});
  const int value = b.Make("value", Type::kFloat32, {4});
  const int y = b.Make("y", Type::kFloat32, {4});
  b.Op(OpCode::kCALL_ONCE, {}, {}, core::SubgraphOptions{1, -1, {}});
  b.Op(OpCode::kVAR_HANDLE, {}, {handle}, Named("weights"));
  b.Op(OpCode::kREAD_VARIABLE, {handle}, {value});
  b.Op(OpCode::kADD, {value, x}, {y}, core::BinaryOptions{});
  b.Output(y);
  AddInitialiser(b, "weights", {1, 2, 3, 4});
  return b.Build();
}

// y = x + values[names[x mod 4]], -1 where the name has no value. The model has the names, of 0 to
// 2; a session has the values, from x of its first call.
inline std::vector<std::byte> Translating() {
  ModelBuilder b;
  const core::HashTableOptions names{1, Type::kInt64, Type::kString, -1};
  const core::HashTableOptions values{2, Type::kString, Type::kInt64, -1};
  const int x = b.Input("x", Type::kFloat32, {4});
  const int named = b.Make("named", Type::kResource, {1});
  const int valued = b.Make("valued", Type::kResource, {1});
  const int whole = b.Make("whole", Type::kInt64, {4}), key = b.Make("key", Type::kInt64, {4});
  const int name = b.Make("name", Type::kString, {4}), value = b.Make("value", Type::kInt64, {4});
  const int size = b.Make("size", Type::kInt64, {1}), sum = b.Make("sum", Type::kInt64, {4});
  const int found = b.Make("found", Type::kFloat32, {4}), y = b.Make("y", Type::kFloat32, {4});
  b.Op(OpCode::kCALL_ONCE, {}, {}, core::SubgraphOptions{1, -1, {}});
  b.Op(OpCode::kHASHTABLE, {}, {named}, names);
  b.Op(OpCode::kHASHTABLE, {}, {valued}, values);
  b.Op(OpCode::kCAST, {x}, {whole});
  b.Op(OpCode::kFLOOR_MOD, {whole, b.Constant<int64_t>("four", {1}, {4})}, {key});
  b.Op(OpCode::kHASHTABLE_IMPORT, {valued, b.Strings("known", {4}, {"b", "a", "bb", ""}), whole},
       {});
  b.Op(OpCode::kHASHTABLE_FIND, {named, key, b.Strings("nobody", {1}, {"nobody"})}, {name});
  b.Op(OpCode::kHASHTABLE_FIND, {valued, name, b.Constant<int64_t>("none", {1}, {-1})}, {value});
  b.Op(OpCode::kHASHTABLE_SIZE, {valued}, {size});
  b.Op(OpCode::kADD, {value, size}, {sum}, core::BinaryOptions{});
  b.Op(OpCode::kCAST, {sum}, {found});
  b.Op(OpCode::kADD, {found, x}, {y}, core::BinaryOptions{});
  b.Output(y);
  b.Begin("init");
  const int handle = b.Make("handle", Type::kResource, {1});
  b.Op(OpCode::kHASHTABLE, {}, {handle}, names);
  b.Op(OpCode::kHASHTABLE_IMPORT,
       {handle, b.Constant<int64_t>("numbers", {3}, {0, 1, 2}),
        b.Strings("letters", {3}, {"a", "b", ""})},
       {});
  return b.Build();
}

// y = the list of the last three x, that is a variable: a tensor list, and zeros at first.
inline std::vector<std::byte> Listing() {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {4});
  const int handle = b.Make("handle", Type::kResource, {1});
  const int item = b.Constant<int32_t>("item", {1}, {4});
  const int before = b.Make("before", Type::kVariant, {}), now = b.Make("now", Type::kVariant, {});
  const int old = b.Make("old", Type::kFloat32, {4}), y = b.Make("y", Type::kFloat32, {3, 4});
  const int older = b.Make("older", Type::kFloat32, {4});
  const int zero = b.Constant<int32_t>("0", {}, {0}), one = b.Constant<int32_t>("1", {}, {1});
  const int two = b.Constant<int32_t>("2", {}, {2});
  b.Op(OpCode::kCALL_ONCE, {}, {}, core::SubgraphOptions{1, -1, {}});
  b.Op(OpCode::kVAR_HANDLE, {}, {handle}, Named("list"));
  b.Op(OpCode::kREAD_VARIABLE, {handle}, {before});
  b.CustomOp("FlexTensorListGetItem", {before, zero, item}, {old});
  b.CustomOp("FlexTensorListGetItem", {before, one, item}, {older});
  const int first = b.Make("first", Type::kVariant, {}),
            second = b.Make("second", Type::kVariant, {});
  b.CustomOp("FlexTensorListSetItem", {before, one, old}, {first});
  b.CustomOp("FlexTensorListSetItem", {first, two, older}, {second});
  b.CustomOp("FlexTensorListSetItem", {second, zero, x}, {now});
  b.Op(OpCode::kASSIGN_VARIABLE, {handle, now}, {});
  b.CustomOp("FlexTensorListStack", {now, item}, {y});
  b.Output(y);
  b.Begin("init");
  const int same = b.Make("handle", Type::kResource, {1});
  const int list = b.Make("list", Type::kVariant, {});
  b.Op(OpCode::kVAR_HANDLE, {}, {same}, Named("list"));
  b.CustomOp("FlexTensorListReserve",
             {b.Constant<int32_t>("item", {1}, {4}), b.Constant<int32_t>("3", {}, {3})}, {list});
  b.Op(OpCode::kASSIGN_VARIABLE, {same, list}, {});
  return b.Build();
}

// y = x of shape `read`, through a variable that x is assigned to.
inline std::vector<std::byte> Reading(const core::Shape& assigned, const core::Shape& read) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, assigned);
  const int handle = b.Make("handle", Type::kResource, {1});
  const int y = b.Make("y", Type::kFloat32, read);
  b.Op(OpCode::kVAR_HANDLE, {}, {handle}, Named("memory"));
  b.Op(OpCode::kASSIGN_VARIABLE, {handle, x}, {});
  b.Op(OpCode::kREAD_VARIABLE, {handle}, {y});
  b.Output(y);
  return b.Build();
}

// while (more(i)) { i = i + step; x = x + x; swap p, q }: outputs i, x, p, q.
inline std::vector<std::byte> Looping(float step, int32_t size) {
  ModelBuilder b;
  std::vector<int> in, out;
  const char* const names[] = {"i", "x", "p", "q"};
  const int32_t sizes[] = {1, size, size, size};
  for (int k = 0; k < 4; ++k) in.push_back(b.Input(names[k], Type::kFloat32, {sizes[k]}));
  for (int k = 0; k < 4; ++k)
    out.push_back(b.Make(std::string(names[k]) + "_out", Type::kFloat32, {sizes[k]}));
  b.Op(OpCode::kWHILE, in, out, core::SubgraphOptions{1, 2, {}});
  for (int t : out) b.Output(t);
  b.Begin("more");
  const int i = b.Input("i", Type::kFloat32, {1});
  for (int k = 1; k < 4; ++k) b.Input(names[k], Type::kFloat32, {size});
  const int more = b.Make("more", Type::kBool, {1});
  b.Op(OpCode::kCAST, {i}, {more});
  b.Output(more);
  b.Begin("turn");
  std::vector<int> now;
  for (int k = 0; k < 4; ++k) now.push_back(b.Input(names[k], Type::kFloat32, {sizes[k]}));
  const int by = b.Constant<float>("step", {1}, {step});
  const int next = b.Make("next", Type::kFloat32, {1});
  const int twice = b.Make("twice", Type::kFloat32, {size});
  b.Op(OpCode::kADD, {now[0], by}, {next}, core::BinaryOptions{});
  b.Op(OpCode::kADD, {now[1], now[1]}, {twice}, core::BinaryOptions{});
  for (int t : {next, twice, now[3], now[2]}) b.Output(t);
  return b.Build();
}

// while (i) { x = x + x[i]; i = i - 1 }: outputs i, x. Each turn continues with a Plan of its own.
inline std::vector<std::byte> Indexing(int32_t size) {
  ModelBuilder b;
  const int32_t sizes[] = {1, size};
  const char* const names[] = {"i", "x"};
  std::vector<int> in, out, now;
  for (int k = 0; k < 2; ++k) in.push_back(b.Input(names[k], Type::kFloat32, {sizes[k]}));
  for (int k = 0; k < 2; ++k)
    out.push_back(b.Make(std::string(names[k]) + "_out", Type::kFloat32, {sizes[k]}));
  b.Op(OpCode::kWHILE, in, out, core::SubgraphOptions{1, 2, {}});
  for (int t : out) b.Output(t);
  b.Begin("more");
  const int i = b.Input("i", Type::kFloat32, {1});
  b.Input("x", Type::kFloat32, {size});
  const int more = b.Make("more", Type::kBool, {1});
  b.Op(OpCode::kCAST, {i}, {more});
  b.Output(more);
  b.Begin("turn");
  for (int k = 0; k < 2; ++k) now.push_back(b.Input(names[k], Type::kFloat32, {sizes[k]}));
  const int by = b.Constant<float>("step", {1}, {-1});
  const int one = b.Constant<int32_t>("one", {1}, {1});
  const int at = b.Make("at", Type::kInt32, {1}), part = b.Make("part", Type::kFloat32, {1});
  const int next = b.Make("next", Type::kFloat32, {1});
  const int sum = b.Make("sum", Type::kFloat32, {size});
  b.Op(OpCode::kADD, {now[0], by}, {next}, core::BinaryOptions{});
  b.Op(OpCode::kCAST, {now[0]}, {at});
  b.Op(OpCode::kSLICE, {now[1], at, one}, {part});
  b.Op(OpCode::kADD, {now[1], part}, {sum}, core::BinaryOptions{});
  for (int t : {next, sum}) b.Output(t);
  return b.Build();
}

}  // namespace heddle::testing

#endif  // HEDDLE_TESTS_ENGINE_STATEFUL_MODELS_H_
