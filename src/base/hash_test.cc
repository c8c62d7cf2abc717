// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace heddle::core {
namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// The examples of FIPS 180-2.
TEST(Sha256Hex, PublishedVectors) {
  EXPECT_EQ(*Sha256Hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(*Sha256Hex(Bytes("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(*Sha256Hex(Bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// Names of cache entries depend on these values: they may not change with the library or the
// machine.
TEST(ContentHash, Xxh3) {
  EXPECT_EQ(ContentHash({}), 0x2d06800538d394c2u);
  EXPECT_EQ(ContentHash(Bytes("abc")), 0x78af5f94892f3950u);
}

TEST(ContentHash, EveryByteLengthAndSeedCounts) {
  std::set<uint64_t> hashes;
  const std::string text(300, 'a');
  for (size_t n = 0; n <= text.size(); ++n) hashes.insert(ContentHash(Bytes(text.substr(0, n))));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'b';
    hashes.insert(ContentHash(Bytes(other)));
  }
  hashes.insert(ContentHash(Bytes(text), 1));
  EXPECT_EQ(hashes.size(), 301u + 300u + 1u);
}

}  // namespace
}  // namespace heddle::core
