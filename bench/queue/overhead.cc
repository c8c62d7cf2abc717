// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <thread>

#include "benches.h"
#include "cli/latency.h"
#include "heddle/queue.h"
#include "subject.h"

namespace heddle::bench {
namespace {

constexpr int kCalls = 200'000;
constexpr size_t kOutstanding = 64;  // of a submitter

}  // namespace

// Through the public interface, one after the other and then the other way round.
void MeasureOverhead(const std::string& model) {
  const Subject subject(model);
  Queue queue;
  cli::Latencies alone, queued;
  const auto run = [&] {
    const int64_t begin = NowNs();
    subject.Run();
    alone.Record(NowNs() - begin);
  };
  const auto submit = [&] {
    const int64_t begin = NowNs();
    {
      auto ticket = queue.Submit(subject.model(), subject.inputs());
      if (!ticket.ok() || !ticket->Wait().ok()) std::abort();
    }
    queued.Record(NowNs() - begin);
  };
  for (int i = 0; i < 1000; ++i) {
    run();
    submit();
  }
  alone = queued = {};
  for (int i = 0; i < kCalls; ++i) {
    if (i % 2 == 0) run();
    submit();
    if (i % 2 != 0) run();
  }
  for (const double q : {0.5, 0.9, 0.99})
    fmt::print("p{:<3g} Run {:8.3f} us, Submit and Wait {:8.3f} us: {:.3f} us more\n", 100 * q,
               1e3 * alone.QuantileMs(q), 1e3 * queued.QuantileMs(q),
               1e3 * (queued.QuantileMs(q) - alone.QuantileMs(q)));
}

void MeasureRate(const std::string& model, const Settings& settings) {
  const Subject subject(model);
  for (const int submitters : {1, 2, 4}) {
    const auto queue = std::make_shared<core::ModelQueue>(core::QueueLimits());
    std::vector<std::thread> threads;
    const int64_t begin = NowNs(), end = begin + static_cast<int64_t>(settings.seconds * 1e9);
    for (int t = 0; t < submitters; ++t) {
      threads.emplace_back([&] {
        std::array<core::ModelRequest*, kOutstanding> requests{};
        for (size_t i = 0; i % kOutstanding != 0 || NowNs() < end; ++i) {
          core::ModelRequest*& slot = requests[i % kOutstanding];
          if (slot != nullptr) queue->queue().Wait(*slot, -1);
          if (slot != nullptr) slot->Disown();
          slot = subject.Submit(*queue, {});
        }
        for (core::ModelRequest* request : requests) {
          if (request == nullptr) continue;
          queue->queue().Wait(*request, -1);
          request->Disown();
        }
      });
    }
    for (std::thread& t : threads) t.join();
    const double seconds = static_cast<double>(NowNs() - begin) * 1e-9;
    const core::QueueCounts& c = queue->queue().counts();
    fmt::print("{} submitting threads: {:.0f} requests/s, {:.1f} in a batch on average\n",
               submitters, static_cast<double>(c.succeeded.value()) / seconds,
               static_cast<double>(c.batched.value()) /
                   static_cast<double>(std::max<uint64_t>(1, c.batches.value())));
    static_cast<void>(queue->queue().Drain(false));
  }
}

}  // namespace heddle::bench
