// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cases.h"
#include "one_operator.h"

namespace heddle::bench {
namespace {

using core::OpCode;

struct Conv {
  int32_t size, in, kernel, out, stride = 1, dilation = 1;
  int32_t out_size() const { return (size + stride - 1) / stride; }
  std::string Text(const Form& form) const {
    std::string text = fmt::format("{} {}x{}x{} to {}", form.name, size, size, in, out);
    if (stride > 1) text += fmt::format(", stride {}", stride);
    return text;
  }
  core::ConvOptions options() const {
    core::ConvOptions options;
    options.stride_h = options.stride_w = stride;
    options.dilation_h = options.dilation_w = dilation;
    return options;
  }
};

void AddConv(std::vector<Case>& cases, const char* family, const Form& form, const Conv& c) {
  cases.push_back({family, c.Text(form), [form, c] {
                     return OneOperator(form)
                         .Input({1, c.size, c.size, c.in})
                         .Weights({c.out, c.kernel, c.kernel, c.in}, 0)
                         .Bias(c.out)
                         .Build(OpCode::kCONV_2D, {1, c.out_size(), c.out_size(), c.out},
                                c.options());
                   }});
}

void AddDepthwise(std::vector<Case>& cases, const char* family, const Form& form, const Conv& c) {
  cases.push_back({family, c.Text(form), [form, c] {
                     core::ConvOptions options = c.options();
                     options.depth_multiplier = 1;
                     return OneOperator(form)
                         .Input({1, c.size, c.size, c.in})
                         .Weights({1, c.kernel, c.kernel, c.in}, 3)
                         .Bias(c.in)
                         .Build(OpCode::kDEPTHWISE_CONV_2D, {1, c.out_size(), c.out_size(), c.in},
                                options);
                   }});
}

void AddTransposed(std::vector<Case>& cases, const Form& form, const Conv& c) {
  cases.push_back({"transposed conv", c.Text(form), [form, c] {
                     const int32_t size = c.size * c.stride;
                     return OneOperator(form)
                         .Ints({1, size, size, c.out}, {4})
                         .Weights({c.out, c.kernel, c.kernel, c.in}, 0)
                         .Input({1, c.size, c.size, c.in})
                         .Build(OpCode::kTRANSPOSE_CONV, {1, size, size, c.out}, c.options());
                   }});
}

void AddFullyConnected(std::vector<Case>& cases, const char* family, const Form& form, int32_t rows,
                       int32_t depth, int32_t units) {
  const std::string name = fmt::format("{} {} by {} to {}", form.name, rows, depth, units);
  cases.push_back({family, name, [=] {
                     return OneOperator(form)
                         .Input({rows, depth})
                         .Weights({units, depth}, -1)
                         .Bias(units)
                         .Build(OpCode::kFULLY_CONNECTED, {rows, units},
                                core::FullyConnectedOptions{});
                   }});
}

void AddBatchMatMul(std::vector<Case>& cases, const Form& form, int32_t batch, int32_t rows,
                    int32_t depth, int32_t columns) {
  const std::string name =
      fmt::format("{} {} of {}x{} by {}", form.name, batch, rows, depth, columns);
  cases.push_back({"batch matmul", name, [=] {
                     return OneOperator(form)
                         .Input({batch, rows, depth})
                         .Input({batch, depth, columns})
                         .Build(OpCode::kBATCH_MATMUL, {batch, rows, columns},
                                core::BatchMatMulOptions{});
                   }});
}

// One step of one sequence.
void AddLstm(std::vector<Case>& cases, const Form& form, int32_t inputs, int32_t cells) {
  const std::string name = fmt::format("{} {} to {} cells", form.name, inputs, cells);
  cases.push_back({"LSTM step", name, [=] {
                     core::RecurrentOptions options;
                     options.activation = core::Activation::kTanh;
                     OneOperator op(form);
                     op.Input({1, 1, inputs});
                     for (int gate = 0; gate < 4; ++gate) op.Weights({cells, inputs}, -1);
                     for (int gate = 0; gate < 4; ++gate) op.Weights({cells, cells}, -1);
                     op.Absent(3);
                     for (int gate = 0; gate < 4; ++gate) op.Bias(cells);
                     op.Absent(2).State({1, cells}).State({1, cells});
                     return op.Build(OpCode::kUNIDIRECTIONAL_SEQUENCE_LSTM, {1, 1, cells}, options);
                   }});
}

}  // namespace

std::vector<Case> Products() {
  std::vector<Case> cases;
  const Form forms[] = {kFloat, kInt8, kUInt8, kInt16, kHybrid};
  for (const Form& form : forms)
    for (const Conv& c :
         {Conv{56, 24, 1, 144}, Conv{28, 128, 1, 128}, Conv{14, 256, 1, 256}, Conv{7, 960, 1, 320}})
      AddConv(cases, "GEMM 1x1", form, c);
  for (const Form& form : forms)
    for (const Conv& c : {Conv{56, 64, 3, 64}, Conv{28, 128, 3, 128}, Conv{28, 128, 3, 256, 2}})
      AddConv(cases, "conv 3x3", form, c);
  for (const Form& form : {kFloat, kInt8})
    AddConv(cases, "conv 3x3, dilated", form, {28, 128, 3, 128, 1, 2});
  for (const Form& form : forms) {
    AddConv(cases, "first layer 3x3", form, {224, 3, 3, 32, 2});
    AddConv(cases, "first layer 7x7", form, {224, 3, 7, 64, 2});
  }
  for (const Form& form : {kFloat, kInt8}) AddTransposed(cases, form, {28, 64, 2, 32, 2});
  for (const Form& form : forms) {
    for (const Conv& c : {Conv{112, 32, 3, 32}, Conv{56, 144, 3, 144}, Conv{14, 576, 3, 576},
                          Conv{112, 96, 3, 96, 2}})
      AddDepthwise(cases, "depthwise 3x3", form, c);
    for (const Conv& c : {Conv{28, 240, 5, 240}, Conv{28, 240, 5, 240, 2}})
      AddDepthwise(cases, "depthwise 5x5", form, c);
  }
  for (const Form& form : {kFloat, kInt8, kInt16, kHybrid}) {
    AddFullyConnected(cases, "FC, one row", form, 1, 1024, 1024);
    AddFullyConnected(cases, "FC, one row", form, 1, 1280, 1001);
    AddFullyConnected(cases, "FC, many rows", form, 128, 512, 512);
  }
  for (const Form& form : {kFloat, kInt8}) {
    AddBatchMatMul(cases, form, 12, 128, 64, 128);
    AddBatchMatMul(cases, form, 12, 128, 128, 64);
  }
  for (const Form& form : {kFloat, kHybrid}) AddLstm(cases, form, 128, 256);
  return cases;
}

}  // namespace heddle::bench
