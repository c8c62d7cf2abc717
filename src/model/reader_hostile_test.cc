// SPDX-License-Identifier: Apache-2.0
// Damaged files: an answer or an error, never a crash. Run under the sanitizers these say more.
#include <gtest/gtest.h>

#include <random>

#include "model/model.h"
#include "support/small_models.h"

namespace heddle::core {
namespace {

using Bytes = std::vector<std::byte>;

// Walks what was read as later layers do, without a check.
size_t Walk(const Model& model) {
  size_t sum = 0;
  for (const Subgraph& subgraph : model.subgraphs()) {
    for (const Tensor& tensor : subgraph.tensors)
      for (std::byte b : tensor.data) sum += std::to_integer<size_t>(b);
    for (const Operator& op : subgraph.operators) {
      for (int32_t input : op.inputs)
        if (input >= 0) sum += subgraph.tensors.at(input).name.size();
      for (int32_t output : op.outputs) sum += subgraph.tensors.at(output).name.size();
    }
  }
  return sum;
}

// True when it was read.
bool TryToRead(const Bytes& bytes) {
  const auto model = Model::ReadBytes(bytes);
  if (model.ok()) {
    Walk(**model);
    return true;
  }
  EXPECT_FALSE(model.status().message().empty());
  EXPECT_NE(model.status().code(), Code::kInternal);
  return false;
}

std::vector<Bytes> Models() {
  ModelBuilder behind = Small();
  behind.data_behind = true;
  return {Small().Build(), Branching().Build(), behind.Build()};
}

TEST(ReaderHostileTest, EveryTruncation) {
  for (const Bytes& whole : Models()) {
    ASSERT_TRUE(TryToRead(whole));
    int read = 0;
    for (size_t size = 0; size < whole.size(); ++size)
      read += TryToRead(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)));
    // Cutting padding off the end may leave a whole model, nothing more.
    EXPECT_LT(read, 16);
  }
}

TEST(ReaderHostileTest, RandomBytesChanged) {
  const uint64_t seed = 20240229;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  int refused = 0;
  for (const Bytes& whole : Models()) {
    for (int i = 0; i < 3000; ++i) {
      Bytes bytes = whole;
      for (uint64_t k = 0; k <= random() % 3; ++k)
        bytes[random() % bytes.size()] = static_cast<std::byte>(random());
      refused += !TryToRead(bytes);
    }
  }
  EXPECT_GT(refused, 1000);
}

// Signatures whose tables all show one long name: the copies would take 77 MB.
TEST(ReaderHostileTest, SharedTablesDoNotMultiplyMemory) {
  ModelBuilder b = Small();
  const std::string name(128u << 10, 'n');
  b.signatures[0].inputs[0].name = name;
  b.signatures.resize(600, {"s", 0, {}, {}});
  for (size_t i = 1; i < b.signatures.size(); ++i) b.signatures[i].key = "k" + std::to_string(i);
  const Bytes honest = b.Build();
  ASSERT_TRUE(TryToRead(honest));

  for (size_t i = 1; i < b.signatures.size(); ++i) b.signatures[i].inputs = b.signatures[0].inputs;
  b.share_names = true;
  const Bytes hostile = b.Build();
  ASSERT_LT(hostile.size(), honest.size() + (128u << 10));
  const auto model = Model::ReadBytes(hostile);
  EXPECT_EQ(model.status().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace heddle::core
