// SPDX-License-Identifier: Apache-2.0
// The custom operators of an engine, as its owner registered them (heddle/c_custom.h).
#ifndef HEDDLE_ENGINE_REGISTERED_OPERATORS_H_
#define HEDDLE_ENGINE_REGISTERED_OPERATORS_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "heddle/c_custom.h"
#include "plan/make_operation.h"

namespace heddle::core {

// One of them, with the name that it goes by. Frees what `user` points to.
class RegisteredOperator;

// Thread-safe. A model keeps what was registered when it was loaded.
class OperatorRegistry {
 public:
  // REQUIRES: as many bytes as heddle_operator has here.
  Status Add(const heddle_operator& op);
  std::shared_ptr<const OperatorSource> Current() const;

 private:
  using Table = std::map<std::string, std::shared_ptr<const RegisteredOperator>, std::less<>>;
  class Source;

  mutable std::mutex mutex_;
  Table table_;
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_REGISTERED_OPERATORS_H_
