// SPDX-License-Identifier: Apache-2.0
// CrewModel: the crew's rules in virtual time, on a machine that is not there.
//
// Turns and Claims are the crew's own classes, driven by simulated threads; what helpers do between
// claims (helper.cc, turn.cc) is written again here, without the Governor, fractions of cores and
// groups of CPUs. Each thread that runs has a core of its own: the
// crew lets no more threads run than there are cores, and what the system's scheduler adds is not
// simulated.
#ifndef HEDDLE_BENCH_SIMULATION_CREW_MODEL_H_
#define HEDDLE_BENCH_SIMULATION_CREW_MODEL_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "crew/claims.h"
#include "crew/futex.h"
#include "crew/turns.h"
#include "machine.h"
#include "virtual_time.h"

namespace heddle::bench {

// What could be otherwise; the defaults are what the crew does.
struct Rules {
  // What one more thread costs a region. W ns of work on T threads then take W/T + T * exchange_ns,
  // so that more than sqrt(W / exchange_ns) of them harm (turn.cc); 0: any number may help.
  int64_t exchange_ns = 400;
  bool claim_looks_first = true;  // at the word, before it swaps what it saw
  bool wake_inside_lock = false;  // of Turns, whoever is granted one
  int slots = 64;
};

struct Load {
  const char* name = "";
  int regions = 64;  // of a call
  int tiles = 16;    // of a region
  int64_t tile_ns = 0;
  int64_t work_ns() const { return int64_t{regions} * tiles * tile_ns; }  // of a call
};

struct Traffic {
  int callers = 1;             // each calls again at once
  int calls = 0;               // all callers' together
  int64_t prepare_ns = 2'000;  // of a call before its turn
};

struct Outcome {
  int64_t calls = 0;
  std::vector<int64_t> ends;       // when each call did, in order
  std::vector<int64_t> latencies;  // sorted
  // Of all cores' time together, in ns.
  int64_t compute = 0, claiming = 0, waking = 0, spinning = 0, stragglers = 0;
  int64_t waiting_for_lock = 0;
  int64_t turns_waited = 0, wakes = 0;
  // Tiles that ran never or twice; the most turns and computing threads at any moment.
  int64_t wrong_tiles = 0, most_active = 0, most_computing = 0;
  uint64_t trace = 0;  // a hash of all that happened, in its order
};

class CrewModel {
 public:
  CrewModel(const Machine& machine, const Rules& rules, const Load& load, const Traffic& traffic,
            uint32_t seed);
  // Until all calls are done.
  Outcome Run();

 private:
  class Waiter;
  struct Slot {
    core::Claims<core::SystemAtomics> claims;
    Line word, done;
    bool taken = false;
    core::Claim first;       // its opener's
    std::vector<int> times;  // that each tile ran
    int finished = 0, helpers = 0, most_helpers = 0;
    std::coroutine_handle<> opener;  // waits until all are finished
  };
  struct Spinner {
    std::coroutine_handle<> handle;
    Alarm* alarm;
  };
  // Suspends a helper until a region opens, it is dismissed, or its credit is spent.
  struct Spinning {
    CrewModel& model;
    int64_t credit;
    Alarm& alarm;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) {
      model.spinners_.push_back({h, &alarm});
      model.time_.ResumeAt(model.time_.NowNs() + credit, h, &alarm);
    }
    void await_resume() const {
      std::erase_if(model.spinners_, [this](const Spinner& s) { return s.alarm == &alarm; });
    }
  };
  // Suspends a helper until it is woken.
  struct Asleep {
    CrewModel& model;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) { model.asleep_.push_back(h); }
    void await_resume() const { --model.on_the_way_; }
  };
  // Suspends a caller until all of its tiles are finished.
  struct UntilFinished {
    Slot& slot;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) { slot.opener = h; }
    void await_resume() const { slot.opener = nullptr; }
  };

  VirtualTime::Wait Spend(int64_t ns, int64_t& account);
  VirtualTime::Wait Write(Line& line, int core, int64_t& account);
  VirtualTime::Wait Read(Line& line, int core, int64_t& account);
  Activity Caller();
  Activity TakeTurn(int core);
  Activity AwaitGrant(Waiter& waiter);
  Activity GiveTurn(int core);
  Activity YieldTurn(int core, int64_t& since_ns);
  Activity RunRegion(Slot* slot, int core, double& unshared_ns);
  Activity Open(Slot& slot, int core);
  Activity Take(Slot& slot, int core, uint32_t parts, core::Claim& claim);
  Activity Work(Slot& slot, int core, uint32_t parts, bool helper, int64_t& computed_ns);
  Activity Ring(const Slot& slot, int core);
  Activity Helper(int core);
  Activity Help(int core, Alarm& alarm, int64_t& credit);
  Slot* FindOpen(int core, int64_t& when);
  int MostHelpers() const;
  uint32_t Parts(const Slot& slot) const;
  int64_t MaySpinNs() const;
  int Missing(const Slot& slot) const;
  bool MayHelp(const Slot& slot) const;
  int TakeCore();
  Slot* TakeSlot();
  void AlertSpinners();
  void Note(uint64_t what);
  int Room() const { return machine_.cores - turns_.active(); }

  const Machine machine_;
  const Rules rules_;
  const Load load_;
  const Traffic traffic_;
  VirtualTime time_;
  core::Turns turns_;
  std::mt19937 random_;
  Outcome outcome_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<bool> core_taken_;  // by a call
  Line active_, helping_, bell_;
  Lock turns_lock_;
  int present_ = 0;     // helpers that compute or spin
  int on_the_way_ = 0;  // woken and not there yet
  int computing_ = 0, waiting_ = 0, calls_begun_ = 0;
  int64_t idle_since_ns_ = 0;
  std::deque<std::coroutine_handle<>> asleep_;
  std::vector<Spinner> spinners_;
};

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_SIMULATION_CREW_MODEL_H_
