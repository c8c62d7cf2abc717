// SPDX-License-Identifier: Apache-2.0
// No fast forms.
#include "kernels/conv/fast.h"

namespace heddle::core {

Result<std::unique_ptr<Operation>> MakeFastConv2d(const MakeArgs&, const ConvSpec&) {
  return std::unique_ptr<Operation>();
}
Result<std::unique_ptr<Operation>> MakeFastDepthwise(const MakeArgs&, const ConvSpec&) {
  return std::unique_ptr<Operation>();
}
Result<std::unique_ptr<Operation>> MakeFastFullyConnected(const MakeArgs&, const ConvSpec&) {
  return std::unique_ptr<Operation>();
}

}  // namespace heddle::core
