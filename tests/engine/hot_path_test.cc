// SPDX-License-Identifier: Apache-2.0
// After warm-up a call allocates nothing, maps nothing and takes the engine's lock twice: at
// admission and completion. Nor does a request of a queue allocate. Counted by standing in front of
// libc, so this is a program of its own and is left out of sanitizer builds.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <set>

#include "digits.h"
#include "heddle/queue.h"
#include "stateful_models.h"

namespace {

thread_local bool counting = false;
std::atomic<bool> counting_everywhere{false};
std::atomic<int> allocations{0}, maps{0}, locks{0};
std::array<const void*, 64> locked;  // the first ones

template <class F>
F Next(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t n) {
  if (counting || counting_everywhere) ++allocations;
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t m) {
  if (counting || counting_everywhere) ++allocations;
  return __libc_calloc(n, m);
}
void* realloc(void* p, size_t n) {
  if (counting || counting_everywhere) ++allocations;
  return __libc_realloc(p, n);
}
void* aligned_alloc(size_t a, size_t n) {
  if (counting || counting_everywhere) ++allocations;
  return __libc_memalign(a, n);
}
void* mmap(void* at, size_t n, int protection, int flags, int file, off_t offset) {
  if (counting) ++maps;
  static const auto next = Next<decltype(&mmap)>("mmap");
  return next(at, n, protection, flags, file, offset);
}
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  if (counting && locks < static_cast<int>(locked.size()))
    locked[static_cast<size_t>(locks)] = mutex;
  if (counting) ++locks;
  static const auto next = Next<int (*)(pthread_mutex_t*)>("pthread_mutex_lock");
  return next(mutex);
}
}

