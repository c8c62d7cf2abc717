// SPDX-License-Identifier: Apache-2.0
#include "cli/given_inputs.h"

#include <algorithm>

#include "base/errors.h"
#include "cli/files.h"
#include "cli/npy.h"
#include "cli/npz.h"
#include "cli/text.h"
#include "cli/verb.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;

constexpr size_t kListWidth = 160;
constexpr uint64_t kMaxBytes = uint64_t{4} << 30;  // the engine's limit of one call

using NameOf = std::string Port::*;

std::string Counted(size_t k) { return fmt::format("input_{}", k); }

// Every input without an array gets the one of its name, unless it serves another.
Status ServeByName(const Ports& ports, const std::set<std::string>& names, NameOf name_of,
                   std::vector<std::string>& served) {
  const std::set<std::string> taken(served.begin(), served.end());
  std::set<std::string> now;
  for (size_t k = 0; k < ports.inputs.size(); ++k) {
    const std::string& name = ports.inputs[k].*name_of;
    if (!served[k].empty() || name.empty() || !names.contains(name) || taken.contains(name)) {
      continue;
    }
    if (!now.insert(name).second) {
      return InvalidArgument("array '{}': more than one input has this name, expected input_K",
                             name);
    }
    served[k] = name;
  }
  return Status();
}

Status ServeByNames(const Ports& ports, const std::set<std::string>& names,
                    std::vector<std::string>& served) {
  HEDDLE_TRY(ServeByName(ports, names, &Port::signature, served));
  return ServeByName(ports, names, &Port::tensor, served);
}

void ServeByPosition(const std::set<std::string>& names, std::vector<std::string>& served) {
  const std::set<std::string> taken(served.begin(), served.end());
  for (size_t k = 0; k < served.size(); ++k) {
    const std::string name = Counted(k);
    if (served[k].empty() && names.contains(name) && !taken.contains(name)) served[k] = name;
  }
}

bool IsCounted(const Ports& ports, const std::set<std::string>& names) {
  const std::string first = Counted(0);
  return names.contains(first) &&
         std::none_of(ports.inputs.begin(), ports.inputs.end(), [&](const Port& port) {
           return port.signature == first || port.tensor == first;
         });
}

Status CheckFits(const Array& head, const Port& port) {
  HEDDLE_TRY(CheckArray(head, port.type, port.name()));
  const size_t rank = static_cast<size_t>(port.shape.rank());
  if (rank > 0 && head.shape.size() != rank) {  // files say 0 where they do not know
    return InvalidArgument("input '{}' has shape {}, expected {} axes as in {}", port.name(),
                           head.ShapeText(), rank, port.shape.ToString());
  }
  uint64_t bytes = head.item;
  for (const int64_t size : head.shape) {
    if (!__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes) && bytes <= kMaxBytes)
      continue;
    return core::ResourceExhausted("input '{}' of shape {} and type {}: expected at most {} bytes",
                                   port.name(), head.ShapeText(), head.TypeText(), kMaxBytes);
  }
  return Status();
}

Status In(const std::string& path, const Status& status) {
  if (status.ok()) return status;
  return Status(status.code(), fmt::format("'{}': {}", path, status.message()));
}

std::string Names(const Ports& ports) {
  std::string names;
  for (const Port& port : ports.inputs) {
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", port.name());
  }
  return names.empty() ? "none" : names;
}

