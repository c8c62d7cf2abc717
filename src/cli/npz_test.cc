// SPDX-License-Identifier: Apache-2.0
#include "cli/npz.h"

#include <gtest/gtest.h>

#include "cli/npy.h"
#include "cli/zip.h"

namespace heddle::cli {
namespace {

template <class T>
Array MakeArray(Kind kind, std::vector<int64_t> shape, std::vector<T> values) {
  Array array{kind, sizeof(T), std::move(shape), std::vector<std::byte>(values.size() * sizeof(T))};
  if (!values.empty()) std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int v : values) bytes.push_back(static_cast<std::byte>(v));
  return bytes;
}

// An npy file of version 1 with this header text.
std::vector<std::byte> NpyWith(std::string header, std::vector<std::byte> body, int version = 1) {
  std::string text = "\x93NUMPY";
  text += {static_cast<char>(version), 0};
  text += {static_cast<char>(header.size()), static_cast<char>(header.size() >> 8)};
  if (version > 1) text += {0, 0};
  text += header;
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

// numpy.savez_compressed(f, a=numpy.array([1.5, -2], '<f4'), s=numpy.array([b'ab', b'c'])),
// numpy 2.
const std::vector<std::byte>& NumpyFile() {
  static const auto* file = new std::vector<std::byte>(Bytes(
      {80,  75,  3,   4,   45,  0,   0,   0,   8,   0,   0,   0,   33,  0,   214, 67,  75,  5,
       255, 255, 255, 255, 255, 255, 255, 255, 5,   0,   20,  0,   97,  46,  110, 112, 121, 1,
       0,   16,  0,   136, 0,   0,   0,   0,   0,   0,   0,   75,  0,   0,   0,   0,   0,   0,
       0,   155, 236, 23,  234, 27,  16,  201, 200, 80,  198, 80,  173, 158, 146, 90,  156, 92,
       164, 110, 165, 160, 110, 147, 102, 162, 174, 163, 160, 158, 150, 95,  84,  82,  148, 152,
       23,  159, 95,  148, 146, 10,  18,  119, 75,  204, 41,  78,  5,   138, 23,  103, 36,  22,
       164, 2,   249, 26,  70,  58,  154, 58,  10,  181, 10,  20,  0,   46,  6,   134, 3,   246,
       12,  64,  2,   0,   80,  75,  3,   4,   45,  0,   0,   0,   8,   0,   0,   0,   33,  0,
       182, 53,  241, 215, 255, 255, 255, 255, 255, 255, 255, 255, 5,   0,   20,  0,   115, 46,
       110, 112, 121, 1,   0,   16,  0,   132, 0,   0,   0,   0,   0,   0,   0,   72,  0,   0,
       0,   0,   0,   0,   0,   155, 236, 23,  234, 27,  16,  201, 200, 80,  198, 80,  173, 158,
       146, 90,  156, 92,  164, 110, 165, 160, 94,  19,  108, 164, 174, 163, 160, 158, 150, 95,
       84,  82,  148, 152, 23,  159, 95,  148, 146, 10,  18,  119, 75,  204, 41,  78,  5,   138,
       23,  103, 36,  22,  164, 2,   249, 26,  70,  58,  154, 58,  10,  181, 10,  20,  0,   174,
       196, 164, 100, 6,   0,   80,  75,  1,   2,   45,  3,   45,  0,   0,   0,   8,   0,   0,
       0,   33,  0,   214, 67,  75,  5,   75,  0,   0,   0,   136, 0,   0,   0,   5,   0,   0,
       0,   0,   0,   0,   0,   0,   0,   0,   0,   128, 1,   0,   0,   0,   0,   97,  46,  110,
       112, 121, 80,  75,  1,   2,   45,  3,   45,  0,   0,   0,   8,   0,   0,   0,   33,  0,
       182, 53,  241, 215, 72,  0,   0,   0,   132, 0,   0,   0,   5,   0,   0,   0,   0,   0,
       0,   0,   0,   0,   0,   0,   128, 1,   130, 0,   0,   0,   115, 46,  110, 112, 121, 80,
       75,  5,   6,   0,   0,   0,   0,   2,   0,   2,   0,   102, 0,   0,   0,   1,   1,   0,
       0,   0,   0}));
  return *file;
}

TEST(Npz, ReadsWhatNumpyWrites) {
  const Result<ArrayMap> arrays = ParseNpz(NumpyFile());
  ASSERT_TRUE(arrays.ok()) << arrays.status().message();
  ASSERT_EQ(arrays->size(), 2u);
  const Array& a = arrays->at("a");
  EXPECT_EQ(a.TypeText(), "f4");
  EXPECT_EQ(a.shape, std::vector<int64_t>{2});
  EXPECT_EQ(a.At<float>(0), 1.5f);
  EXPECT_EQ(a.At<float>(1), -2.0f);
  const Array& s = arrays->at("s");
  EXPECT_EQ(s.TypeText(), "S2");
  EXPECT_EQ(s.data, Bytes({'a', 'b', 'c', 0}));
}

TEST(Npz, RoundTrip) {
  std::vector<NamedArray> written;
  written.emplace_back("plain", MakeArray<int64_t>(Kind::kInt, {2, 1}, {-1, 1LL << 40}));
  written.emplace_back("a/b:0", MakeArray<double>(Kind::kFloat, {}, {0.1}));
  written.emplace_back("none", MakeArray<uint8_t>(Kind::kUInt, {3, 0, 2}, {}));
  written.emplace_back("long", MakeArray<float>(Kind::kFloat, {5000}, std::vector<float>(5000, 2)));
  const Result<std::vector<std::byte>> file = FormatNpz(written);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_LT(file->size(), 3000u);  // the long one is deflated
  const Result<ArrayMap> read = ParseNpz(*file);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->size(), written.size());
  for (const auto& [name, array] : written) {
    const Array& back = read->at(name);
    EXPECT_EQ(back.TypeText(), array.TypeText()) << name;
    EXPECT_EQ(back.shape, array.shape) << name;
    EXPECT_EQ(back.data, array.data) << name;
  }
}

// Every byte of the file, changed: an error or other arrays, never a read outside (sanitizers
// watch).
TEST(Npz, ChangedBytesDoNoHarm) {
  int refused = 0;
  for (size_t i = 0; i < NumpyFile().size(); ++i) {
    for (const int bits : {0x01, 0x80, 0xFF}) {
      std::vector<std::byte> file = NumpyFile();
      file[i] ^= static_cast<std::byte>(bits);
      refused += !ParseNpz(file).ok();
    }
  }
  EXPECT_GT(refused, 600);
}

TEST(Npz, CutFilesAreRefused) {
  for (size_t size = 0; size < NumpyFile().size(); ++size) {
    EXPECT_FALSE(ParseNpz(std::span(NumpyFile()).first(size)).ok()) << size;
  }
}

TEST(Npz, SaysWhichArrayIsBroken) {
  ZipWriter zip;
  ASSERT_TRUE(zip.Add("bad.npy", Bytes({1, 2, 3})).ok());
  const Status status = ParseNpz(zip.Finish()).status();
  EXPECT_EQ(status.message(), "array 'bad': not an npy file: it does not begin with \\x93NUMPY");
}

TEST(Npy, FortranOrderBecomesCOrder) {
  const std::string header = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }\n";
  const Result<Array> array =
      ParseNpy(NpyWith(header, Bytes({0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 5, 0})));
  ASSERT_TRUE(array.ok()) << array.status().message();
  EXPECT_EQ(array->shape, (std::vector<int64_t>{2, 3}));
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(array->At<int16_t>(i), static_cast<int16_t>(i));
}

