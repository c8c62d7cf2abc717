// SPDX-License-Identifier: Apache-2.0
#include "base/peaks.h"

#include <algorithm>
#include <cstring>

#include "base/caches.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/peak_loops.h"

namespace heddle::core {
namespace {

constexpr int64_t kSliceNs = 50'000;
constexpr int kSlices = 5;  // the fastest counts: others were interrupted
constexpr int kMemorySlices = 3;
constexpr size_t kBuffer = 16 << 20;
constexpr const char* kLevels[] = {"L1", "L2", "L3", "L4"};

// Whether kernels of `isa` may use what `least` has; plain ones are held to all but AMX.
bool MayUse(Isa isa, Isa least) {
  if (isa == Isa::kPlain) return least != Isa::kAvx512Amx;
  return least <= isa && (least != Isa::kAvxVnni || VectorsOf(isa) == Isa::kAvx2);
}

bool Runs(Isa isa) {
  const std::vector<Isa>& isas = SupportedIsas();
  if (std::find(isas.begin(), isas.end(), isa) == isas.end()) return false;
  return isa != Isa::kAvx512Amx || AskForTiles();
}

template <class F>
int64_t TimeOf(const F& work) {
  const int64_t begin = SystemClock().NowNs();
  work();
  return std::max<int64_t>(1, SystemClock().NowNs() - begin);
}

// Of run(times), the time of one.
template <class F>
double FastestNs(const F& run) {
  int64_t times = 1;
  while (TimeOf([&] { run(times); }) < kSliceNs) times *= 2;
  int64_t fastest = INT64_MAX;
  for (int i = 0; i < kSlices; ++i) fastest = std::min(fastest, TimeOf([&] { run(times); }));
  return static_cast<double>(fastest) / static_cast<double>(times);
}

void MeasureProducts(Isa isa, Peaks& peaks) {
  for (const ProductLoop& loop : ProductLoops())
    if (MayUse(isa, loop.isa) && Runs(loop.isa))
      peaks.products.push_back({loop.instruction, loop.arithmetic, loop.isa, MacsPerNs(loop)});
}

// Half of each cache, so that it holds all of it.
void MeasureCaches(const std::byte* data, Peaks& peaks) {
  const Isa isa = SupportedIsas().back();
  size_t nearer = 0;
  const std::vector<size_t> sizes = ReadCacheSizes();
  for (size_t k = 0; k < std::min(sizes.size(), std::size(kLevels)); ++k) {
    const size_t bytes = std::min(sizes[k] / 2, kBuffer) / kReadBlock * kReadBlock;
    if (bytes <= nearer) break;
    const double ns = FastestNs([&](int64_t times) {
      for (int64_t i = 0; i < times; ++i) ReadThrough(data, bytes, isa);
    });
    peaks.reads.push_back({kLevels[k], sizes[k], static_cast<double>(bytes) / ns});
    nearer = sizes[k];
  }
}

void MeasureMemory(const std::byte* data, Peaks& peaks) {
  const Isa isa = SupportedIsas().back();
  int64_t fastest = INT64_MAX;
  for (int i = 0; i < kMemorySlices; ++i) {
    if (!Evict(data, kBuffer)) return;
    fastest = std::min(fastest, TimeOf([&] { ReadThrough(data, kBuffer, isa); }));
  }
  peaks.reads.push_back(
      {"memory", SIZE_MAX, static_cast<double>(kBuffer) / static_cast<double>(fastest)});
}

}  // namespace

double MacsPerNs(const ProductLoop& loop) {
  return static_cast<double>(loop.macs) / FastestNs(loop.run);
}

const ProductPeak* Peaks::Best(Arithmetic arithmetic, Isa isa) const {
  const ProductPeak* best = nullptr;
  for (const ProductPeak& peak : products) {
    if (!MayUse(isa, peak.isa) || peak.arithmetic != arithmetic) continue;
    if (best == nullptr || peak.macs_per_ns > best->macs_per_ns) best = &peak;
  }
  return best;
}

const ReadPeak* Peaks::LevelOf(size_t bytes) const {
  for (const ReadPeak& level : reads)
    if (bytes <= level.bytes) return &level;
  return reads.empty() ? nullptr : &reads.back();
}

Peaks MeasurePeaks(Isa isa) {
  Peaks peaks;
  MeasureProducts(isa, peaks);
  Result<AnonymousMemory> buffer = AnonymousMemory::Allocate(kBuffer);
  if (!buffer.ok()) return peaks;
  std::memset(buffer->data(), 1, kBuffer);  // untouched pages would all be the one of zeros
  MeasureCaches(buffer->data(), peaks);
  MeasureMemory(buffer->data(), peaks);
  return peaks;
}

}  // namespace heddle::core