Status ReadArchive(const Ports& ports, const std::string& path, GivenArrays& arrays) {
  HEDDLE_ASSIGN(const NpzFile file, NpzFile::Open(path));
  const std::set<std::string> names = file.names();
  const Result<std::vector<std::string>> served = AssignArrays(ports, names);
  if (!served.ok()) return In(path, served.status());
  for (size_t k = 0; k < arrays.size(); ++k) {
    const std::string& name = (*served)[k];
    if (name.empty() || arrays[k]) continue;
    const Result<Array> head = file.Head(name);
    if (!head.ok()) return In(path, head.status());
    HEDDLE_TRY(In(path, CheckFits(*head, ports.inputs[k])));
    Result<Array> array = file.Read(name);
    if (!array.ok()) return In(path, array.status());
    arrays[k] = std::move(*array);
  }
  const auto none = [](const std::string& name) { return name.empty(); };
  if (std::all_of(served->begin(), served->end(), none)) {
    Complain(fmt::format("note: no array of '{}' is for an input: it has [{}], the model has {}",
                         path, Shortened(fmt::format("{}", fmt::join(names, ", ")), kListWidth),
                         Shortened(Names(ports), kListWidth)));
  }
  return Status();
}

Status ReadSingle(const Ports& ports, const std::string& item, GivenArrays& arrays) {
  const size_t equals = item.rfind('=');
  HEDDLE_ASSIGN(const size_t k, InputOf(ports, item.substr(0, equals)));
  if (arrays[k]) {
    return InvalidArgument("--input '{}': input '{}' is given twice", item, ports.inputs[k].name());
  }
  const std::string path = item.substr(equals + 1);
  HEDDLE_ASSIGN(const std::vector<std::byte> bytes, ReadFile(path));
  const Result<NpyHead> head = ParseNpyHead(bytes);
  if (!head.ok()) return In(path, head.status());
  HEDDLE_TRY(In(path, CheckFits(head->array, ports.inputs[k])));
  Result<Array> array = ParseNpy(bytes);
  if (!array.ok()) return In(path, array.status());
  arrays[k] = std::move(*array);
  return Status();
}

}  // namespace

Result<size_t> InputOf(const Ports& ports, const std::string& name) {
  for (const NameOf name_of : {&Port::signature, &Port::tensor}) {
    std::vector<size_t> found;
    for (size_t k = 0; k < ports.inputs.size(); ++k) {
      if (!name.empty() && ports.inputs[k].*name_of == name) found.push_back(k);
    }
    if (found.size() == 1) return found[0];
    if (found.size() > 1) {
      return InvalidArgument("'{}' is the name of inputs {}, expected input_K", name,
                             fmt::join(found, " and "));
    }
  }
  for (size_t k = 0; k < ports.inputs.size(); ++k) {
    if (name == Counted(k)) return k;
  }
  return core::NotFound("no input '{}', the model has {}", name, Names(ports));
}

Result<std::vector<std::string>> AssignArrays(const Ports& ports,
                                              const std::set<std::string>& names) {
  const std::vector<std::string> none(ports.inputs.size());
  std::vector<std::string> by_name = none;
  const Status named = ServeByNames(ports, names, by_name);
  const bool all = std::find(by_name.begin(), by_name.end(), "") == by_name.end();
  if (named.ok() && all) return by_name;
  if (IsCounted(ports, names)) {
    std::vector<std::string> counted = none;
    ServeByPosition(names, counted);
    std::set<std::string> rest = names;
    for (size_t k = 0; k < counted.size(); ++k) rest.erase(Counted(k));
    HEDDLE_TRY(ServeByNames(ports, rest, counted));
    return counted;
  }
  HEDDLE_TRY(named);
  ServeByPosition(names, by_name);
  return by_name;
}

Result<GivenArrays> ReadGiven(const Ports& ports, const InputFiles& files) {
  GivenArrays arrays(ports.inputs.size());
  for (const std::string& item : files.single) HEDDLE_TRY(ReadSingle(ports, item, arrays));
  if (!files.npz.empty()) HEDDLE_TRY(ReadArchive(ports, files.npz, arrays));
  return arrays;
}

FindArray FindIn(const GivenArrays& arrays) {
  return [&](int k) -> const Array* {
    const std::optional<Array>& array = arrays[static_cast<size_t>(k)];
    return array ? &*array : nullptr;
  };
}

}  // namespace heddle::cli
