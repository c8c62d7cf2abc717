// SPDX-License-Identifier: Apache-2.0
// Zip archives as numpy writes them: stored or deflated members, zip64 sizes.
#ifndef HEDDLE_CLI_ZIP_H_
#define HEDDLE_CLI_ZIP_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "heddle/status.h"

namespace heddle::cli {

struct ZipMember {
  std::string name;
  uint16_t method = 0;  // 0: stored, 8: deflated
  uint32_t crc = 0;
  uint64_t packed_bytes = 0, bytes = 0;
  uint64_t header = 0;  // offset of the local header
};

// The central directory. Offsets and sizes have not been followed yet: ReadMember checks them.
Result<std::vector<ZipMember>> ListZip(std::span<const std::byte> archive);
// Takes at most 1032 times the packed bytes of memory, and checks the CRC.
Result<std::vector<std::byte>> ReadMember(std::span<const std::byte> archive,
                                          const ZipMember& member);
// Its first `limit` bytes, or all of them; no CRC.
Result<std::vector<std::byte>> ReadMemberHead(std::span<const std::byte> archive,
                                              const ZipMember& member, uint64_t limit);

// Collects members and gives the archive. A member is deflated where that makes it smaller.
class ZipWriter {
 public:
  Status Add(const std::string& name, std::span<const std::byte> content);
  std::vector<std::byte> Finish();

 private:
  void Put(uint64_t value, int bytes);

  std::vector<ZipMember> members_;
  std::vector<std::byte> out_;
};

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_ZIP_H_
