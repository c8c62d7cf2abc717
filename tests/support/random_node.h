// SPDX-License-Identifier: Apache-2.0
// Random models of one operator, most of them sound: what node_recipes.inc or custom_recipes.inc
// says of an operator, with sizes, types, options, quantisation and values drawn at random.
#ifndef HEDDLE_TESTS_SUPPORT_RANDOM_NODE_H_
#define HEDDLE_TESTS_SUPPORT_RANDOM_NODE_H_

#include <span>
#include <string_view>
#include <vector>

#include "support/choices.h"
#include "support/model_builder.h"

namespace heddle::core {

struct Recipe {
  OpCode op;
  std::string_view text;
  std::string_view custom = {};   // its name in the file; empty: `op` says it all
  int version = 0;                // of a custom operator
  std::string_view options = {};  // of a custom operator: the words of custom_recipes.inc

  std::string_view name() const;
};
std::span<const Recipe> Recipes();

struct RandomNode {
  std::vector<std::byte> file;
  Type type = Type::kNone;     // of the node; where that makes no difference, of its first operand
  Type weights = Type::kNone;  // kNone: it has none
  struct Input {
    Type type;
    Shape shape;
    std::vector<std::byte> data;
  };
  std::vector<Input> inputs;  // of the model
};

struct NodeWish {
  Type type = Type::kNone;  // of the node; kNone: any
  bool slips = true;        // now and then something is not as it should be
};

RandomNode MakeRandomNode(const Recipe& recipe, const NodeWish& wish, Choices& choices);

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_RANDOM_NODE_H_
