// SPDX-License-Identifier: Apache-2.0
// A State as bytes: a header, the memories, the marks of initialisers, the resources.
// Little-endian. The bytes come back from outside, so nothing in them is believed.
#include <algorithm>
#include <cstring>

#include "base/errors.h"
#include "base/hash.h"
#include "engine/state.h"

namespace heddle::core {
namespace {

constexpr uint64_t kMagic = 0x3154'534c'4444'4548;  // "HEDDLST1"

struct Header {
  uint64_t magic, fingerprint, hash;  // of all that follows
};

class Writer {
 public:
  template <class T>
  void Put(const T& value) {
    Put(&value, sizeof(value));
  }
  void Put(const void* data, size_t bytes) {
    const auto* from = static_cast<const std::byte*>(data);
    out.insert(out.end(), from, from + bytes);
  }
  void Put(const ResourceValue& value) {
    Put(static_cast<int8_t>(value.type));
    Put(static_cast<uint8_t>(value.shape.rank()));
    for (int32_t size : value.shape.dims()) Put(size);
    Put(static_cast<uint64_t>(value.bytes.size()));
    Put(value.bytes.data(), value.bytes.size());
  }
  std::vector<std::byte> out;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : left_(bytes) {}
  template <class T>
  bool Get(T* value) {
    std::span<const std::byte> bytes;
    if (!Get(sizeof(T), &bytes)) return false;
    std::memcpy(value, bytes.data(), sizeof(T));
    return true;
  }
  bool Get(size_t size, std::span<const std::byte>* bytes) {
    if (left_.size() < size) return false;
    *bytes = left_.first(size);
    left_ = left_.subspan(size);
    return true;
  }
  bool Get(ResourceValue* value);
  bool at_end() const { return left_.empty(); }

 private:
  std::span<const std::byte> left_;
};

bool StringsFit(const ResourceValue& value, int64_t elements) {
  const auto word = [&](int64_t i) {
    int32_t w;
    std::memcpy(&w, value.bytes.data() + i * 4, 4);
    return w;
  };
  if (value.bytes.size() < 8 || word(0) != elements ||
      value.bytes.size() / 4 < static_cast<uint64_t>(elements) + 2)
    return false;
  int64_t before = 4 * (elements + 2);
  for (int64_t i = 0; i <= elements; ++i) {
    const int64_t at = word(i + 1);
    if (at < before || static_cast<uint64_t>(at) > value.bytes.size()) return false;
    before = at;
  }
  return true;
}

bool Reader::Get(ResourceValue* value) {
  int8_t type = 0;
  uint8_t rank = 0;
  uint64_t size = 0;
  if (!Get(&type) || !Get(&rank) || rank > Shape::kMaxRank) return false;
  value->type = static_cast<Type>(type);
  for (int i = 0; i < rank; ++i) {
    int32_t dim = 0;
    if (!Get(&dim)) return false;
    value->shape.Append(dim);
  }
  int64_t elements = 0;
  if (!Get(&size) || !Get(size, &value->bytes) || !value->shape.CheckedElements(&elements))
    return false;
  if (value->type == Type::kNone) return size == 0;
  if (value->type == Type::kString) return StringsFit(*value, elements);
  if (value->type == Type::kVariant) return true;  // whoever reads a list looks at all of it
  return TypeBits(value->type) != 0 && size == TypeBytes(value->type, elements);
}

bool IsTable(const ResourceValue& keys, const ResourceValue& values) {
  const bool types = (keys.type == Type::kInt64 && values.type == Type::kString) ||
                     (keys.type == Type::kString && values.type == Type::kInt64);
  return types && keys.shape.elements() == values.shape.elements();
}

Status Broken() { return InvalidArgument("the saved state is cut off or changed"); }

}  // namespace

std::vector<std::byte> State::Save() const {
  Writer body;
  for (size_t i = 0; i < offsets_.size(); ++i)
    body.Put(memory(static_cast<int>(i)), layout_->memories[i].bytes);
  for (const bool done : done_) body.Put(static_cast<uint8_t>(done));
  for (size_t r = 0; r < resources_.size(); ++r) {
    if (layout_->of_model[r]) continue;
    const Resource& resource = resources_[r].resource;
    body.Put(static_cast<uint8_t>(resource.set));
    if (!resource.set) continue;
    body.Put(resource.value);
    body.Put(resource.keys);
  }
  Writer all;
  all.Put(Header{kMagic, layout_->fingerprint, ContentHash(body.out)});
  all.Put(body.out.data(), body.out.size());
  return std::move(all.out);
}

Status State::Restore(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  Header header{};
  if (!reader.Get(&header) || header.magic != kMagic)
    return InvalidArgument("{} bytes are not a saved state", bytes.size());
  if (header.fingerprint != layout_->fingerprint)
    return InvalidArgument("the saved state is of another model");
  if (header.hash != ContentHash(bytes.subspan(sizeof(Header)))) return Broken();
  HEDDLE_ASSIGN(std::unique_ptr<State> next, Make(layout_, budget_, of_model_));
  HEDDLE_TRY(next->Load(bytes.subspan(sizeof(Header))));
  Swap(*next);
  return Status();
}

Status State::Load(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  for (size_t i = 0; i < offsets_.size(); ++i) {
    std::span<const std::byte> from;
    if (!reader.Get(layout_->memories[i].bytes, &from)) return Broken();
    if (!from.empty()) std::memcpy(memory(static_cast<int>(i)), from.data(), from.size());
  }
  for (size_t i = 0; i < done_.size(); ++i) {
    uint8_t done = 0;
    if (!reader.Get(&done)) return Broken();
    done_[i] = done != 0;
  }
  for (size_t r = 0; r < resources_.size(); ++r) {
    if (layout_->of_model[r]) continue;
    uint8_t set = 0;
    if (!reader.Get(&set)) return Broken();
    if (set == 0) continue;
    ResourceValue value, keys;
    if (!reader.Get(&value) || !reader.Get(&keys)) return Broken();
    const auto id = static_cast<int32_t>(r);
    if (keys.type == Type::kNone) {
      HEDDLE_TRY(Assign(id, value));
    } else {
      if (!IsTable(keys, value)) return Broken();
      HEDDLE_TRY(Import(id, keys, value));
    }
  }
  return reader.at_end() ? Status() : Broken();
}

}  // namespace heddle::core
