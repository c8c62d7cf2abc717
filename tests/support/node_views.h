// SPDX-License-Identifier: Apache-2.0
// The inputs of a random node as a caller hands them in.
#ifndef HEDDLE_TESTS_SUPPORT_NODE_VIEWS_H_
#define HEDDLE_TESTS_SUPPORT_NODE_VIEWS_H_

#include <vector>

#include "heddle/tensor.h"
#include "support/random_node.h"

namespace heddle::core {

// Valid as long as the node is.
inline std::vector<TensorView> ViewsOf(const RandomNode& node) {
  std::vector<TensorView> views;
  for (const RandomNode::Input& input : node.inputs) {
    TensorView view;
    view.type = static_cast<heddle_type>(input.type);
    view.rank = input.shape.rank();
    for (int i = 0; i < input.shape.rank(); ++i) view.dims[i] = input.shape[i];
    view.data = const_cast<std::byte*>(input.data.data());
    view.bytes = input.data.size();
    views.push_back(view);
  }
  return views;
}

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_NODE_VIEWS_H_