TEST(Npy, EveryVersion) {
  const std::string header = "{'descr': '|b1', 'fortran_order': False, 'shape': (1,), }\n";
  for (const int version : {1, 2, 3}) {
    EXPECT_TRUE(ParseNpy(NpyWith(header, Bytes({1}), version)).ok()) << version;
  }
  EXPECT_EQ(ParseNpy(NpyWith(header, Bytes({1}), 4)).status().code(), Code::kUnsupported);
}

TEST(Npy, RefusesWhatItCannotRead) {
  const auto refused = [](const std::string& descr, const std::string& shape, size_t bytes) {
    const std::string header =
        "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }";
    return !ParseNpy(NpyWith(header, std::vector<std::byte>(bytes))).ok();
  };
  EXPECT_FALSE(refused("'<f4'", "(2,)", 8));
  EXPECT_TRUE(refused("'<f4'", "(2,)", 7));
  EXPECT_TRUE(refused("'<f4'", "(2,)", 9));
  EXPECT_TRUE(refused("'>f4'", "(2,)", 8));
  EXPECT_TRUE(refused("'<f3'", "(2,)", 6));
  EXPECT_TRUE(refused("'|O'", "(1,)", 8));
  EXPECT_TRUE(refused("[('a', '<f4')]", "(1,)", 4));
  EXPECT_TRUE(refused("'<f4'", "(-1,)", 0));
  EXPECT_TRUE(refused("'<f4'", "(4611686018427387904, 4611686018427387904)", 0));
  EXPECT_TRUE(refused("'<f4'", "2", 8));
  EXPECT_TRUE(refused("'<f4", "(2,)", 8));
}

}  // namespace
}  // namespace heddle::cli
