// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/errors.h"
#include "engine/profile.h"
#include "heddle/tensor.h"

namespace heddle::bench {
namespace {

// Floats in [-1, 1), integers of any value.
class Inputs {
 public:
  explicit Inputs(const core::Ports& ports) {
    uint32_t state = 1;
    for (const core::PortInfo& port : ports.inputs) {
      TensorView& view = views_.emplace_back();
      view.type = static_cast<heddle_type>(port.type);
      view.rank = HEDDLE_SHAPE_OF_MODEL;
      auto& bytes = bytes_.emplace_back(core::TypeBytes(port.type, port.default_shape.elements()));
      const size_t size = core::TypeBits(port.type) / 8;
      for (size_t i = 0; i < bytes.size(); i += size) {
        state = state * 1664525u + 1013904223u;
        const float unit = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
        const uint32_t high = state >> 16;
        if (port.type == core::Type::kFloat32)
          std::memcpy(&bytes[i], &unit, size);
        else
          std::memcpy(&bytes[i], &high, std::min(size, sizeof(high)));
      }
      view.data = bytes.data();
      view.bytes = bytes.size();
    }
  }
  core::RunRequest request() const {
    core::RunRequest request;
    request.inputs = views_.data();
    request.input_count = views_.size();
    return request;
  }

 private:
  std::vector<TensorView> views_;
  std::vector<std::vector<std::byte>> bytes_;
};

}  // namespace

Result<Measured> Measure(const Case& subject, const core::Peaks& peaks) {
  HEDDLE_ASSIGN(auto model, core::Model::ReadBytes(subject.build()));
  core::EngineOptions options;
  options.cores = 1;
  HEDDLE_ASSIGN(const auto loaded,
                core::LoadedModel::Load(std::make_shared<core::EngineCore>(options),
                                        std::move(model), core::Numerics::kFast, "", false));
  HEDDLE_ASSIGN(const core::Ports* ports, loaded->FindPorts(nullptr));
  const Inputs inputs(*ports);
  HEDDLE_ASSIGN(const auto steps, core::ProfileSteps(*loaded, inputs.request()));
  if (steps.size() != 1 || steps[0].ns < 0)
    return core::Internal("{} steps, expected one that runs by itself", steps.size());
  const core::StepTime& step = steps[0];
  const core::LeastTime least = core::LeastTimeOf(step.work, peaks, loaded->isa());
  const auto ns = static_cast<double>(std::max<int64_t>(1, step.ns));
  return Measured{step.kernel,
                  step.ns,
                  static_cast<double>(step.work.macs) / ns,
                  static_cast<double>(step.work.bytes) / ns,
                  least.ns / ns,
                  least.bound};
}

}  // namespace heddle::bench
