# SPDX-License-Identifier: Apache-2.0
"""What a call from Python costs, against C++ and LiteRT's interpreter.  calls.py MODEL... [--seconds S] [--threads N]

One caller: microseconds of each way to call, the best of many rounds, so that a busy machine does not count; in C++ the
median of `heddle bench`. Several threads: one Heddle interpreter object that all use, against LiteRT with an interpreter per
thread; each in a process of its own, since memory and start-up are compared, too. Prints two tables in Markdown.
"""
import argparse
import array
import json
import multiprocessing
import os
import subprocess
import threading
import time

import numpy as np

ROUNDS, CALLS = 200, 100
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


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
    if len(inputs) == len(outputs) == 1:
        (source, only), (sink,) = inputs[0], outputs

        def call_one():
            interpreter.set_tensor(source, only)
            interpreter.invoke()
            return interpreter.get_tensor(sink)

        return call_one

    def call():
        for index, array in inputs:
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    return call


def call_of(model, arrays):
    """The same with the model: arguments as programs write them, not unpacked from a list."""
    if len(arrays) == 1:
        only, = arrays
        return lambda: model(only)
    if len(arrays) == 2:
        first, second = arrays
        return lambda: model(first, second)
    return lambda: model(*arrays)


def best_us(call):
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        best = min(best, (time.perf_counter() - start) / CALLS)
    return best * 1e6


def in_cpp_us(binary, path, seconds):
    done = subprocess.run([binary, "bench", path, "--callers", "1", "--seconds", str(seconds), "--json"], check=True,
                          capture_output=True)
    return json.loads(done.stdout)["cells"][0]["p50_ms"] * 1e3


def one_caller(path, options):
    import heddle
    model = heddle.load(path)
    arrays = [array for _, array in inputs_of(interpreter_of("heddle", path))]
    out = list(model._run(arrays))
    cells = [in_cpp_us(options.heddle, path, options.seconds), best_us(call_of(model, arrays)),
             best_us(lambda: model(*arrays, out=out)), best_us(round_of(interpreter_of("heddle", path))),
             best_us(round_of(interpreter_of("litert", path)))]
    return [*(f"{cell:.2f}" for cell in cells), f"{cells[1] - cells[0]:+.2f}", f"{cells[4] / cells[1]:.2f}",
            f"{cells[4] / cells[3]:.2f}"]


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
    latencies = [array.array("d") for _ in range(threads)]
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
    memory = pss_mb() - before - sum(8 * len(of) for of in latencies) / 2**20
    every = np.sort(np.concatenate(latencies))
    milliseconds = [every[len(every) // 2] * 1e3, every[len(every) * 99 // 100] * 1e3]
    queue.put([f"{len(every) / seconds:.0f}", *(f"{ms:.3f}" for ms in milliseconds), f"{started * 1e3:.0f}",
               f"{memory:.1f}"])


def in_a_process(*arguments):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=many_callers, args=(*arguments, queue))
    process.start()
    result = queue.get()
    process.join()
    return result


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--heddle", default=os.path.join(ROOT, "build/release/bin/heddle"), help="the binary")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=16)
    options = parser.parse_args()
    names = [os.path.basename(path).removesuffix(".tflite") for path in options.models]
    row("one caller, us", "in C++", "model(x)", "model(x, out=y)", "heddle.lite", "LiteRT", "model(x) - C++", "LiteRT / model(x)",
        "LiteRT / heddle.lite")
    row("---", *["---:"] * 8)
    for name, path in zip(names, options.models):
        row(name, *one_caller(path, options))
    print()
    row(f"{options.threads} threads", "", "calls/s", "p50 ms", "p99 ms", "start ms", "memory MB")
    row("---", "---", *["---:"] * 5)
    for name, path in zip(names, options.models):
        for kind, said in ("heddle", "Heddle, one object"), ("litert", "LiteRT, one each"):
            row(name, said, *in_a_process(kind, path, options.threads, options.seconds))


if __name__ == "__main__":
    main()
