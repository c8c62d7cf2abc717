# SPDX-License-Identifier: Apache-2.0
"""The recipes that Heddle replaces, beside it: LiteRT in Python threads, in the three ways that people write,
Heddle's Python package, and `heddle bench` for callers without Python.

usage: recipes.py [--heddle build/release/bin/heddle] [--callers 1,4,16] [--rounds 5] [--seconds 2] MODEL...

Needs ai-edge-litert and numpy; rows of what is not there are left out. Every cell is a process of its own; a round
measures all recipes one after the other, in an order that turns from round to round. Prints one Markdown table of
medians over the rounds. Memory is what the model and its callers add to a process that has imported its packages;
of `heddle bench` it is the whole process. Lines are those of the function that is measured.
"""
import argparse
import importlib.util
import inspect
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import Future

import numpy as np

from peer_engines import hash_input
from peer_worker import pss_kb

CORES = len(os.sched_getaffinity(0))


# The recipes: each returns a function that any thread calls with the inputs, and that returns the first output.
def litert_per_thread(path):
    local = threading.local()

    def call(inputs):
        if not hasattr(local, "interpreter"):
            local.interpreter = Interpreter(path, num_threads=1)
            local.interpreter.allocate_tensors()
            local.inputs = [d["index"] for d in local.interpreter.get_input_details()]
            local.output = local.interpreter.get_output_details()[0]["index"]
        for index, value in zip(local.inputs, inputs):
            local.interpreter.set_tensor(index, value)
        local.interpreter.invoke()
        return local.interpreter.get_tensor(local.output)

    return call


def litert_behind_a_lock(path):
    lock = threading.Lock()
    interpreter = Interpreter(path, num_threads=CORES)
    interpreter.allocate_tensors()
    indexes = [d["index"] for d in interpreter.get_input_details()]
    output = interpreter.get_output_details()[0]["index"]

    def call(inputs):
        with lock:
            for index, value in zip(indexes, inputs):
                interpreter.set_tensor(index, value)
            interpreter.invoke()
            return interpreter.get_tensor(output)

    return call


def litert_pool(path):
    waiting = queue.Queue(maxsize=64)

    def serve():
        interpreter = Interpreter(path, num_threads=1)
        interpreter.allocate_tensors()
        indexes = [d["index"] for d in interpreter.get_input_details()]
        output = interpreter.get_output_details()[0]["index"]
        while (item := waiting.get()) is not None:
            inputs, future = item
            try:
                for index, value in zip(indexes, inputs):
                    interpreter.set_tensor(index, value)
                interpreter.invoke()
                future.set_result(interpreter.get_tensor(output))
            except Exception as error:
                future.set_exception(error)

    for _ in range(CORES):
        threading.Thread(target=serve, daemon=True).start()

    def call(inputs):
        future = Future()
        waiting.put((inputs, future))
        return future.result()

    return call


def heddle_model(path):
    model = heddle.load(path)
    return lambda inputs: model(*inputs)


NAMES = {
    "litert_per_thread": "LiteRT, an interpreter per thread",
    "litert_behind_a_lock": "LiteRT, one behind a lock",
    "litert_pool": "LiteRT, a pool and a queue",
    "heddle_model": "Heddle, from Python",
    "heddle_bench": "Heddle, without Python",
}


def describe_inputs(path):
    details = Interpreter(path).get_input_details()
    return [([max(1, int(n)) for n in d["shape"]], np.dtype(d["dtype"]).name) for d in details]


