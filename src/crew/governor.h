// SPDX-License-Identifier: Apache-2.0
// Governor: how many helpers the machine has room for beside what else runs on it. Other processes'
// threads cannot be seen; that the system makes ours wait can.
//
//  1. The cap falls only on evidence: helpers that were there for kEnoughNs, over kWindowNs, and
//     were kept from their core, or made callers wait, for more than kTooMuch of that time; and so
//     in the two windows before, unless the step up that came last is to blame. A slice of the
//     system's is taken from any thread now and then, and lies in two windows.
//     (ALoneHiccupIsNothing, BadWindowsAreNotYetALoad, ASliceNowAndThenCostsNothing)
//  2. It is halved then; when the step up that came last is to blame, only that step is taken back.
//     (HalvesUnderLoad, AFailedProbeIsTakenBack)
//  3. It rises by one after a pause, and again only after that step was found good: less than
//     kLittle was lost. Between kLittle and kTooMuch nothing changes.
//     (BetweenTheLimitsNothingMoves)
//  4. Each fall doubles the pause, up to kMostPauseNs; it is halved only when a step up was good
//     since, and nothing was lost for as long as the pause. So a load that comes and goes
//     faster than that moves the cap once up and down in each kMostPauseNs, and one that stays
//     costs a window in each. (DoesNotOscillate, SettlesUnderALoadThatStays, FollowsSlowLoads,
//     ComesBackWhenTheLoadHasGone)
//
// Thread-safe; cap() is one load. Nobody waits for its lock.
#ifndef HEDDLE_CREW_GOVERNOR_H_
#define HEDDLE_CREW_GOVERNOR_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace heddle::core {

class Governor {
 public:
  static constexpr int64_t kWindowNs = 10'000'000;
  static constexpr int64_t kEnoughNs = 2'500'000;
  static constexpr int kSureWindows = 3;
  static constexpr int64_t kLeastPauseNs = 50'000'000;
  static constexpr int64_t kMostPauseNs = 1'000'000'000;
  static constexpr double kTooMuch = 0.05;
  static constexpr double kLittle = 0.025;

  // One move of the cap, and the part of the helpers' time that was lost before it.
  struct Change {
    int64_t at_ns = 0;
    int cap = 0;
    double lost = 0;
  };

  explicit Governor(int most) : most_(most), cap_(most) {}

  int cap() const { return cap_.load(std::memory_order_relaxed); }
  // Helpers that there may be at all.
  void SetMost(int most);
  // Helpers were there for so long, and lost so much of it, or made their caller lose it.
  void Note(int64_t now_ns, int64_t there_ns, int64_t lost_ns);
  // Whether it is time to try more; for who would have more helpers than cap().
  void Look(int64_t now_ns);

  uint64_t moves() const { return moves_.load(std::memory_order_relaxed); }
  std::vector<Change> Trace() const;  // the latest changes, oldest first

 private:
  static constexpr size_t kTraced = 256;
  void Judge(int64_t now_ns, double lost);
  void Move(int64_t now_ns, int cap, double lost);
  void BeginWindow(int64_t now_ns);

  mutable std::mutex mutex_;
  int most_;
  std::atomic<int> cap_;
  std::atomic<int64_t> there_ns_{0}, lost_ns_{0};
  int64_t window_ns_ = 0;  // when it began
  int64_t pause_ns_ = kLeastPauseNs;
  int64_t calm_ns_ = 0;    // since when nothing was lost at this cap and pause
  bool fell_ = false;      // and no step up was good since
  int64_t probe_ns_ = 0;   // when to try the next step up
  bool unproven_ = false;  // the last step up was not judged yet
  int bad_windows_ = 0;    // of the last ones, one after another
  std::atomic<uint64_t> moves_{0};
  std::array<Change, kTraced> trace_;
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_GOVERNOR_H_
