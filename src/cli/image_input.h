// SPDX-License-Identifier: Apache-2.0
// A picture as the input of a model.
#ifndef HEDDLE_CLI_IMAGE_INPUT_H_
#define HEDDLE_CLI_IMAGE_INPUT_H_

#include <optional>

#include "cli/image.h"
#include "cli/ports.h"

namespace heddle::cli {

// What a pixel becomes: (pixel - mean) / std.
struct PixelScaling {
  float mean = 127.5f, std = 127.5f;
};

// The first input that holds one image ([1,]H,W,C of 1 or 3 channels); -1: none.
int FindImageInput(const Ports& ports);

// Sized to the input's shape. With a scaling: scaled, then quantised where the input is. Without
// one integers take the pixels as they are (black is the lowest value of 8 bits, white the
// highest), which is how quantised image models are made, and floats get [-1,1], as most published
// ones want it.
Result<OwnedTensor> ImageInput(const Image& image, const Port& port,
                               const std::optional<PixelScaling>& scaling);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_IMAGE_INPUT_H_
