# SPDX-License-Identifier: Apache-2.0
"""One engine, one model, one process: prints a JSON line with what it cost, or with why the engine refuses the model.

usage: peer_worker.py heddle|litert|openvino MODEL one|all|callers SECONDS [LIBHEDDLE]

one: one caller on one core, from the start. all: one caller, all cores. callers: as many callers as cores, at least two."""
import json
import os
import sys
import threading
import time

import numpy as np

from peer_engines import ENGINES, Refused, hash_input

LEAST_CALLS = 20
ANSWER = 256  # values from all over the first output, to be compared


def pss_kb():
    with open("/proc/self/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def call_for(caller, seconds):
    """Times of calls, one after another, in order; at least a few, but not for ten times as long."""
    times, begun = [], time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < seconds or (len(times) < LEAST_CALLS and elapsed < 10 * seconds):
        start = time.perf_counter()
        caller.run()
        times.append(time.perf_counter() - start)
    return times


def median_ms(times):
    return sorted(times)[len(times) // 2] * 1e3


def measure_one(engine, seconds):
    before, start = pss_kb(), time.perf_counter()
    engine.open()
    opened = time.perf_counter()
    caller = engine.ready()
    ready = time.perf_counter()
    caller.bind()
    bound = time.perf_counter()
    caller.run()
    first = time.perf_counter()
    times = call_for(caller, seconds)
    memory_mb = (pss_kb() - before) * 1024 / 1e6
    answer = caller.answer()
    return {"open_ms": (opened - start) * 1e3, "ready_ms": (ready - opened) * 1e3, "first_ms": (first - bound) * 1e3,
            "cold_ms": (ready - start + first - bound) * 1e3, "latency_ms": median_ms(times), "calls": len(times),
            "memory_mb": memory_mb, "answer": [float(v) for v in answer[:: max(1, len(answer) // ANSWER)][:ANSWER]]}


def measure_all(engine, seconds):
    engine.open()
    caller = engine.ready()
    caller.bind()
    caller.run()
    return {"latency_ms": median_ms(call_for(caller, seconds))}


def measure_callers(engine, count, seconds):
    before = pss_kb()
    engine.open()
    callers = [engine.ready()]
    callers[0].bind()
    call_for(callers[0], min(0.05, seconds))
    with_one = pss_kb()
    callers += [engine.another() for _ in range(count - 1)]
    begin, times, failed = threading.Barrier(count + 1), [[] for _ in callers], []

    def work(caller, own):
        try:
            caller.bind()
            caller.run()
            begin.wait()
            own += call_for(caller, seconds)
        except Exception as error:
            failed.append(error)
            begin.abort()

    threads = [threading.Thread(target=work, args=pair) for pair in zip(callers, times)]
    for thread in threads:
        thread.start()
    try:
        begin.wait()
    except threading.BrokenBarrierError:
        raise Refused(f"with {count} callers: {failed}") from None
    start = time.perf_counter()
    time.sleep(seconds / 2)
    with_all = pss_kb()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    if failed:
        raise Refused(f"with {count} callers: {failed}")
    every = sorted(t for own in times for t in own)
    return {"per_second": len(every) / took, "p99_ms": every[len(every) * 99 // 100] * 1e3,
            "further_mb": (with_all - with_one) * 1024 / 1e6 / (count - 1), "all_mb": (with_all - before) * 1024 / 1e6}


def measure(name, path, column, seconds, library):
    if column == "one":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    ENGINES[name].imports(library)  # is not the engine's start
    hash_input([16], np.float32, 0)
    count = max(2, len(os.sched_getaffinity(0))) if column == "callers" else 1
    engine = ENGINES[name](path, 1 if column == "one" else None, count, library)
    if column == "callers":
        return measure_callers(engine, count, seconds)
    return {"one": measure_one, "all": measure_all}[column](engine, seconds)


def main():
    name, path, column, seconds = sys.argv[1:4] + [float(sys.argv[4])]
    library = sys.argv[5] if len(sys.argv) > 5 else None
    try:
        print(json.dumps(measure(name, path, column, seconds, library)))
    except (Refused, ImportError) as error:
        print(json.dumps({"refused": " ".join(str(error).split())}))


if __name__ == "__main__":
    main()
