// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include <mutex>

#include "base/caught.h"
#include "model/file_bytes.h"
#include "model/reader.h"

namespace heddle::core {

const char* OpName(OpCode code) {
  switch (code) {
#define HEDDLE_OP(name, number, max_version) \
  case OpCode::k##name:                      \
    return #name;
#include "model/op_list.inc"
#undef HEDDLE_OP
  }
  return nullptr;
}

int OpKnownVersion(OpCode code) {
  switch (code) {
#define HEDDLE_OP(name, number, max_version) \
  case OpCode::k##name:                      \
    return max_version;
#include "model/op_list.inc"
#undef HEDDLE_OP
  }
  return 0;
}

std::string Operator::Name() const { return code == OpCode::kCUSTOM ? custom_name : OpName(code); }

struct Model::Bytes {
  explicit Bytes(FileBytes bytes) : file(std::move(bytes)) {}

  FileBytes file;
  std::mutex mutex;  // of who gives back and brings back
  int readers = 0;
};

Model::Model() = default;
Model::~Model() = default;

int64_t Model::size_bytes() const { return static_cast<int64_t>(bytes_->file.all().size()); }
std::span<const std::byte> Model::bytes() const { return bytes_->file.all(); }
const std::optional<FileLook>& Model::look() const { return bytes_->file.look(); }
bool Model::Unchanged() const { return bytes_->file.Unchanged(); }
void Model::GiveBackPages() const { bytes_->file.GiveBack(); }

Status Model::AddReader() const {
  const std::lock_guard<std::mutex> lock(bytes_->mutex);
  HEDDLE_TRY(bytes_->file.BringBack(bytes()));
  ++bytes_->readers;
  return Status();
}

void Model::GiveBack(std::span<const std::span<const std::byte>> spent) const {
  const std::lock_guard<std::mutex> lock(bytes_->mutex);
  if (bytes_->readers > 1) return;
  for (const std::span<const std::byte> constant : spent) bytes_->file.GiveBack(constant);
}

Status Model::BringBack(std::span<const std::byte> constant) const {
  const std::lock_guard<std::mutex> lock(bytes_->mutex);
  HEDDLE_TRY(bytes_->file.BringBack(constant));
  ++bytes_->readers;  // for nobody knows how long
  return Status();
}

Result<std::shared_ptr<const Model>> ModelReader::Read(FileBytes file) {
  std::shared_ptr<Model> model(new Model());
  model->bytes_ = std::make_unique<Model::Bytes>(std::move(file));
  ModelParts parts{model->subgraphs_,   model->signatures_, model->resources_,
                   model->description_, model->metadata_,   model->files_};
  HEDDLE_TRY(ReadModel(model->bytes_->file, parts));
  return std::shared_ptr<const Model>(std::move(model));
}

Result<std::shared_ptr<const Model>> Model::ReadFile(const std::string& path, int64_t settled_ns) {
  return Caught([&]() -> Result<std::shared_ptr<const Model>> {
    HEDDLE_ASSIGN(auto file, FileBytes::Open(path, settled_ns));
    return ModelReader::Read(std::move(file));
  });
}

Result<std::shared_ptr<const Model>> Model::ReadBytes(std::span<const std::byte> bytes) {
  return Caught([&]() -> Result<std::shared_ptr<const Model>> {
    HEDDLE_ASSIGN(auto file, FileBytes::Copy(bytes));
    return ModelReader::Read(std::move(file));
  });
}

}  // namespace heddle::core
