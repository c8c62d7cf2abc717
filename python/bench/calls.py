# SPDX-License-Identifier: Apache-2.0
"""What a call from Python costs, against LiteRT's interpreter.  calls.py MODEL... [--seconds S] [--threads N]

One caller: microseconds of each way to call, the best of many rounds, so that a busy machine does not count. Several
threads: one Heddle interpreter object that all use, against LiteRT with an interpreter per thread; each in a process of
its own, since memory and start-up are compared, too.
"""
import argparse
import json
import multiprocessing
import threading
import time

import numpy as np

ROUNDS, CALLS = 200, 100


def interpreter_of(kind, path):
    if kind == "heddle":
        from heddle.lite import Interpreter
    else:
        from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def inputs_of(interpreter):
    """(index, array of zeros) of each input."""
    return [(d["index"], np.zeros(d["shape"], d["dtype"])) for d in interpreter.get_input_details()]


def round_of(interpreter):
    """One inference as programs write it."""
    inputs = inputs_of(interpreter)
    outputs = [d["index"] for d in interpreter.get_output_details()]

    def call():
        for index, array in inputs:
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    return call


def best_us(call):
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        best = min(best, (time.perf_counter() - start) / CALLS)
    return best * 1e6


def one_caller(path):
    import heddle
    model = heddle.load(path)
    arrays = [array for _, array in inputs_of(interpreter_of("heddle", path))]
    out = list(model._run(arrays))
    return {"model(x)": best_us(lambda: model(*arrays)), "model(x, out=y)": best_us(lambda: model(*arrays, out=out)),
            "heddle.lite": best_us(round_of(interpreter_of("heddle", path))),
            "LiteRT": best_us(round_of(interpreter_of("litert", path)))}


def pss_mb():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def many_callers(kind, path, threads, seconds, queue):
    before = pss_mb()
    start = time.perf_counter()
    shared = interpreter_of("heddle", path) if kind == "heddle" else None
    interpreters = [shared or interpreter_of(kind, path) for _ in range(threads)]
    [round_of(one)() for one in dict.fromkeys(interpreters)]
    started = time.perf_counter() - start
    latencies = [[] for _ in range(threads)]
    until = time.perf_counter() + seconds

    def work(k):
        call = round_of(interpreters[k])
        now = time.perf_counter()
        while now < until:
            call()
            then, now = now, time.perf_counter()
            latencies[k].append(now - then)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(threads)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    every = np.sort(np.concatenate(latencies))
    queue.put({"per_second": len(every) / seconds, "p50_ms": every[len(every) // 2] * 1e3,
               "p99_ms": every[len(every) * 99 // 100] * 1e3, "start_ms": started * 1e3, "pss_mb": pss_mb() - before})


def in_a_process(*arguments):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=many_callers, args=(*arguments, queue))
    process.start()
    result = queue.get()
    process.join()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=16)
    options = parser.parse_args()
    for path in options.models:
        print(path)
        print("  one caller, us:", json.dumps({k: round(v, 2) for k, v in one_caller(path).items()}))
        for kind in "heddle", "litert":
            cell = in_a_process(kind, path, options.threads, options.seconds)
            print(f"  {options.threads} threads, {kind}:", json.dumps({k: round(v, 3) for k, v in cell.items()}))


if __name__ == "__main__":
    main()
