// SPDX-License-Identifier: Apache-2.0
// Four cameras that send faster than the machine computes: of each only the latest frame waits.
// Instead of a slot, a lock and a thread for each camera.
//   cameras MODEL.tflite [FRAMES]
#include <heddle/queue.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr size_t kCameras = 4;
struct Camera {
  std::atomic<size_t> seen{0}, skipped{0};

  void Send(heddle::Queue& queue, const heddle::Model& model, uint64_t id, size_t frames) {
    std::vector<float> frame(64);  // copied, since the next one overwrites it
    heddle::SubmitOptions options;
    options.stream = id;
    options.copy_inputs = true;
    for (size_t i = 0; i < frames; ++i) {
      frame[i % 64] = 16.0f;
      auto ticket = queue.Submit(model, {{nullptr, frame}}, options);
      if (!ticket.ok()) continue;
      std::move(*ticket).Then(
          [this](const heddle::Result<heddle::Outputs>& out) { ++(out.ok() ? seen : skipped); });
    }
  }
};

heddle::Status Run(const char* path, size_t frames) {
  const heddle::Engine engine;
  HEDDLE_ASSIGN(const heddle::Model model, engine.Load(path));
  heddle::Queue queue({.policy = heddle::Policy::kLatest});
  std::vector<Camera> cameras(kCameras);
  {
    std::vector<std::jthread> threads;
    for (size_t c = 0; c < kCameras; ++c)
      threads.emplace_back([&, c] { cameras[c].Send(queue, model, c + 1, frames); });
  }
  HEDDLE_TRY(queue.Drain());
  for (size_t c = 0; c < kCameras; ++c)
    std::printf("camera %zu: %zu frames seen, %zu skipped for newer ones\n", c + 1,
                cameras[c].seen.load(), cameras[c].skipped.load());
  HEDDLE_ASSIGN(const heddle_queue_counters counters, queue.ReadCounters());
  std::printf("never more than %zu frames waited\n", static_cast<size_t>(counters.most_waiting));
  return heddle::Status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const heddle::Status status = Run(argv[1], argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10000);
  if (!status.ok()) std::fprintf(stderr, "cameras: %s\n", status.c_str());
  return status.ok() ? 0 : 1;
}
