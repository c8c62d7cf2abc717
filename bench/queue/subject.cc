// SPDX-License-Identifier: Apache-2.0
#include "subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/model_builder.h"

namespace heddle::bench {
namespace {

[[noreturn]] void Give(const std::string& what, const Status& status) {
  fmt::print(stderr, "bench_queue: {}: {}\n", what, status.message());
  std::exit(1);
}

std::vector<std::byte> EmptyModel() {
  core::ModelBuilder b;
  const int x = b.Input("x", core::Type::kFloat32, {1, 4});
  const int y = b.Make("y", core::Type::kFloat32, {1, 4});
  b.Op(core::OpCode::kADD, {x, x}, {y}, core::BinaryOptions{});
  b.Output(y);
  return b.Build();
}

// Floats in [-1, 1), bytes of any value, indices that are in every table.
void FillBytes(heddle_type type, std::span<std::byte> bytes) {
  uint32_t state = 1;
  const size_t size = heddle_type_bits(type) / 8;
  for (size_t i = 0; size > 0 && i + size <= bytes.size(); i += size) {
    state = state * 1664525u + 1013904223u;
    const float value = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
    if (type == HEDDLE_FLOAT32) std::memcpy(&bytes[i], &value, sizeof(value));
    if (size == 1)
      bytes[i] = type == HEDDLE_BOOL ? std::byte{1} : static_cast<std::byte>(state >> 24);
  }
}

}  // namespace

Subject::Subject(const std::string& path) {
  auto loaded = path == "empty" ? engine_.LoadBytes(EmptyModel()) : engine_.Load(path);
  if (!loaded.ok()) Give(path, loaded.status());
  model_ = std::make_unique<Model>(std::move(*loaded));
  const core::Ports& ports = *model_->get()->loaded->FindPorts(nullptr).value();
  for (const core::PortInfo& port : ports.inputs) {
    TensorView& view = views_.emplace_back();
    view.type = static_cast<heddle_type>(port.type);
    view.rank = port.default_shape.rank();
    for (int d = 0; d < view.rank; ++d) view.dims[d] = port.default_shape[d];
    bytes_.emplace_back(core::TypeBytes(port.type, port.default_shape.elements()));
    FillBytes(view.type, bytes_.back());
    view.data = bytes_.back().data();
    view.bytes = bytes_.back().size();
  }
  const auto outputs = model_->Run(views_);
  if (!outputs.ok()) Give(path, outputs.status());
}

void Subject::Run() const {
  const auto outputs = model_->Run(views_);
  if (!outputs.ok()) Give("a call", outputs.status());
}

core::ModelRequest* Subject::Submit(core::ModelQueue& queue, core::ModelQueue::Terms terms) const {
  core::RunRequest tensors;
  tensors.inputs = views_.data();
  tensors.input_count = views_.size();
  auto request = queue.Submit(model_->get()->loaded, tensors, std::move(terms));
  return request.ok() ? *request : nullptr;
}

bool Subject::RunThrough(core::ModelQueue& queue, core::ModelQueue::Terms terms) const {
  core::ModelRequest* request = Submit(queue, std::move(terms));
  if (request == nullptr) return false;
  queue.queue().Wait(*request, -1);
  const bool ok = request->status.ok();
  request->Disown();
  return ok;
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace heddle::bench
