// SPDX-License-Identifier: Apache-2.0
// Model: a verified .tflite file. The only code that reads untrusted model bytes is behind Read.
#ifndef HEDDLE_MODEL_MODEL_H_
#define HEDDLE_MODEL_MODEL_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "heddle/status.h"
#include "model/graph.h"

namespace heddle::core {

struct AssociatedFile {  // of the zip archive that may follow the flatbuffer: labels, vocabularies
  std::string name;
  std::string content;
};

struct Metadata {
  std::string name;
  std::span<const std::byte> content;  // of the Model's bytes; empty: the file has none there
};

// Immutable; thread-safe. Every index, size product, buffer length, quantisation array and subgraph
// reference has been checked: code that walks a Model needs no check of its own.
class Model {
 public:
  // Reads a file: up to 64 MB into private memory, larger ones are mapped (replace such a file by
  // renaming, never in place). The error names what is wrong and where. `settled_ns`: see FileLook.
  static Result<std::shared_ptr<const Model>> ReadFile(const std::string& path,
                                                       int64_t settled_ns = FileLook::kSettledNs);
  // Copies the bytes.
  static Result<std::shared_ptr<const Model>> ReadBytes(std::span<const std::byte> bytes);

  // At least one; the first is the main graph.
  const std::vector<Subgraph>& subgraphs() const { return subgraphs_; }
  // Those whose tensors are inputs and outputs of their subgraph; a stale one is left out.
  const std::vector<Signature>& signatures() const { return signatures_; }
  // Those that handles of any subgraph name, without repetition.
  const std::vector<ResourceInfo>& resources() const { return resources_; }
  const std::string& description() const { return description_; }
  int64_t size_bytes() const;
  std::span<const std::byte> bytes() const;  // of the file
  // The file as it was when it was read; nullopt: it was changing, or there was none.
  const std::optional<FileLook>& look() const;
  // Whether the file is still that one: then it also holds what was read.
  bool Unchanged() const;
  // For whoever has made what it needs of the constants: a mapped file's pages go back to the
  // system.
  void GiveBackPages() const;
  // Constants that were read into memory go back, too, but one by one, and come again only when
  // somebody says so.
  //
  // Somebody new reads constants, any of them, for as long as the Model lives. Fails where some are
  // gone and the file is not what it was.
  Status AddReader() const;
  // The only reader does not read these any more; of several, nothing is given back. A file that
  // could change unnoticed keeps all.
  void GiveBack(std::span<const std::span<const std::byte>> spent) const;
  // For who looks at one of them all the same: a reader like others from then on. Fails as
  // AddReader.
  Status BringBack(std::span<const std::byte> constant) const;
  // The metadata entries, and the files of the appended archive (inflated; those over 16 MB are
  // left out).
  const std::vector<Metadata>& metadata() const { return metadata_; }
  const std::vector<AssociatedFile>& files() const { return files_; }

  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

 private:
  friend class ModelReader;
  Model();
  struct Bytes;  // owns the file's bytes

  std::unique_ptr<Bytes> bytes_;
  std::vector<Subgraph> subgraphs_;
  std::vector<Signature> signatures_;
  std::vector<ResourceInfo> resources_;
  std::string description_;
  std::vector<Metadata> metadata_;
  std::vector<AssociatedFile> files_;
};

}  // namespace heddle::core

#endif  // HEDDLE_MODEL_MODEL_H_