namespace heddle {
namespace {

using testing::DigitsFile;
using testing::Fill;

struct Counts {
  int allocations, maps, locks;
};

template <class F>
Counts CountDuring(F body) {
  allocations = maps = locks = 0;
  counting = true;
  body();
  counting = false;
  return {allocations, maps, locks};
}

TEST(HotPath, TheCountersCount) {
  const Counts c = CountDuring([] { free(malloc(10)); });
  EXPECT_EQ(c.allocations, 1);
}

TEST(HotPath, AWarmCallAllocatesNothing) {
  const Engine engine;
  for (bool int8 : {false, true}) {
    auto model = engine.Load(DigitsFile(int8));
    ASSERT_TRUE(model.ok());
    ASSERT_TRUE(model->Warm({}, 1).ok());
    const auto in = Fill(*model, 1, 2);
    ASSERT_TRUE(model->Run({in.view}).ok());
    std::vector<uint8_t> mine(64);
    heddle_tensor_info info{};
    info.struct_size = sizeof(info);
    ASSERT_EQ(heddle_model_output(model->get(), nullptr, 0, &info), nullptr);
    TensorView out;
    out.type = info.type;
    out.data = mine.data();
    out.bytes = mine.size();
    const Counts into =
        CountDuring([&] { (void)model->RunInto(std::span(&in.view, 1), std::span(&out, 1)); });
    EXPECT_EQ(into.allocations, 0);
    EXPECT_EQ(into.maps, 0);
    EXPECT_EQ(into.locks, 2) << "admission and completion";
    const Counts views = CountDuring([&] { (void)model->Run({in.view}); });
    EXPECT_EQ(views.allocations, 0);
    EXPECT_EQ(views.maps, 0);
    EXPECT_EQ(views.locks, 2) << "admission and completion";
  }
}

// A turn finds the Contexts and the memory of the turn, or of the call, before.
TEST(HotPath, AWarmLoopAllocatesNothing) {
  const Engine engine;
  auto model = engine.LoadBytes(testing::Looping(-1, 100));
  ASSERT_TRUE(model.ok()) << model.status().message();
  const std::vector<float> turns = {50}, x(100, 1.0f);
  const TensorView in[] = {{"i", turns}, {"x", x}, {"p", x}, {"q", x}};
  ASSERT_TRUE(model->Warm({}, 1).ok());
  // The first call makes what hands its outputs out.
  const std::vector<float> none = {0};
  const TensorView idle[] = {{"i", none}, {"x", x}, {"p", x}, {"q", x}};
  ASSERT_TRUE(model->Run(std::span(idle)).ok());
  const Counts counts = CountDuring([&] { (void)model->Run(std::span(in)); });
  EXPECT_EQ(counts.allocations, 0);
  EXPECT_EQ(counts.maps, 0);
  EXPECT_EQ(counts.locks, 2) << "admission and completion";
}

// Plans that differ from turn to turn run in the memory of the turns before.
TEST(HotPath, AWarmLoopOfManyPlansMapsNothing) {
  const Engine engine;
  auto model = engine.LoadBytes(testing::Indexing(40));
  ASSERT_TRUE(model.ok()) << model.status().message();
  const std::vector<float> turns = {30}, x(40, 0.5f);
  const TensorView in[] = {{"i", turns}, {"x", x}};
  for (int call = 0; call < 2; ++call) ASSERT_TRUE(model->Run(std::span(in)).ok());
  EXPECT_EQ(CountDuring([&] { (void)model->Run(std::span(in)); }).maps, 0);
}

// On no thread. A request more may be there for a moment after its caller was told, and a thread of
// the crew may still be starting: so of some rounds the best one counts.
TEST(HotPath, AWarmQueueAllocatesNothing) {
  const Engine engine;
  auto model = engine.Load(DigitsFile(false));
  ASSERT_TRUE(model.ok());
  const auto in = Fill(*model, 1, 2);
  Queue queue;
  for (int round = 0; round < 4; ++round) {
    std::vector<Ticket> tickets;
    for (int i = 0; i < 64; ++i)
      if (auto ticket = queue.Submit(*model, {in.view}); ticket.ok())
        tickets.push_back(std::move(*ticket));
    for (Ticket& ticket : tickets) ASSERT_TRUE(ticket.Wait().ok());
  }
  int failed = 0, least = std::numeric_limits<int>::max();
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(queue.Join().ok());
    allocations = 0;
    counting_everywhere = true;
    for (int i = 0; i < 100; ++i) {
      auto ticket = queue.Submit(*model, {in.view});
      if (!ticket.ok() || !ticket->Wait().ok()) ++failed;
    }
    counting_everywhere = false;
    least = std::min(least, allocations.load());
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(least, 0);
}

TEST(HotPath, CountersAreReadWithoutALockThatARequestTakes) {
  const Engine engine;
  auto model = engine.Load(DigitsFile(false));
  ASSERT_TRUE(model.ok());
  const auto in = Fill(*model, 1, 2);
  Queue queue;
  const auto locks_during = [](auto body) {
    const auto count = static_cast<size_t>(CountDuring(body).locks);
    EXPECT_LE(count, locked.size());
    return std::set<const void*>(locked.begin(), locked.begin() + count);
  };
  const auto request = [&] { ASSERT_TRUE(queue.Submit(*model, {in.view})->Wait().ok()); };
  request();
  const auto of_request = locks_during(request);
  EXPECT_FALSE(of_request.empty());
  EXPECT_TRUE(locks_during([&] { (void)queue.ReadCounters(); }).empty());
  const auto of_model = locks_during([&] { (void)queue.ReadCounters(&*model); });
  for (const void* lock : of_model) EXPECT_EQ(of_request.count(lock), 0u);
}

TEST(HotPath, AWarmSessionAllocatesNothing) {
  const Engine engine;
  auto model = engine.LoadBytes(testing::Remembering());
  ASSERT_TRUE(model.ok()) << model.status().message();
  auto session = model->NewSession();
  ASSERT_TRUE(session.ok()) << session.status().message();
  const std::vector<float> x(4, 1.0f);
  const TensorView in("x", x);
  ASSERT_TRUE(session->Run(std::span(&in, 1)).ok());
  const Counts counts = CountDuring([&] { (void)session->Run(std::span(&in, 1)); });
  EXPECT_EQ(counts.allocations, 0);
  EXPECT_EQ(counts.maps, 0);
  EXPECT_EQ(counts.locks, 2) << "admission and completion";
}

}  // namespace
}  // namespace heddle
