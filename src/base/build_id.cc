// SPDX-License-Identifier: Apache-2.0
#include "base/build_id.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <string_view>

namespace heddle::core {
namespace {

size_t RoundUp4(size_t n) { return (n + 3) / 4 * 4; }

bool Holds(const dl_phdr_info& object, uintptr_t address) {
  for (const ElfW(Phdr) & segment : std::span(object.dlpi_phdr, object.dlpi_phnum)) {
    const uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && address >= begin && address - begin < segment.p_memsz)
      return true;
  }
  return false;
}

// Notes are a header, a name and a description, both padded to words.
std::string IdAmong(std::span<const std::byte> notes) {
  std::string text;
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), sizeof(note));
    notes = notes.subspan(sizeof(note));
    const size_t name = RoundUp4(note.n_namesz), id = RoundUp4(note.n_descsz);
    if (name > notes.size() || id > notes.size() - name) break;
    const std::string_view owner(reinterpret_cast<const char*>(notes.data()), note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && owner == std::string_view("GNU\0", 4)) {
      for (std::byte b : notes.subspan(name, note.n_descsz))
        fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned>(b));
      break;
    }
    notes = notes.subspan(name + id);
  }
  return text;
}

int ReadId(dl_phdr_info* object, size_t, void* arg) {
  if (!Holds(*object, reinterpret_cast<uintptr_t>(&BuildId))) return 0;
  for (const ElfW(Phdr) & segment : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
    std::string& id = *static_cast<std::string*>(arg);
    if (segment.p_type != PT_NOTE || !id.empty()) continue;
    id = IdAmong(
        {reinterpret_cast<const std::byte*>(object->dlpi_addr + segment.p_vaddr), segment.p_memsz});
  }
  return 1;
}

}  // namespace

std::string BuildId() {
  std::string id;
  dl_iterate_phdr(&ReadId, &id);
  return id;
}

}  // namespace heddle::core
