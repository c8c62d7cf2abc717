// SPDX-License-Identifier: Apache-2.0
// What stands behind the handles of the C interface, and what its functions have in common.
#ifndef HEDDLE_ENGINE_C_OBJECTS_H_
#define HEDDLE_ENGINE_C_OBJECTS_H_

#include <algorithm>
#include <atomic>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/caught.h"
#include "base/errors.h"
#include "base/fork.h"
#include "engine/loaded_model.h"
#include "engine/session.h"
#include "heddle/c.h"

struct heddle_status {
  heddle::Code code;
  std::string message;
  int64_t retry_ns;
};
struct heddle_engine {
  std::shared_ptr<heddle::core::EngineCore> core;
};
struct heddle_model {
  std::shared_ptr<heddle::core::LoadedModel> loaded;
};
struct heddle_session {
  std::shared_ptr<heddle::core::Session> session;
};
struct heddle_cancel {
  std::atomic<bool> set{false};
};
// The outputs of a call, wherever they lie.
struct heddle_outputs {
  virtual size_t Count() const = 0;
  virtual void Describe(size_t index, heddle_tensor* out) = 0;  // REQUIRES: index < Count()
  virtual heddle::Status Find(std::string_view name, heddle_tensor* out) = 0;
  virtual heddle::Status Kept(size_t tensor, heddle_tensor* out) = 0;
  virtual void Release() = 0;

 protected:
  ~heddle_outputs() = default;
};

namespace heddle::core {

heddle_status* ToC(const Status& status) noexcept;

// Runs `body`, which returns a Status, and lets nothing else out. A process forked during a call is
// told so before any lock that the fork may have caught is touched.
template <class F>
heddle_status* Guarded(F body) noexcept {
  const InFlight in_flight;
  return ToC(Caught([&]() -> Status {
    HEDDLE_TRY(CheckForked());
    return body();
  }));
}

// Ends the caller's hold on `object`. In a process forked during a call nobody may ever release the
// locks that its end needs: there it stays.
template <class T>
void Free(T* object) noexcept {
  const InFlight in_flight;
  if (object != nullptr && CheckForked().ok()) delete object;
}

// A pointer that a function cannot do without.
struct Argument {
  const char* name;
  const void* value;
};
Status CheckGiven(std::initializer_list<Argument> arguments);
// Of a struct that is filled in.
Status CheckOut(size_t given, size_t size);
Status CheckTensors(const heddle_tensor* tensors, size_t count);

// Of one that has grown: fields that the caller's does not have are left out.
template <class T>
Status Deliver(T filled, size_t least, T* out) {
  const size_t size = out->struct_size;
  HEDDLE_TRY(CheckOut(size, least));
  filled.struct_size = size;
  std::memcpy(static_cast<void*>(out), &filled, std::min(size, sizeof(T)));
  return Status();
}

// The caller's struct, as long as it is, over zeros: fields it does not know keep their defaults.
template <class T>
Result<T> Complete(const T* given) {
  T options{};
  if (given != nullptr) {
    if (given->struct_size < sizeof(size_t) || given->struct_size > 4096)
      return InvalidArgument("struct_size is {}, expected sizeof the struct", given->struct_size);
    std::memcpy(static_cast<void*>(&options), given, std::min(given->struct_size, sizeof(T)));
  }
  options.struct_size = sizeof(T);
  return options;
}

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_C_OBJECTS_H_
