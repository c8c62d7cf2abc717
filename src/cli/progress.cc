// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/text.h"

namespace heddle::cli {
namespace {

constexpr std::chrono::milliseconds kPause{100};  // between two pictures
constexpr int kBarWidth = 24;

}  // namespace

Progress::Progress(std::string what, size_t total)
    : what_(std::move(what)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_) {}

void Progress::Show(size_t done, std::string_view note) {
  const Clock::time_point now = Clock::now();
  if (!terminal_ || total_ == 0 || now - last_ < kPause) return;
  last_ = now;
  shown_ = true;
  const double share = static_cast<double>(done) / static_cast<double>(total_);
  const double spent = std::chrono::duration<double>(now - start_).count();
  const long left = share > 0 ? static_cast<long>(spent / share - spent) : 0;
  std::string bar = Bar(share, kBarWidth);
  size_t cells = 0;
  for (const char c : bar) cells += (c & 0xC0) != 0x80;
  bar.append(kBarWidth - cells, ' ');
  fmt::print(stderr, "\r\x1b[K{} ▕{}▏ {}/{}  {}:{:02} left  {}", what_, bar, done, total_,
             left / 60, left % 60, note);
  std::fflush(stderr);
}

void Progress::Clear() {
  if (!shown_) return;
  shown_ = false;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
}

}  // namespace heddle::cli
