// SPDX-License-Identifier: Apache-2.0
#include "slot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "contestants.h"

namespace heddle::bench {
namespace {

constexpr int64_t kWarmNs = 60'000'000;  // a process starts and its callers call already

// What the parent tells its child, in this order, after the contestant's name.
struct Orders {
  int64_t callers, threads, regions, tiles, tile_iterations, tile_ns, begin_ns, end_ns;
  static constexpr size_t kCount = 8;
  std::array<int64_t*, kCount> Fields() {
    return {&callers, &threads, &regions, &tiles, &tile_iterations, &tile_ns, &begin_ns, &end_ns};
  }
};

void SleepUntil(int64_t ns) {
  const timespec when{static_cast<time_t>(ns / 1'000'000'000),
                      static_cast<long>(ns % 1'000'000'000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
  }
}

int64_t ProcessCpuNs() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

std::vector<int64_t> CallUntilEnd(Contestant& contestant, const Orders& orders) {
  const Request request{orders.regions, orders.tiles, orders.tile_iterations,
                        static_cast<double>(orders.tile_ns)};
  std::vector<int64_t> latencies;
  latencies.reserve(1 << 16);
  const core::Clock& clock = core::SystemClock();
  int64_t begin = clock.NowNs();
  while (begin < orders.end_ns) {
    contestant.Call(request);
    const int64_t end = clock.NowNs();
    if (end >= orders.begin_ns && end < orders.end_ns) latencies.push_back(end - begin);
    begin = end;
  }
  return latencies;
}

class Child {
 public:
  Status Start(const std::string& self, const std::string& contestant, Orders orders) {
    std::vector<std::string> words{self, kSlotVerb, contestant};
    for (const int64_t* field : orders.Fields()) words.push_back(std::to_string(*field));
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return core::SystemError(errno, "pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    const int error = posix_spawn(&pid_, self.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    out_ = ends[0];
    return error == 0 ? Status() : core::SystemError(error, self);
  }

  // The CPU time of the slot first, then latencies.
  Result<std::vector<int64_t>> Finish() {
    std::vector<int64_t> numbers(1 << 20);
    size_t bytes = 0;
    ssize_t got = 1;
    while (got > 0 && bytes < numbers.size() * sizeof(int64_t)) {
      got = read(out_, reinterpret_cast<char*>(numbers.data()) + bytes,
                 numbers.size() * sizeof(int64_t) - bytes);
      if (got > 0) bytes += static_cast<size_t>(got);
    }
    close(out_);
    int status = 0;
    waitpid(pid_, &status, 0);
    if (status != 0 || bytes < sizeof(int64_t))
      return Status(Code::kInternal, fmt::format("a slot's process ended with status {}", status));
    numbers.resize(bytes / sizeof(int64_t));
    return numbers;
  }

 private:
  pid_t pid_ = 0;
  int out_ = -1;
};

double QuantileMs(const std::vector<int64_t>& sorted, double q) {
  const auto last = static_cast<double>(sorted.size() - 1);
  return static_cast<double>(sorted[static_cast<size_t>(q * last + 0.5)]) * 1e-6;
}

}  // namespace

Result<Measured> Measure(const std::string& self, const Slot& slot) {
  const int64_t begin = core::SystemClock().NowNs() + kWarmNs;
  const Orders orders{slot.callers,
                      slot.threads,
                      slot.request.regions,
                      slot.request.tiles,
                      slot.request.tile_iterations,
                      static_cast<int64_t>(slot.request.tile_ns),
                      begin,
                      begin + static_cast<int64_t>(slot.seconds * 1e9)};
  std::vector<Child> children(static_cast<size_t>(slot.processes));
  for (Child& child : children) HEDDLE_TRY(child.Start(self, slot.contestant, orders));
  std::vector<int64_t> latencies;
  int64_t cpu_ns = 0;
  for (Child& child : children) {
    HEDDLE_ASSIGN(const std::vector<int64_t> numbers, child.Finish());
    cpu_ns += numbers[0];
    latencies.insert(latencies.end(), numbers.begin() + 1, numbers.end());
  }
  if (latencies.empty()) latencies.push_back(orders.end_ns - orders.begin_ns);
  std::sort(latencies.begin(), latencies.end());
  const auto calls = static_cast<double>(latencies.size());
  return Measured{calls / slot.seconds, QuantileMs(latencies, 0.5), QuantileMs(latencies, 0.99),
                  static_cast<double>(cpu_ns) * 1e-6 / calls};
}

int ServeSlot(const std::vector<std::string>& arguments) {
  Orders orders{};
  if (arguments.size() != 1 + Orders::kCount) return 2;
  for (size_t i = 0; i < Orders::kCount; ++i) {
    const std::string& word = arguments[1 + i];
    std::from_chars(word.data(), word.data() + word.size(), *orders.Fields()[i]);
  }
  const auto contestant = MakeContestant(arguments[0], static_cast<int>(orders.threads));
  if (contestant == nullptr) return 2;
  std::vector<std::vector<int64_t>> latencies(static_cast<size_t>(orders.callers));
  int64_t cpu_ns = 0;
  {
    std::vector<std::jthread> callers;
    for (auto& own : latencies)
      callers.emplace_back([&] { own = CallUntilEnd(*contestant, orders); });
    SleepUntil(orders.begin_ns);
    cpu_ns = ProcessCpuNs();
    SleepUntil(orders.end_ns);
    cpu_ns = ProcessCpuNs() - cpu_ns;
  }
  fwrite(&cpu_ns, sizeof(cpu_ns), 1, stdout);
  for (const auto& own : latencies) fwrite(own.data(), sizeof(int64_t), own.size(), stdout);
  fflush(stdout);
  _exit(0);  // pools that are at fault when a process ends are none of the question
}

}  // namespace heddle::bench
