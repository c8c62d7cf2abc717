// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>

#include "cases.h"
#include "one_operator.h"

namespace heddle::bench {
namespace {

using core::OpCode;
using core::Options;
using core::Shape;
using core::Type;

constexpr Form kForms[] = {kFloat, kInt8};
const Shape kImage{1, 56, 56, 64};

std::string Text(const Form& form, const char* what, const Shape& shape) {
  return fmt::format("{} {}{}{}", form.name, what, *what == '\0' ? "" : " ", shape.ToString());
}

// Of one input, whose quantisation the output has, too, unless `quant` says otherwise.
struct Unary {
  const char* family;
  const char* what;
  OpCode code;
  Shape input, output;
  Options options = {};
  std::vector<int32_t> ints = {};  // a second operand; empty: none
  Shape ints_shape = {};
};

void Add(std::vector<Case>& cases, const Form& form, const Unary& u,
         const core::Quantization& quant) {
  cases.push_back({u.family, Text(form, u.what, u.input), [=] {
                     OneOperator op(form);
                     op.Input(u.input);
                     if (!u.ints.empty()) op.Ints(u.ints, u.ints_shape);
                     return op.Build(u.code, u.output, u.options, quant);
                   }});
}

void AddBoth(std::vector<Case>& cases, const Unary& u) {
  for (const Form& form : kForms) Add(cases, form, u, QuantOf(form.output));
}

void AddPooling(std::vector<Case>& cases) {
  core::PoolOptions two;
  two.stride_h = two.stride_w = two.filter_h = two.filter_w = 2;
  core::PoolOptions whole;
  whole.padding = core::Padding::kValid;
  whole.filter_h = whole.filter_w = 7;
  const Shape half{1, 28, 28, 64}, last{1, 7, 7, 1280};
  AddBoth(cases, {"pooling", "max 2x2", OpCode::kMAX_POOL_2D, kImage, half, two});
  AddBoth(cases, {"pooling", "average 2x2", OpCode::kAVERAGE_POOL_2D, kImage, half, two});
  AddBoth(cases,
          {"pooling", "average 7x7", OpCode::kAVERAGE_POOL_2D, last, {1, 1, 1, 1280}, whole});
  AddBoth(cases,
          {"pooling", "max 2x2", OpCode::kMAX_POOL_2D, {1, 224, 224, 3}, {1, 112, 112, 3}, two});
  AddBoth(
      cases,
      {"mean", "of rows", OpCode::kMEAN, {1, 128, 256}, {1, 128}, core::ReduceOptions{}, {2}, {1}});
  AddBoth(cases, {"mean", "", OpCode::kMEAN, last, {1, 1280}, core::ReduceOptions{}, {1, 2}, {2}});
}

void AddFunctions(std::vector<Case>& cases) {
  const core::Quantization share = core::Quant(1.0f / 256, -128), sign = core::Quant(1.0f / 128);
  for (const Shape& shape : {Shape{1, 1001}, Shape{12, 128, 128}}) {
    const Unary softmax{"softmax", "", OpCode::kSOFTMAX, shape, shape, core::SoftmaxOptions{}};
    Add(cases, kFloat, softmax, {});
    Add(cases, kInt8, softmax, share);
  }
  const std::pair<const char*, OpCode> functions[] = {
      {"logistic", OpCode::kLOGISTIC},     {"tanh", OpCode::kTANH},
      {"hard swish", OpCode::kHARD_SWISH}, {"exp", OpCode::kEXP},
      {"rsqrt", OpCode::kRSQRT},           {"floor", OpCode::kFLOOR}};
  for (const auto& [name, code] : functions)
    Add(cases, kFloat, {"function", name, code, kImage, kImage}, {});
  Add(cases, kFloat, {"function", "gelu", OpCode::kGELU, kImage, kImage, core::GeluOptions{}}, {});
  Add(cases, kInt8, {"table look-up", "logistic", OpCode::kLOGISTIC, kImage, kImage}, share);
  Add(cases, kInt8, {"table look-up", "tanh", OpCode::kTANH, kImage, kImage}, sign);
  Add(cases, kInt8, {"table look-up", "hard swish", OpCode::kHARD_SWISH, kImage, kImage},
      QuantOf(Type::kInt8));
}

void AddElementwise(std::vector<Case>& cases) {
  const std::pair<const char*, OpCode> binaries[] = {{"add", OpCode::kADD}, {"mul", OpCode::kMUL}};
  for (const auto& [name, code] : binaries) {
    for (const Form& form : kForms) {
      for (const Shape& other : {kImage, Shape{1, 1, 1, 64}}) {
        const std::string text = Text(form, name, kImage) + " and " + other.ToString();
        cases.push_back({"elementwise", text, [=, op = code] {
                           return OneOperator(form).Input(kImage).Input(other).Build(
                               op, kImage, core::BinaryOptions{});
                         }});
      }
    }
  }
  const Shape picture{1, 224, 224, 3};
  for (const Form& form : kForms)
    cases.push_back({"elementwise", Text(form, "add", picture) + " and 3", [=] {
                       return OneOperator(form).Input(picture).Input({3}).Build(
                           OpCode::kADD, picture, core::BinaryOptions{});
                     }});
  AddBoth(cases, {"elementwise", "relu6", OpCode::kRELU6, kImage, kImage});
}

// Whose output is of another type.
void AddDecisions(std::vector<Case>& cases) {
  constexpr Form kGreater{"f32", Type::kFloat32, Type::kNone, Type::kNone, Type::kBool};
  cases.push_back({"comparison", Text(kGreater, "greater", kImage), [=] {
                     return OneOperator(kGreater).Input(kImage).Input(kImage).Build(
                         OpCode::kGREATER, kImage);
                   }});
  const Shape classes{1, 129, 129, 21};
  for (const Form& form : kForms) {
    const Form index{form.name, form.input, Type::kNone, Type::kNone, Type::kInt64};
    Add(cases, index, {"arg max", "", OpCode::kARG_MAX, classes, {1, 129, 129}, {}, {3}, {1}}, {});
  }
}

void AddMovement(std::vector<Case>& cases) {
  AddBoth(
      cases,
      {"transpose", "0312", OpCode::kTRANSPOSE, kImage, {1, 64, 56, 56}, {}, {0, 3, 1, 2}, {4}});
  AddBoth(cases, {"transpose",
                  "0213",
                  OpCode::kTRANSPOSE,
                  {1, 128, 12, 64},
                  {1, 12, 128, 64},
                  {},
                  {0, 2, 1, 3},
                  {4}});
  const Shape half{1, 28, 28, 64};
  core::ResizeOptions centers;
  centers.half_pixel_centers = true;
  AddBoth(cases,
          {"resize", "bilinear", OpCode::kRESIZE_BILINEAR, half, kImage, centers, {56, 56}, {2}});
  AddBoth(cases, {"resize",
                  "bilinear",
                  OpCode::kRESIZE_BILINEAR,
                  {1, 112, 112, 3},
                  {1, 224, 224, 3},
                  centers,
                  {224, 224},
                  {2}});
  AddBoth(cases, {"resize",
                  "nearest",
                  OpCode::kRESIZE_NEAREST_NEIGHBOR,
                  half,
                  kImage,
                  centers,
                  {56, 56},
                  {2}});
  AddBoth(cases,
          {"pad", "", OpCode::kPAD, kImage, {1, 58, 58, 64}, {}, {0, 0, 1, 1, 1, 1, 0, 0}, {4, 2}});
  core::ConcatOptions channels;
  channels.axis = 3;
  for (const Form& form : kForms)
    cases.push_back({"concat", Text(form, "two of", kImage), [=] {
                       return OneOperator(form).Input(kImage).Input(kImage).Build(
                           OpCode::kCONCATENATION, {1, 56, 56, 128}, channels);
                     }});
}

void AddConversions(std::vector<Case>& cases) {
  const Form quantise{"f32 to int8", Type::kFloat32, Type::kNone, Type::kNone, Type::kInt8};
  const Form dequantise{"int8 to f32", Type::kInt8, Type::kNone, Type::kNone, Type::kFloat32};
  const Form requantise{"uint8 to int8", Type::kUInt8, Type::kNone, Type::kNone, Type::kInt8};
  const auto add = [&](const Form& form, OpCode code) {
    Add(cases, form, {"quantise", "", code, kImage, kImage}, QuantOf(form.output));
  };
  add(quantise, OpCode::kQUANTIZE);
  add(dequantise, OpCode::kDEQUANTIZE);
  add(requantise, OpCode::kQUANTIZE);
}

}  // namespace

std::vector<Case> Others() {
  std::vector<Case> cases;
  AddPooling(cases);
  AddFunctions(cases);
  AddElementwise(cases);
  AddDecisions(cases);
  AddMovement(cases);
  AddConversions(cases);
  return cases;
}

std::vector<Case> AllCases() {
  std::vector<Case> cases = Products(), others = Others();
  cases.insert(cases.end(), std::make_move_iterator(others.begin()),
               std::make_move_iterator(others.end()));
  return cases;
}

}  // namespace heddle::bench
