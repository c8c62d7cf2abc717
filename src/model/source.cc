// SPDX-License-Identifier: Apache-2.0
#include "model/source.h"

#include <algorithm>
#include <cstring>

namespace heddle::core {
namespace {

constexpr uint32_t kFormatVersion = 3;
constexpr size_t kHeaderBytes = 8;  // root offset and identifier
// FlatBuffers' offsets are 31 bits; what lies behind is reached through Buffer.offset alone.
constexpr size_t kMaxFlatbuffer = FLATBUFFERS_MAX_BUFFER_SIZE - 1;

flatbuffers::Verifier::Options Limits() {
  flatbuffers::Verifier::Options options;
  options.max_depth = 32;
  options.max_tables = 2'000'000;
  return options;
}

std::string Printable(std::span<const std::byte> bytes) {
  std::string text;
  for (std::byte b : bytes) {
    const char c = static_cast<char>(b);
    text += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return text;
}

}  // namespace

Status Source::Verify() {
  const std::span<const std::byte> all = file_.all();
  if (all.size() < kHeaderBytes)
    return InvalidModel("file: {} bytes, expected at least {}", all.size(), kHeaderBytes);
  if (!fb::ModelBufferHasIdentifier(all.data()))
    return InvalidModel("file: identifier '{}', expected '{}'", Printable(all.subspan(4, 4)),
                        fb::ModelIdentifier());
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(all.data()),
                                 std::min(all.size(), kMaxFlatbuffer), Limits());
  if (!fb::VerifyModelBuffer(verifier))
    return InvalidModel("file: not a valid flatbuffer of {} bytes: cut short or damaged",
                        all.size());
  model_ = fb::GetModel(all.data());
  if (model_->version() != kFormatVersion)
    return InvalidModel("file: format version {}, expected {}", model_->version(), kFormatVersion);
  return Status();
}

Status Source::Take(size_t count, size_t size) {
  if (count > (budget_ - taken_) / size)
    return ResourceExhausted(
        "file: describes more than {} bytes of structure, the limit for its {}", budget_,
        file_.all().size());
  taken_ += count * size;
  return Status();
}

Status Source::Copy(const flatbuffers::String* from, std::string& to) {
  if (from == nullptr) return Status();
  HEDDLE_TRY(Take(from->size(), 1));
  to.assign(from->data(), from->size());
  return Status();
}

Result<std::span<const std::byte>> Source::Buffer(uint32_t index) {
  const size_t count = FbSize(model_->buffers());
  if (index == 0) return std::span<const std::byte>();
  if (index >= count) return InvalidModel("buffer {}, expected 0 to {}", index, int64_t(count) - 1);
  const fb::Buffer& buffer = *model_->buffers()->Get(index);
  if (buffer.data() != nullptr)
    return std::as_bytes(std::span(buffer.data()->data(), buffer.data()->size()));
  return Outside(buffer.offset(), buffer.size());
}

Result<std::span<const std::byte>> Source::Outside(uint64_t offset, uint64_t size) const {
  if (offset <= 1) return std::span<const std::byte>();  // 0 and 1 both mean "inside"
  const std::span<const std::byte> all = file_.all();
  if (offset > all.size() || size > all.size() - offset)
    return InvalidModel("{} bytes at offset {}, expected to end within the {} of the file", size,
                        offset, all.size());
  return all.subspan(offset, size);
}

Result<std::span<const std::byte>> Source::Aligned(std::span<const std::byte> bytes,
                                                   size_t alignment) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0) return bytes;
  std::span<const std::byte>& copy = copies_[{bytes.data(), bytes.size()}];
  if (copy.empty() && !bytes.empty()) {
    HEDDLE_TRY(Take(bytes.size(), 1));
    copy = file_.AlignedCopy(bytes);
  }
  return copy;
}

Result<int32_t> Source::Strings(std::span<const std::byte> bytes) {
  const auto known = strings_.find({bytes.data(), bytes.size()});
  if (known != strings_.end()) return known->second;

  const auto number = [&](size_t i) {
    int32_t n;
    std::memcpy(&n, bytes.data() + i * sizeof(n), sizeof(n));
    return n;
  };
  const size_t words = bytes.size() / sizeof(int32_t);
  if (words < 2) return InvalidModel("{} bytes of strings, expected at least 8", bytes.size());
  const int32_t count = number(0);
  if (count < 0 || static_cast<size_t>(count) > words - 2)
    return InvalidModel("{} strings in {} bytes", count, bytes.size());
  HEDDLE_TRY(Take(static_cast<size_t>(count), sizeof(int32_t)));  // buffers may overlap
  // Word 1 + i is where string i begins, word 1 + count is where the last one ends.
  int64_t end = (int64_t{count} + 2) * 4;
  for (int32_t i = 0; i <= count; ++i) {
    const int64_t next = number(1 + static_cast<size_t>(i));
    if (next < end || (i == 0 && next != end) || next > static_cast<int64_t>(bytes.size()))
      return InvalidModel("string {} at byte {}, expected {} to {}", i, next, end, bytes.size());
    end = next;
  }
  strings_[{bytes.data(), bytes.size()}] = count;
  return count;
}

}  // namespace heddle::core
