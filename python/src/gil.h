// SPDX-License-Identifier: Apache-2.0
// Work that other Python threads need not wait for.
#ifndef HEDDLE_PYTHON_GIL_H_
#define HEDDLE_PYTHON_GIL_H_

#include <Python.h>
#include <cxxabi.h>
#include <unistd.h>

#include <atomic>

namespace heddle::python {

// What takes the GIL again, or runs Python's or numpy's code, which may let go of it and take it
// again. A thread that comes back while the interpreter is being torn down is ended by Python with
// a forced unwinding, which would run our destructors without the GIL, and end the process where a
// caller is noexcept: it sleeps instead until the process is gone, as Python itself does from 3.14
// on.
template <class F>
auto TakingGil(F work) {
  try {
    return work();
  } catch (abi::__forced_unwind&) {
    for (;;) pause();
  }
}

// REQUIRES: the GIL is held; `wait` throws nothing and touches no Python object.
template <class F>
auto WaitWithoutGil(F wait) {
  PyThreadState* const state = PyEval_SaveThread();
  auto result = wait();
  TakingGil([state] { PyEval_RestoreThread(state); });
  return result;
}

// What the engine does for other threads than the one that holds the GIL.
inline std::atomic<int> engine_works{0};

class EngineWorks {
 public:
  EngineWorks() { ++engine_works; }
  ~EngineWorks() { --engine_works; }
  EngineWorks(const EngineWorks&) = delete;
  EngineWorks& operator=(const EngineWorks&) = delete;
};

// The same for work of the engine.
template <class F>
auto WithoutGil(F work) {
  return WaitWithoutGil([&work] {
    const EngineWorks working;
    return work();
  });
}

}  // namespace heddle::python

#endif  // HEDDLE_PYTHON_GIL_H_
