# SPDX-License-Identifier: Apache-2.0
"""The recipes that Heddle replaces, beside it: LiteRT in Python threads and TensorFlow Lite's C library in C++ threads,
in the three ways that people write, Heddle's Python package, and `heddle bench` for callers without Python.

usage: recipes.py [--heddle build/release/bin/heddle] [--programs build/release/bin/bench_recipes] [--tflite-c LIBRARY]
                  [--callers 1,4,16] [--rounds 5] [--seconds 2] MODEL...

Needs ai-edge-litert and numpy; a row of what is not there says so. The C library is looked for among the installed Python
packages. Every cell is a process of its own; a round measures all recipes one after the other, in an order that turns from
round to round. Prints one Markdown table of medians over the rounds. Memory is what the model and its callers add to a
process that has imported its packages; of programs without Python it is the whole process. Lines are those of the
function that is measured, or of the C++ classes (bench/recipes/recipes.cc).
"""
import argparse
import importlib.metadata
import importlib.util
import inspect
import json
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future

import numpy as np

import lines
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
    "tflite_c_per_thread": "TFLite in C++, an interpreter per thread",
    "tflite_c_behind_a_lock": "TFLite in C++, one behind a lock",
    "tflite_c_pool": "TFLite in C++, a pool and a queue",
    "heddle_model": "Heddle, from Python",
    "heddle_bench": "Heddle, without Python",
}
CLASSES = {"tflite_c_per_thread": "PerThread", "tflite_c_behind_a_lock": "BehindALock", "tflite_c_pool": "Pool"}
C_LIBRARY = "libtensorflowlite_c.so"
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}


class Failed(Exception):
    """What a recipe said when it ended."""


def c_library():
    """Of an installed Python package that brings one for this machine; None: there is none."""
    for package in importlib.metadata.distributions():
        for file in package.files or []:
            if file.name == C_LIBRARY and of_this_machine(file.locate()):
                return str(file.locate())
    return None


def of_this_machine(library):
    with open(library, "rb") as f:
        return int.from_bytes(f.read(20)[18:], "little") == ELF_MACHINES.get(os.uname().machine)


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


def printed_by(command):
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise Failed(" ".join(run.stderr.split())[-200:] or f"it ended with status {run.returncode}")
    return json.loads(run.stdout)


def measure_program(recipe, path, callers, args):
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for k, (shape, dtype) in enumerate(describe_inputs(path)):
            files.append(os.path.join(folder, str(k)))
            hash_input(shape, np.dtype(dtype), k).tofile(files[-1])
        return printed_by([args.programs, args.tflite_c, recipe.removeprefix("tflite_c_"), path, "--callers", str(callers),
                           "--seconds", str(args.seconds), "--inputs", *files])


def measure(recipe, path, callers, args):
    if recipe in CLASSES:
        return measure_program(recipe, path, callers, args)
    if recipe == "heddle_bench":
        command = [args.heddle, "bench", path, "--callers", str(callers), "--seconds", str(args.seconds), "--json"]
    else:
        command = [sys.executable, os.path.abspath(__file__), "--work", recipe, "--callers", str(callers),
                   "--seconds", str(args.seconds), "--inputs", json.dumps(describe_inputs(path)), path]
    result = printed_by(command)
    if recipe != "heddle_bench":
        return result
    cell = result["cells"][0]
    return {**cell, "memory_mb": cell["pss_mb"]}


def missing(recipe, args):
    """Why the recipe is not measured; None: it is."""
    if recipe in CLASSES and not args.tflite_c:
        return f"no {C_LIBRARY} in this environment"
    if recipe in CLASSES and not os.path.exists(args.programs):
        return f"no {args.programs}"
    if recipe == "heddle_model" and not importlib.util.find_spec("heddle"):
        return "no package heddle in this environment"
    return "no --heddle" if recipe == "heddle_bench" and not args.heddle else None


def lines_of(recipe):
    if recipe in CLASSES:
        source = (pathlib.Path(__file__).parent / "recipes/recipes.cc").read_text()
        return sum(lines.lines_of_code(lines.class_source(source, name)) for name in ("Interpreter", CLASSES[recipe]))
    if recipe not in globals():
        return ""  # callers in C++: see examples/
    return lines.lines_of_code(inspect.getsource(globals()[recipe]))


def row(cells):
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def compare(path, callers, args):
    """Prints a row for each recipe; returns what TensorFlow Lite's C library calls itself, where it was measured."""
    whys = {name: missing(name, args) for name in NAMES}
    results = {name: [] for name in NAMES}
    for r in range(args.rounds):
        turn = r % len(NAMES)
        for name in [*NAMES][turn:] + [*NAMES][:turn]:
            try:
                if not whys[name]:
                    results[name].append(measure(name, path, callers, args))
            except Failed as failed:
                whys[name] = str(failed)
        print(f"\r{os.path.basename(path)}, {callers} callers: round {r + 1} of {args.rounds}   ", end="", file=sys.stderr)
    print(file=sys.stderr)
    model = os.path.basename(path).removesuffix(".tflite")
    for name, runs in results.items():
        if whys[name]:
            row([model, callers, NAMES[name], f"not measured: {whys[name]}", *[""] * 5])
            continue
        median = {m: statistics.median(c[m] for c in runs) for m in ("per_second", "p50_ms", "p99_ms", "memory_mb")}
        spread = max(c["per_second"] for c in runs) / max(1e-9, min(c["per_second"] for c in runs))
        row([model, callers, NAMES[name], f"{median['per_second']:.1f}", f"{median['p50_ms']:.2f}",
             f"{median['p99_ms']:.2f}", f"{median['memory_mb']:.1f}", f"{spread:.2f}", lines_of(name)])
    return {run["tensorflow_lite"] for runs in results.values() for run in runs if "tensorflow_lite" in run}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--heddle", help="the binary")
    parser.add_argument("--programs", default="build/release/bin/bench_recipes", help="the recipes in C++")
    parser.add_argument("--tflite-c", help=f"{C_LIBRARY}, where no installed package has it")
    parser.add_argument("--callers", default="1,4,16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--inputs", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        return work(args.work, args.models[0], json.loads(args.inputs), int(args.callers), args.seconds)
    args.tflite_c = args.tflite_c or c_library()
    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown CPU")
    print(f"{cpu}, {CORES} cores, load {os.getloadavg()[0]:.1f}; medians of {args.rounds} rounds of {args.seconds} s\n")
    row(["model", "callers", "recipe", "calls/s", "p50 ms", "p99 ms", "memory MB", "max/min calls/s", "lines"])
    row(["---", "---:", "---"] + ["---:"] * 6)
    measured = [compare(path, int(callers), args) for path in args.models for callers in args.callers.split(",")]
    if versions := set().union(*measured):
        print(f"\nTFLite in C++ is TensorFlow Lite {', '.join(sorted(versions))}.")


if __name__ == "__main__":
    if "heddle_model" in sys.argv:
        import heddle
    else:
        from ai_edge_litert.interpreter import Interpreter
    main()
