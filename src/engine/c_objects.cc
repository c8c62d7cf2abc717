// SPDX-License-Identifier: Apache-2.0
#include "engine/c_objects.h"

#include <new>

#include "heddle/c.h"

namespace heddle::core {
namespace {

// What is returned when there is no memory for an error; never freed.
heddle_status no_memory{OutOfMemory().code(), std::string(OutOfMemory().message()), 0};

}  // namespace

heddle_status* ToC(const Status& status) noexcept {
  if (status.ok()) return nullptr;
  auto* out = new (std::nothrow) heddle_status;
  if (out == nullptr) return &no_memory;
  try {
    out->code = status.code();
    out->message = status.message();
    out->retry_ns = status.retry_ns();
  } catch (const std::bad_alloc&) {
    delete out;
    return &no_memory;
  }
  return out;
}

Status CheckGiven(std::initializer_list<Argument> arguments) {
  for (const Argument& argument : arguments)
    if (argument.value == nullptr)
      return InvalidArgument("{} is NULL, expected a value", argument.name);
  return Status();
}

Status CheckOut(size_t given, size_t size) {
  if (given >= size) return Status();
  return InvalidArgument("struct_size is {}, expected {}", given, size);
}

Status CheckTensors(const heddle_tensor* tensors, size_t count) {
  if (count == 0) return Status();
  if (tensors == nullptr) return InvalidArgument("{} tensors are announced, none are given", count);
  if (tensors[0].struct_size < sizeof(heddle_tensor))
    return InvalidArgument("tensor struct_size is {}, expected {}", tensors[0].struct_size,
                           sizeof(heddle_tensor));
  return Status();
}

}  // namespace heddle::core

heddle_code heddle_status_code(const heddle_status* status) {
  return status == nullptr ? HEDDLE_OK : static_cast<heddle_code>(status->code);
}
const char* heddle_status_message(const heddle_status* status) {
  return status == nullptr ? "" : status->message.c_str();
}
int64_t heddle_status_retry_ns(const heddle_status* status) {
  return status == nullptr ? 0 : status->retry_ns;
}
void heddle_status_free(heddle_status* status) {
  if (status != &heddle::core::no_memory) delete status;
}
