// SPDX-License-Identifier: Apache-2.0
#include "cli/given_inputs.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "cli/files.h"
#include "cli/npy.h"
#include "cli/npz.h"

namespace heddle::cli {
namespace {

using Names = std::vector<std::string>;

Port PortOf(const std::string& tensor, const std::string& signature) {
  return {tensor, signature, core::Type::kFloat32, core::Shape{2}, {}};
}

// Named as converters name them: from 1, and of the other kind in the graph.
Ports CountedFromOne() {
  Ports ports;
  ports.inputs = {PortOf("serving_default_input_1:0", "input_1"),
                  PortOf("serving_default_input_2:0", "input_2")};
  return ports;
}

Array Floats(std::vector<int64_t> shape, float value) {
  Array array{Kind::kFloat, 4, std::move(shape), {}};
  for (size_t i = 0; i < array.elements(); ++i) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    array.data.insert(array.data.end(), bytes.begin(), bytes.end());
  }
  return array;
}

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "heddle.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Npy(const std::string& name, const Array& array) {
    const std::string path = folder_ + "/" + name;
    EXPECT_TRUE(WriteFile(path, FormatNpy(array)).ok());
    return path;
  }
  std::string Npz(const std::vector<NamedArray>& arrays) {
    const std::string path = folder_ + "/a.npz";
    const Result<std::vector<std::byte>> bytes = FormatNpz(arrays);
    EXPECT_TRUE(bytes.ok() && WriteFile(path, *bytes).ok());
    return path;
  }
  std::string folder_;
};

TEST_F(Files, EachOptionServesTheInputThatItNames) {
  const InputFiles files{
      "", {"input_1=" + Npy("a.npy", Floats({2}, 1)), "input_2=" + Npy("b.npy", Floats({2}, 2))}};
  const Result<GivenArrays> arrays = ReadGiven(CountedFromOne(), files);
  ASSERT_TRUE(arrays.ok()) << arrays.status().message();
  EXPECT_EQ((*arrays)[0]->At<float>(0), 1);
  EXPECT_EQ((*arrays)[1]->At<float>(0), 2);
}

TEST_F(Files, AnOptionWinsOverTheArchiveAndOneInputIsGivenOnce) {
  const std::string a = Npy("a.npy", Floats({2}, 1));
  const std::string both = Npz({{"input_1", Floats({2}, 7)}, {"input_2", Floats({2}, 8)}});
  const Result<GivenArrays> arrays = ReadGiven(CountedFromOne(), {both, {"input_0=" + a}});
  ASSERT_TRUE(arrays.ok()) << arrays.status().message();
  EXPECT_EQ((*arrays)[0]->At<float>(0), 1);
  EXPECT_EQ((*arrays)[1]->At<float>(0), 8);
  EXPECT_EQ(ReadGiven(CountedFromOne(), {"", {"input_0=" + a, "input_1=" + a}}).status().code(),
            Code::kInvalidArgument);
}

TEST_F(Files, AnArrayThatDoesNotFitIsRefused) {
  EXPECT_EQ(ReadGiven(CountedFromOne(), {Npz({{"input_1", Floats({1, 2}, 0)}}), {}})
                .status()
                .message()
                .substr(folder_.size() + 10),
            "input 'input_1' has shape 1x2, expected 1 axes as in 2");
  Array doubles{Kind::kFloat, 8, {2}, std::vector<std::byte>(16)};
  EXPECT_EQ(ReadGiven(CountedFromOne(), {"", {"input_1=" + Npy("a.npy", doubles)}}).status().code(),
            Code::kInvalidArgument);
}

TEST(AssignArrays, NamesServeWhereThereIsOneForEveryInput) {
  EXPECT_EQ(*AssignArrays(CountedFromOne(), {"input_1", "input_2"}), (Names{"input_1", "input_2"}));
  EXPECT_EQ(*AssignArrays(CountedFromOne(), {"input_0", "input_1", "input_2"}),
            (Names{"input_1", "input_2"}));
  EXPECT_EQ(*AssignArrays(CountedFromOne(), {"serving_default_input_1:0", "input_2"}),
            (Names{"serving_default_input_1:0", "input_2"}));
}

TEST(AssignArrays, ArraysCountedFromZeroServeByPosition) {
  EXPECT_EQ(*AssignArrays(CountedFromOne(), {"input_0", "input_1"}), (Names{"input_0", "input_1"}));
}

TEST(AssignArrays, NoArrayServesTwice) {
  EXPECT_EQ(*AssignArrays(CountedFromOne(), {"input_1"}), (Names{"input_1", ""}));
  EXPECT_EQ(*AssignArrays(CountedFromOne(), {"input_2"}), (Names{"", "input_2"}));
  Ports crossed;
  crossed.inputs = {PortOf("b", "a"), PortOf("a", "b")};
  EXPECT_EQ(*AssignArrays(crossed, {"a"}), (Names{"a", ""}));
  EXPECT_EQ(*AssignArrays(crossed, {"a", "b"}), (Names{"a", "b"}));
}

TEST(AssignArrays, ANameOfTwoInputsIsRefused) {
  Ports twins;
  twins.inputs = {PortOf("x", ""), PortOf("x", "")};
  EXPECT_EQ(AssignArrays(twins, {"x"}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(*AssignArrays(twins, {"input_0", "input_1"}), (Names{"input_0", "input_1"}));
  EXPECT_EQ(InputOf(twins, "x").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(*InputOf(twins, "input_1"), 1u);
  EXPECT_EQ(InputOf(twins, "y").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace heddle::cli
