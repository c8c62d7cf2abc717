// SPDX-License-Identifier: Apache-2.0
#include "contestants.h"

#include <pthreadpool.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>

// libgomp's own entry points, which a compiler calls for `omp parallel`: no compiler here need know
// OpenMP.
extern "C" {
void GOMP_parallel(void (*body)(void*), void* arg, unsigned threads, unsigned flags);
int omp_get_thread_num();
int omp_get_num_threads();
}

namespace heddle::bench {
namespace {

class Alone final : public Contestant {
 public:
  void Call(const Request& request) override { CallAlone(request); }
};

class OfCrew final : public Contestant {
 public:
  void Call(const Request& request) override { CallWithCrew(request); }
};

class OneTbb final : public Contestant {
 public:
  explicit OneTbb(int threads)
      : limit_(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(threads)) {}
  void Call(const Request& request) override {
    for (int64_t r = 0; r < request.regions; ++r) {
      const auto tile = [&request](int64_t) { Burn(request.tile_iterations); };
      tbb::parallel_for(int64_t{0}, request.tiles, tile, tbb::static_partitioner());
    }
  }

 private:
  tbb::global_control limit_;
};

class Libgomp final : public Contestant {
 public:
  explicit Libgomp(int threads) : threads_(static_cast<unsigned>(threads)) {}
  void Call(const Request& request) override {
    for (int64_t r = 0; r < request.regions; ++r)
      GOMP_parallel(Share, const_cast<Request*>(&request), threads_, 0);
  }

 private:
  static void Share(void* arg) {
    const auto& request = *static_cast<const Request*>(arg);
    const int64_t self = omp_get_thread_num(), team = omp_get_num_threads();
    const int64_t end = request.tiles * (self + 1) / team;
    for (int64_t t = request.tiles * self / team; t < end; ++t) Burn(request.tile_iterations);
  }
  const unsigned threads_;
};

class Pthreadpool final : public Contestant {
 public:
  explicit Pthreadpool(int threads)
      : pool_(pthreadpool_create(static_cast<size_t>(threads)), pthreadpool_destroy) {}
  void Call(const Request& request) override {
    for (int64_t r = 0; r < request.regions; ++r) {
      const auto tile = [](void* arg, size_t) {
        Burn(static_cast<const Request*>(arg)->tile_iterations);
      };
      pthreadpool_parallelize_1d(pool_.get(), tile, const_cast<Request*>(&request),
                                 static_cast<size_t>(request.tiles), 0);
    }
  }

 private:
  std::unique_ptr<pthreadpool, void (*)(pthreadpool_t)> pool_;
};

}  // namespace

std::unique_ptr<Contestant> MakeContestant(std::string_view name, int threads) {
  if (name == "alone") return std::make_unique<Alone>();
  if (name == "crew") return std::make_unique<OfCrew>();
  if (name == "tbb") return std::make_unique<OneTbb>(threads);
  if (name == "gomp") return std::make_unique<Libgomp>(threads);
  if (name == "pthreadpool") return std::make_unique<Pthreadpool>(threads);
  return nullptr;
}

}  // namespace heddle::bench
