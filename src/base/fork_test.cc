// SPDX-License-Identifier: Apache-2.0
#include "base/fork.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace heddle::core {
namespace {

constexpr unsigned kSecondsToHang = 20;
enum ChildAnswer { kFine = 10, kPoisoned = 11, kWrong = 12 };

// Forks; the child answers with what `child` returns. A child that hangs is killed by its alarm and
// answers -1.
int AskChild(const std::function<int()>& child) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(kSecondsToHang);
    // Past ThreadSanitizer, for which the threads that did not come along are leaks.
    syscall(SYS_exit_group, child());
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

int Check() {
  InFlight call;  // must not hang
  const Status status = CheckForked();
  if (status.ok()) return kFine;
  return status.code() == Code::kFailedPrecondition &&
                 status.message().find("forked while a call was in flight") !=
                     std::string_view::npos
             ? kPoisoned
             : kWrong;
}

// Run before a fork, and during it, when the library has looked for calls and the child is not yet
// made: handlers that were installed earlier are asked later.
void (*before_fork)() = nullptr;
void (*during_fork)() = nullptr;
template <void (**kHandler)()>
struct Handler {
  Handler() {
    pthread_atfork(
        [] {
          if (*kHandler != nullptr) (*kHandler)();
        },
        nullptr, nullptr);
  }
};
[[gnu::init_priority(101)]] const Handler<&during_fork> early_handler;
const Handler<&before_fork> late_handler;

// For as long as another thread takes for a few system calls.
void GiveWay() {
  const int64_t until = SystemClock().NowNs() + 1'000'000;
  while (SystemClock().NowNs() < until) std::this_thread::yield();
}

// Another thread that is in flight, or at OwnWork, until it is told to leave.
template <class Work>
class Other {
 public:
  Other()
      : thread_([this] {
          Work work;
          began_ = true;
          began_.notify_one();
          leave_.wait(false);
          GiveWay();
          left_ = true;
        }) {
    began_.wait(false);
  }
  ~Other() {
    Leave();
    thread_.join();
  }
  void Leave() {
    leave_ = true;
    leave_.notify_one();
  }
  bool left() const { return left_; }

 private:
  std::atomic<bool> began_ = false, leave_ = false, left_ = false;
  std::thread thread_;
};
using OtherCall = Other<InFlight>;
using OtherWork = Other<OwnWork>;

// A thread that begins OwnWork when it is told to.
class LateWork {
 public:
  void Begin() {
    go_ = true;
    go_.notify_one();
  }
  bool begun() const { return begun_; }
  void Join() { thread_.join(); }

