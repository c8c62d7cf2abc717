// SPDX-License-Identifier: Apache-2.0
// Results in the order of submission, computed side by side. Instead of a pool of threads, a queue
// and a buffer that puts results back in order.
//   ordered MODEL.tflite [FRAMES]
#include <heddle/queue.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

heddle::Status Run(const char* path, size_t frames) {
  const heddle::Engine engine;
  HEDDLE_ASSIGN(const heddle::Model model, engine.Load(path));
  heddle::Queue queue({.most_requests = 16, .policy = heddle::Policy::kBlock});
  heddle::SubmitOptions options;
  options.stream = 1;
  options.in_order = true;
  std::vector<std::vector<float>> images(frames, std::vector<float>(64));
  std::vector<size_t> ended;  // callbacks of a stream come one after another
  ended.reserve(frames);

  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < frames; ++i) {
    images[i][i % 64] = 16.0f;
    HEDDLE_ASSIGN(heddle::Ticket ticket, queue.Submit(model, {{nullptr, images[i]}}, options));
    std::move(ticket).Then([&ended, i](const heddle::Result<heddle::Outputs>& out) {
      if (out.ok()) ended.push_back(i);
    });
  }
  HEDDLE_TRY(queue.Join());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;

  size_t in_order = 0;
  for (size_t i = 0; i < ended.size(); ++i) in_order += ended[i] == i;
  std::printf("%zu frames, %zu in their place, %.0f a second, never more than 16 at a time\n",
              ended.size(), in_order, static_cast<double>(frames) / took.count());
  if (in_order == frames) return heddle::Status();
  return {heddle::Code::kInternal, "out of order"};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const heddle::Status status = Run(argv[1], argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1000);
  if (!status.ok()) std::fprintf(stderr, "ordered: %s\n", status.c_str());
  return status.ok() ? 0 : 1;
}