def work(recipe, path, described, callers, seconds):
    """In a process of its own: callers that call again at once."""
    inputs = [hash_input(shape, np.dtype(dtype), k) for k, (shape, dtype) in enumerate(described)]
    before = pss_kb()
    call = globals()[recipe](path)
    times, errors, begin = [[] for _ in range(callers)], [], threading.Barrier(callers + 1)

    def caller(own):
        try:
            call(inputs)
            begin.wait()
            end = time.perf_counter() + seconds
            while (start := time.perf_counter()) < end:
                call(inputs)
                own.append(time.perf_counter() - start)
        except Exception as error:
            errors.append(error)
            begin.abort()

    threads = [threading.Thread(target=caller, args=(own,)) for own in times]
    for thread in threads:
        thread.start()
    try:
        begin.wait()
    except threading.BrokenBarrierError:
        sys.exit(str(errors))
    start = time.perf_counter()
    time.sleep(seconds / 2)
    memory = (pss_kb() - before) / 1000
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    if errors:
        sys.exit(str(errors))
    every = sorted(t for own in times for t in own)
    print(json.dumps({"per_second": len(every) / took, "p50_ms": 1e3 * every[len(every) // 2],
                      "p99_ms": 1e3 * every[len(every) * 99 // 100], "memory_mb": memory}))


def measure(recipe, path, callers, args):
    if recipe == "heddle_bench":
        command = [args.heddle, "bench", path, "--callers", str(callers), "--seconds", str(args.seconds), "--json"]
    else:
        command = [sys.executable, os.path.abspath(__file__), "--work", recipe, "--callers", str(callers),
                   "--seconds", str(args.seconds), "--inputs", json.dumps(describe_inputs(path)), path]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{recipe} {path}: {run.stderr.strip()[-300:]}")
    result = json.loads(run.stdout)
    if recipe != "heddle_bench":
        return result
    cell = result["cells"][0]
    return {**cell, "memory_mb": cell["pss_mb"]}


def recipes_to_run(args):
    there = {"litert": True, "heddle_model": importlib.util.find_spec("heddle"), "heddle_bench": args.heddle}
    return [name for name in NAMES if there.get(name, name.startswith("litert"))]


def lines_of(recipe):
    if recipe not in globals():
        return ""  # callers in C++: see examples/
    return sum(1 for line in inspect.getsource(globals()[recipe]).splitlines() if line.strip())


def row(cells):
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def compare(path, callers, args):
    names = recipes_to_run(args)
    results = {name: [] for name in names}
    for r in range(args.rounds):
        turn = r % len(names)
        for name in names[turn:] + names[:turn]:
            results[name].append(measure(name, path, callers, args))
        print(f"\r{os.path.basename(path)}, {callers} callers: round {r + 1} of {args.rounds}   ", end="", file=sys.stderr)
    print(file=sys.stderr)
    for name in names:
        median = {m: statistics.median(c[m] for c in results[name]) for m in ("per_second", "p50_ms", "p99_ms", "memory_mb")}
        spread = max(c["per_second"] for c in results[name]) / max(1e-9, min(c["per_second"] for c in results[name]))
        row([os.path.basename(path).removesuffix(".tflite"), callers, NAMES[name], f"{median['per_second']:.1f}",
             f"{median['p50_ms']:.2f}", f"{median['p99_ms']:.2f}", f"{median['memory_mb']:.1f}", f"{spread:.2f}",
             lines_of(name)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--heddle", help="the binary")
    parser.add_argument("--callers", default="1,4,16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--inputs", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        return work(args.work, args.models[0], json.loads(args.inputs), int(args.callers), args.seconds)
    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown CPU")
    print(f"{cpu}, {CORES} cores, load {os.getloadavg()[0]:.1f}; medians of {args.rounds} rounds of {args.seconds} s\n")
    row(["model", "callers", "recipe", "calls/s", "p50 ms", "p99 ms", "memory MB", "max/min calls/s", "lines"])
    row(["---", "---:", "---"] + ["---:"] * 6)
    for path in args.models:
        for callers in args.callers.split(","):
            compare(path, int(callers), args)


if __name__ == "__main__":
    if "heddle_model" in sys.argv:
        import heddle
    else:
        from ai_edge_litert.interpreter import Interpreter
    main()
