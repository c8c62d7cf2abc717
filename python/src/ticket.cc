// SPDX-License-Identifier: Apache-2.0
#include "ticket.h"

#include <poll.h>

#include <array>
#include <atomic>
#include <optional>

#include "call.h"
#include "errors.h"
#include "gil.h"
#include "heddle/queue.h"

namespace heddle::python {
namespace {

// The inputs are the callers' own memory, so requests are counted and bytes are not.
constexpr uint64_t kMostBytes = uint64_t{1} << 62;

// The process's one queue; never destroyed, as the engine. Full, it refuses: how to wait is the
// affair of futures and of event loops.
heddle_queue* TheQueue() {
  static heddle_queue* const queue = [] {
    heddle_queue_options options{};
    options.struct_size = sizeof(options);
    options.most_bytes = kMostBytes;
    options.policy = HEDDLE_REFUSE;
    heddle_queue* made = nullptr;
    Check(heddle_queue_create(&options, &made));
    return made;
  }();
  return queue;
}

// REQUIRES: the GIL is held, and nothing else waits for the tags.
nb::list Take(Completions& completions) {
  nb::list tags;
  std::array<uint64_t, 64> some;
  for (;;) {
    const std::span<uint64_t> taken = completions.Take(some);
    for (const uint64_t tag : taken) tags.append(tag);
    if (taken.size() < some.size()) return tags;
  }
}

nb::list WaitAndTake(Completions& completions) {
  const int fd = completions.fd();
  WaitWithoutGil([fd] {
    pollfd readable{fd, POLLIN, 0};
    return poll(&readable, 1, -1);
  });
  return Take(completions);
}

Runner& RunnerOf(nb::handle runner) {
  if (!nb::isinstance<Runner>(runner) || !nb::inst_ready(runner))
    throw nb::type_error("the model was never loaded: its __init__ did not run");
  return *nb::inst_ptr<Runner>(runner);
}

// What it was made of stays as it is, and alive, until the request is done. Its end cancels the
// request and waits.
class Ticket {
 public:
  Ticket(nb::object runner, const nb::tuple& args, const nb::dict& kwargs)
      : runner_(std::move(runner)), call_(RunnerOf(runner_)) {
    call_.Bind(args.ptr(), kwargs.ptr());
    if (call_.options().cancel.is_valid())
      Raise(Code::kInvalidArgument, "cancel: a submitted call is cancelled by its future");
    call_.Arrange();
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    heddle_ticket* const handle = handle_.load();
    if (handle == nullptr) return;
    if (heddle_ticket_wait(handle, 0) == 0) Cancel(true);
    heddle_ticket_free(handle);
  }

  // Raises ResourceExhausted with retry_after where the queue is full: it may be tried again.
  void Submit(const Completions& completions, uint64_t tag) {
    heddle_submit_options c{};
    c.struct_size = sizeof(c);
    c.deadline_ns = call_.options().deadline_ns;
    c.signature = call_.target().signature_or_null();
    c.session = call_.session();
    c.fresh_state = call_.options().fresh_state;
    heddle_queue* const queue = TheQueue();
    call_.target().place->taken = true;
    c.completions = completions.get();
    c.tag = tag;
    working_.emplace();
    Check(WithoutGil([&] {
      heddle_ticket* handle = nullptr;
      heddle_status* const status = heddle_queue_submit(
          queue, call_.target().model.get(), call_.inputs().data(), call_.inputs().size(),
          call_.outputs().data(), call_.outputs().size(), &c, &handle);
      if (status == nullptr) {
        handle_.store(handle);
        handle_.notify_all();
      }
      return status;
    }));
  }

  // REQUIRES: its tag was taken.
  nb::object Result() {
    WaitWithoutGil([&] {
      handle_.wait(nullptr);  // the tag may come before submit has returned
      return 0;
    });
    heddle_outputs* left = nullptr;
    Check(heddle_ticket_result(handle_.load(), &left));
    return call_.Collect(OutputsHandle(left));
  }

  // What has not begun never will; what runs stops between two steps. With `wait`, or where it
  // writes into the caller's arrays, it has ended on return.
  void Cancel(bool wait) {
    heddle_ticket* const handle = handle_.load();
    if (handle == nullptr) return;
    WithoutGil([&] {
      heddle_ticket_cancel(handle);
      return wait || call_.options().out.is_valid() ? heddle_ticket_wait(handle, -1) : 0;
    });
  }

 private:
  const nb::object runner_;
  CallInProgress call_;
  std::atomic<heddle_ticket*> handle_{nullptr};
  std::optional<EngineWorks> working_;  // from Submit on
};

}  // namespace

// Whoever could wait for a request holds the place: none is left to be waited for.
Place::~Place() {
  if (taken) heddle_status_free(heddle_queue_unload(TheQueue(), model.get(), 0));
}

void BindTickets(nb::module_& module) {
  nb::class_<Completions>(module, "Completions")
      .def("__init__",
           [](Completions* self) {
             new (self) Completions;
             Check(self->status());
           })
      .def_prop_ro("fd", &Completions::fd)
      .def("take", &Take)
      .def("wait_and_take", &WaitAndTake);
  nb::class_<Ticket>(module, "Ticket")
      .def(nb::init<nb::object, const nb::tuple&, const nb::dict&>(), nb::arg("runner"),
           nb::arg("args"), nb::arg("kwargs"))
      .def("submit", &Ticket::Submit, nb::arg("completions"), nb::arg("tag"))
      .def("result", &Ticket::Result)
      .def("cancel", &Ticket::Cancel, nb::arg("wait") = false);
}

}  // namespace heddle::python
