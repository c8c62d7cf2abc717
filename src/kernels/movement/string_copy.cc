// SPDX-License-Identifier: Apache-2.0
#include "kernels/movement/string_copy.h"

#include "kernels/movement/strings.h"

namespace heddle::core {
namespace {

struct StringCopy {
  CopyBox box;
  Shape output;
};

Status CopyStrings(const void* params, SerialCall& call) {
  const StringCopy& copy = *static_cast<const StringCopy*>(params);
  const CopyBox& box = copy.box;
  return WriteStrings(call, copy.output, [&](int64_t i) {
    int64_t at = box.in_offset;
    for (int d = 0; d < box.dims.rank(); ++d) {
      at += i / box.out_stride[d] % box.dims[d] * box.in_stride[d];
    }
    return at;
  });
}

}  // namespace

void LowerStringCopy(const CopyBox& box, const Shape& output, Step& step) {
  step.kind = StepKind::kSerial;
  step.serial = &CopyStrings;
  step.sizes_outputs = true;
  step.params = std::make_shared<const StringCopy>(StringCopy{box, output});
  step.kernel = "strings";
}

}  // namespace heddle::core
