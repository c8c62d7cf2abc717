// SPDX-License-Identifier: Apache-2.0
// Source: the verified flatbuffer and its file, as the parts of the reader take from it.
#ifndef HEDDLE_MODEL_SOURCE_H_
#define HEDDLE_MODEL_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "model/file_bytes.h"
#include "model/flatbuffer.h"
#include "model/graph.h"
#include "model/model.h"

namespace heddle::core {

class Source {
 public:
  explicit Source(FileBytes& file)
      : file_(file), budget_(kBudgetFloor + kBudgetFactor * file.all().size()) {}

  // Checks identifier, structure and version. Nothing else may be called before it succeeds.
  Status Verify();
  const fb::Model& model() const { return *model_; }
  std::span<const std::byte> file() const { return file_.all(); }

  // Tables of a flatbuffer may share what they point to, so a small file can describe a graph that
  // is larger than memory. Everything that is copied out is first taken from a budget in proportion
  // to the file.
  Status Take(size_t count, size_t size);

  template <class From, class To>
  Status Copy(const FbVector<From>* from, std::vector<To>& to) {
    if (from == nullptr) return Status();
    HEDDLE_TRY(Take(from->size(), sizeof(To)));
    to.resize(from->size());
    // The verifier aligns a vector's length, not its 8-byte elements.
    for (size_t i = 0; i < to.size(); ++i) {
      From value;
      std::memcpy(&value, from->Data() + i * sizeof(From), sizeof(From));
      to[i] = value;
    }
    return Status();
  }
  Status Copy(const flatbuffers::String* from, std::string& to);

  // The bytes of buffer `index`, inside the flatbuffer or behind it; empty for buffer 0, which
  // stands for "no data".
  Result<std::span<const std::byte>> Buffer(uint32_t index);
  // The part of the file that an offset and a size claim.
  Result<std::span<const std::byte>> Outside(uint64_t offset, uint64_t size) const;
  // `bytes` where they are if that is aligned, else an aligned copy.
  Result<std::span<const std::byte>> Aligned(std::span<const std::byte> bytes, size_t alignment);
  // Checks a buffer of strings once, however many tensors show it: how many strings it holds.
  Result<int32_t> Strings(std::span<const std::byte> bytes);

 private:
  static constexpr size_t kBudgetFloor = 32u << 20;
  static constexpr size_t kBudgetFactor = 16;

  FileBytes& file_;
  const fb::Model* model_ = nullptr;
  size_t budget_;
  size_t taken_ = 0;
  std::map<std::pair<const std::byte*, size_t>, std::span<const std::byte>> copies_;
  std::map<std::pair<const std::byte*, size_t>, int32_t> strings_;
};

// What an operator code of the file stands for.
struct OperatorKind {
  OpCode code;
  int32_t version;
  std::string custom_name;
};

// The parts of the reader. Texts begin with the place inside what is read; the caller adds its own.
Status ReadOperatorKinds(Source& source, std::vector<OperatorKind>& kinds);
Status ReadTensors(Source& source, const FbTables<fb::Tensor>* from, std::vector<Tensor>& to);
Status ReadQuantization(Source& source, const fb::QuantizationParameters& from, size_t tensors,
                        Tensor& tensor);
// For block-wise quantisation: checks the scales and refers to their values. They are another
// tensor, so all must have been read.
Status LinkBlocks(const std::vector<Tensor>& tensors, Tensor& tensor);
// REQUIRES: the shape is checked. `stored`: how many values the sparse form holds.
Status ReadSparsity(Source& source, const fb::SparsityParameters& from, Tensor& tensor,
                    int64_t* stored);
Status ReadOptions(Source& source, const fb::Operator& from, OpCode code, Options& options);
Status ReadOperators(Source& source, const FbTables<fb::Operator>* from,
                     const std::vector<OperatorKind>& kinds, Subgraph& subgraph);
// Every operand is made before it is used, by one operator at most. A tensor of no elements that
// nothing makes becomes a constant: files write empty shape operands that way.
Status CheckOrder(Subgraph& subgraph);
// Gives outputs whose type follows from their operands that type, whatever the file says.
void SettleTypes(Subgraph& graph);
// Every subgraph that an operator calls exists, and none calls itself, however indirectly.
Status CheckCalls(const std::vector<Subgraph>& subgraphs);
// Gives every handle the number of its resource.
void NumberResources(std::vector<Subgraph>& subgraphs, std::vector<ResourceInfo>& resources);
Status ReadSignatures(Source& source, const std::vector<Subgraph>& subgraphs,
                      std::vector<Signature>& signatures);
// An entry whose buffer is not in the file has no content: a model runs without.
Status ReadMetadata(Source& source, std::vector<Metadata>& metadata);

}  // namespace heddle::core

#endif  // HEDDLE_MODEL_SOURCE_H_
