// SPDX-License-Identifier: Apache-2.0
// For tests only: a folder of made-up files that is gone when the test is.
#ifndef HEDDLE_BASE_TESTING_TEMP_TREE_H_
#define HEDDLE_BASE_TESTING_TEMP_TREE_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace heddle::core {

class TempTree {
 public:
  TempTree() {
    root_ = testing::TempDir() + "/heddle_tree_XXXXXX";
    EXPECT_NE(mkdtemp(root_.data()), nullptr) << root_;
  }
  ~TempTree() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;

  const std::string& root() const { return root_; }
  std::string path(const std::string& name) const { return root_ + "/" + name; }

  // Makes the folders on the way; returns the path.
  std::string Write(const std::string& name, const std::string& content) const {
    const std::string file = path(name);
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << content;
    EXPECT_EQ(std::filesystem::file_size(file), content.size()) << file;
    return file;
  }
  void Remove(const std::string& name) const { std::filesystem::remove_all(path(name)); }

 private:
  std::string root_;
};

}  // namespace heddle::core

#endif  // HEDDLE_BASE_TESTING_TEMP_TREE_H_
