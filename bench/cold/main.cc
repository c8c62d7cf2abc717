// SPDX-License-Identifier: Apache-2.0
// bench_cold [--rounds N] [--cores N] MODEL...: how long a process takes from a model's file to its
// answers, with and without a cache of packed weights. Each measurement is a process of its own.
#include <fmt/format.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/background.h"
#include "engine/loaded_model.h"

namespace heddle::bench {
namespace {

constexpr std::array kColumns = {"open", "ready", "first run", "steady run"};
using Times = std::array<double, kColumns.size()>;  // ms

[[noreturn]] void Give(std::string_view what, const Status& status) {
  fmt::print(stderr, "bench_cold: {}: {}\n", what, status.message());
  _exit(1);
}

template <class T>
T OrEnd(std::string_view what, Result<T> result) {
  if (!result.ok()) Give(what, result.status());
  return std::move(result).value();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Floats in [-1, 1), bytes of any value, zeros else.
struct Inputs {
  explicit Inputs(const core::Ports& ports) {
    for (const core::PortInfo& port : ports.inputs) {
      std::vector<std::byte>& to =
          bytes.emplace_back(core::TypeBytes(port.type, port.default_shape.elements()));
      uint32_t state = 1;
      const size_t size = core::TypeBits(port.type) / 8;
      for (size_t i = 0; size > 0 && i + size <= to.size(); i += size) {
        state = state * 1664525u + 1013904223u;
        const float value = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
        if (port.type == core::Type::kFloat32) std::memcpy(&to[i], &value, sizeof(value));
        if (size == 1) to[i] = static_cast<std::byte>(state >> 24);
      }
      heddle_tensor& tensor = tensors.emplace_back();
      tensor.struct_size = sizeof(tensor);
      tensor.type = static_cast<heddle_type>(port.type);
      tensor.rank = HEDDLE_SHAPE_OF_MODEL;
      tensor.data = to.data();
      tensor.bytes = to.size();
    }
    request.inputs = tensors.data();
    request.input_count = tensors.size();
    request.fresh_state = true;
  }

  std::vector<std::vector<std::byte>> bytes;
  std::vector<heddle_tensor> tensors;
  core::RunRequest request;
};

// `folder`: of the cache; "": none.
Times MeasureHere(const std::string& path, const std::string& folder, int cores) {
  core::EngineOptions options;
  options.cores = cores;
  // However small the model: what is worth it is to be seen.
  if (!folder.empty()) options.cache = core::PackedCache({.folder = folder, .smallest_bytes = 0});
  const auto engine = std::make_shared<core::EngineCore>(options);
  Times times{};
  int64_t last = core::SystemClock().NowNs();
  const auto lap = [&] {
    const int64_t now = core::SystemClock().NowNs();
    return 1e-6 * static_cast<double>(now - std::exchange(last, now));
  };
  auto model = OrEnd(path, core::Model::ReadFile(path));
  times[0] = lap();
  const auto loaded = OrEnd(
      path, core::LoadedModel::Load(engine, std::move(model), core::Numerics::kFast, "", false));
  times[1] = lap();
  const Inputs inputs(*OrEnd(path, loaded->FindPorts(nullptr)));
  const auto run = [&] { OrEnd(path, loaded->Run(inputs.request)); };
  lap();
  run();
  times[2] = lap();
  std::vector<double> steady;
  for (int i = 0; i < 30; ++i) {
    run();
    steady.push_back(lap());
  }
  times[3] = Median(steady);
  core::Background::OfProcess().Finish(std::chrono::minutes(1));
  return times;
}

// On the last core that this process may use.
void StayOnOneCore() {
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  int last = CPU_SETSIZE - 1;
  while (last > 0 && !CPU_ISSET(last, &allowed)) --last;
  CPU_ZERO(&one);
  CPU_SET(last, &one);
  sched_setaffinity(0, sizeof(one), &one);
}

Times Measure(const std::string& path, const std::string& folder, int cores) {
  int ends[2];
  if (pipe(ends) != 0) Give("pipe", Status(Code::kInternal, "cannot be made"));
  const pid_t child = fork();
  if (child == 0) {
    if (cores == 1) StayOnOneCore();
    const Times times = MeasureHere(path, folder, cores);
    _exit(write(ends[1], times.data(), sizeof(times)) == sizeof(times) ? 0 : 1);
  }
  close(ends[1]);
  Times times{};
  const bool whole = read(ends[0], times.data(), sizeof(times)) == sizeof(times);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  if (!whole) _exit(1);
  return times;
}

void Compare(const std::string& path, int rounds, int cores) {
  std::string folder = std::filesystem::temp_directory_path() / "bench_cold_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) Give(folder, Status(Code::kInternal, "cannot be made"));
  Measure(path, folder, cores);  // what it packs is kept
  std::array<std::vector<Times>, 2> all;
  for (int round = 0; round < rounds; ++round)
    for (const size_t cached : {size_t{0}, size_t{1}})
      all[cached].push_back(Measure(path, cached == 1 ? folder : "", cores));
  fmt::print("{}\n{:12}", path, "");
  for (const char* column : kColumns) fmt::print("{:>12}", column);
  fmt::print("{:>14}\n", "first/steady");
  for (const size_t cached : {size_t{0}, size_t{1}}) {
    Times median{};
    for (size_t c = 0; c < median.size(); ++c) {
      std::vector<double> column;
      for (const Times& times : all[cached]) column.push_back(times[c]);
      median[c] = Median(column);
    }
    fmt::print("{:12}", cached == 1 ? "with cache" : "without");
    for (const double ms : median) fmt::print("{:>9.2f} ms", ms);
    fmt::print("{:>14.2f}\n", median[2] / median[3]);
    std::fflush(stdout);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

}  // namespace
}  // namespace heddle::bench

int main(int argc, char** argv) {
  int rounds = 11, cores = 1;
  std::vector<std::string> models(argv + 1, argv + argc);
  while (models.size() > 1 && (models[0] == "--rounds" || models[0] == "--cores")) {
    const std::string& number = models[1];
    std::from_chars(number.data(), number.data() + number.size(),
                    models[0] == "--rounds" ? rounds : cores);
    models.erase(models.begin(), models.begin() + 2);
  }
  if (models.empty() || rounds < 1 || cores < 1) {
    fmt::print(stderr, "usage: bench_cold [--rounds N] [--cores N] MODEL...\n");
    return 2;
  }
  for (const std::string& model : models) heddle::bench::Compare(model, rounds, cores);
  return 0;
}