 private:
  std::atomic<bool> go_ = false, begun_ = false;
  std::thread thread_{[this] {
    go_.wait(false);
    const OwnWork work;
    begun_ = true;
  }};
};

TEST(Fork, ChildOfAQuietProcessIsFine) {
  EXPECT_TRUE(CheckForked().ok());
  EXPECT_EQ(AskChild(Check), kFine);
  EXPECT_EQ(AskChild([] { return AskChild(Check); }), kFine);
}

TEST(Fork, ChildIsPoisonedByACallOfAnotherThread) {
  {
    OtherCall call;
    EXPECT_EQ(AskChild(Check), kPoisoned);
    EXPECT_EQ(AskChild([] { return Check() == kPoisoned ? Check() : kWrong; }), kPoisoned);
    EXPECT_EQ(AskChild([] { return AskChild(Check); }), kPoisoned);
    EXPECT_EQ(Check(), kFine);  // the parent goes on
  }
  EXPECT_EQ(AskChild(Check), kFine);  // and is quiet again
}

TEST(Fork, ChildIsPoisonedByTheForkingThreadsOwnCall) {
  {
    InFlight call;
    EXPECT_EQ(AskChild(Check), kPoisoned);
  }
  EXPECT_EQ(AskChild(Check), kFine);
}

TEST(Fork, ACallMayEndOnAnotherThread) {
  auto call = std::make_unique<InFlight>();
  std::thread([&call] { call.reset(); }).join();
  EXPECT_EQ(AskChild(Check), kFine);
}

TEST(Fork, ChildIsPoisonedByACallThatBeganDuringTheFork) {
  static int calls = 0;
  during_fork = [] {
    const InFlight call;
    ++calls;
  };
  EXPECT_EQ(AskChild(Check), kPoisoned);
  during_fork = nullptr;
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(AskChild(Check), kFine);
}

TEST(Fork, ForkWaitsForOwnWork) {
  static bool left = false;
  static std::unique_ptr<OtherWork> work;
  before_fork = [] { work->Leave(); };
  during_fork = [] { left = work->left(); };
  for (int round = 0; round < 20; ++round) {
    work = std::make_unique<OtherWork>();
    EXPECT_EQ(AskChild([] { return work->left() ? Check() : kWrong; }), kFine) << round;
    EXPECT_TRUE(left) << round;
  }
  before_fork = during_fork = nullptr;
  work.reset();
}

TEST(Fork, OwnWorkDoesNotBeginDuringAFork) {
  static bool begun = false;
  static LateWork* late;
  during_fork = [] {
    late->Begin();
    GiveWay();
    begun = late->begun();
  };
  for (int round = 0; round < 20; ++round) {
    LateWork work;
    late = &work;
    EXPECT_EQ(AskChild([] { return late->begun() ? kWrong : Check(); }), kFine) << round;
    EXPECT_FALSE(begun) << round;
    work.Join();  // it begins afterwards
  }
  during_fork = nullptr;
}

TEST(Fork, ForkDoesNotWaitForOwnWorkDuringACall) {
  static bool begun = false;
  static LateWork* late;
  LateWork begins_meanwhile;
  late = &begins_meanwhile;
  const OtherCall call;
  const OtherWork work;
  during_fork = [] {  // a call may be waiting for it
    late->Begin();
    const int64_t until = SystemClock().NowNs() + kSecondsToHang * int64_t{1'000'000'000};
    while (!(begun = late->begun()) && SystemClock().NowNs() < until) std::this_thread::yield();
  };
  EXPECT_EQ(AskChild(Check), kPoisoned);
  during_fork = nullptr;
  EXPECT_TRUE(begun);
  begins_meanwhile.Join();
}

TEST(Fork, ForkInOwnWorkPoisons) {
  {
    const OwnWork callback;
    EXPECT_EQ(AskChild(Check), kPoisoned);
    EXPECT_EQ(AskChild([] { return AskChild(Check); }), kPoisoned);
  }
  EXPECT_EQ(AskChild(Check), kFine);
}

TEST(Fork, ForkGivesUpOnOwnWorkThatDoesNotEnd) {
  {
    const OtherWork waits_for_the_forking_thread;
    EXPECT_EQ(AskChild(Check), kPoisoned);
  }
  EXPECT_EQ(AskChild(Check), kFine);
}

TEST(Fork, ParentAndChildDoNotCountEachOthersCalls) {
  int from_child[2], to_child[2];
  ASSERT_EQ(pipe(from_child), 0);
  ASSERT_EQ(pipe(to_child), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  char byte = 0;
  if (child == 0) {
    alarm(kSecondsToHang);
    const InFlight call;
    const bool told = write(from_child[1], &byte, 1) == 1 && read(to_child[0], &byte, 1) == 1;
    _exit(told ? kFine : kWrong);
  }
  close(from_child[1]);
  ASSERT_EQ(read(from_child[0], &byte, 1), 1);  // the child is in flight now, and stays so
  EXPECT_EQ(AskChild(Check), kFine);
  EXPECT_EQ(write(to_child[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kFine) << status;
  for (int fd : {from_child[0], to_child[0], to_child[1]}) close(fd);
}

TEST(Fork, ManyThreadsAreCounted) {  // more than there are shards
  std::vector<std::unique_ptr<OtherCall>> calls;
  for (int i = 0; i < 40; ++i) calls.push_back(std::make_unique<OtherCall>());
  while (!calls.empty()) {
    if (calls.size() % 13 == 1) {
      EXPECT_EQ(AskChild(Check), kPoisoned) << calls.size();
    }
    calls.pop_back();
  }
  EXPECT_EQ(AskChild(Check), kFine);
}

// A call writes two pages, as a lock and what it guards might lie. A child that is told it is fine
// must not see one of the writes without the other.
TEST(Fork, NoFineChildSeesHalfOfACall) {
  struct alignas(65536) Page {
    std::atomic<int> value = 0;
  };
  const auto pages = std::make_unique<Page[]>(2);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int i = 1; !stop; ++i) {
      InFlight call;
      pages[0].value.store(i, std::memory_order_relaxed);
      std::this_thread::yield();
      pages[1].value.store(i, std::memory_order_relaxed);
    }
  });
  int fine = 0, poisoned = 0;
  for (int round = 0; round < 100; ++round) {
    const int answer = AskChild([&pages] {
      const int check = Check();
      return check == kFine && pages[0].value != pages[1].value ? kWrong : check;
    });
    EXPECT_TRUE(answer == kFine || answer == kPoisoned) << "round " << round << ": " << answer;
    ++(answer == kFine ? fine : poisoned);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fine + poisoned, 100);
  EXPECT_EQ(AskChild(Check), kFine);
}

// The same of OwnWork, which poisons no child, while two threads fork.
TEST(Fork, EveryChildIsFineAndSeesWholeOwnWork) {
  struct alignas(65536) Page {
    std::atomic<int> value = 0;
  };
  const auto pages = std::make_unique<Page[]>(2);
  std::atomic<bool> stop = false;
  std::thread own([&] {
    for (int i = 1; !stop; ++i) {
      const OwnWork work;
      pages[0].value.store(i, std::memory_order_relaxed);
      std::this_thread::yield();
      pages[1].value.store(i, std::memory_order_relaxed);
    }
  });
  std::atomic<int> fine = 0;
  const auto fork_often = [&] {
    for (int round = 0; round < 100; ++round) {
      fine +=
          AskChild([&] { return pages[0].value == pages[1].value ? Check() : kWrong; }) == kFine;
    }
  };
  std::thread other(fork_often);
  fork_often();
  other.join();
  stop = true;
  own.join();
  EXPECT_EQ(fine, 200);
}

TEST(Fork, ThreadsThatForkAndCallAtOnceDoNotHang) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&wrong] {
      for (int round = 0; round < 10; ++round) {
        const int answer = AskChild(Check);
        if (answer != kFine && answer != kPoisoned) ++wrong;
        if (Check() != kFine) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(AskChild(Check), kFine);
}

}  // namespace
}  // namespace heddle::core
