// SPDX-License-Identifier: Apache-2.0
// What is measured of the queue; each prints what it found.
#ifndef HEDDLE_BENCH_QUEUE_BENCHES_H_
#define HEDDLE_BENCH_QUEUE_BENCHES_H_

#include <string>
#include <vector>

#include "serve/queue.h"

namespace heddle::bench {

struct Settings {
  double seconds = 1;
  int rounds = 7;
  int callers = 16;
  core::Batching batching = core::Batching::kMeasured;  // of overload and flood
};

// Throughput with the batches that the queue chooses, beside always and never batching, in
// interleaved rounds; and with one caller.
void CompareBatching(const std::vector<std::string>& models, const Settings& settings);
// What Submit and Wait take longer than Run.
void MeasureOverhead(const std::string& model);
// Requests a second through one queue.
void MeasureRate(const std::string& model, const Settings& settings);
// At three times what the machine carries.
void Overload(const std::string& model, const Settings& settings);
// A model with little traffic beside one that floods the queue.
void Flood(const std::string& quiet, const std::string& flooding, const Settings& settings);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_QUEUE_BENCHES_H_
