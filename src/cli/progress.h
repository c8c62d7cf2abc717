// SPDX-License-Identifier: Apache-2.0
// A bar on standard error while something long runs, with what is left; nothing where that is no
// terminal.
#ifndef HEDDLE_CLI_PROGRESS_H_
#define HEDDLE_CLI_PROGRESS_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace heddle::cli {

// One thread at a time.
class Progress {
 public:
  Progress(std::string what, size_t total);
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(size_t done, std::string_view note = "");
  // Takes the bar away, so that a line can be printed in its place.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  size_t total_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point start_, last_;
};

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_PROGRESS_H_
