# SPDX-License-Identifier: Apache-2.0
"""How long an asyncio loop is held up while models load and run beside it.

    heartbeat.py BIG_MODEL MODEL [--rounds N] [--seconds S] [--limit MS]

A task sleeps for a millisecond at a time; what it oversleeps is the jitter. In the measured phases BIG_MODEL is loaded again
and again on a thread, and eight runs of MODEL are in flight (run_async), which keep a thread for each core busy. Between them
are phases of control: as many processes are busy, with nothing of Heddle in them, while a bare loop ticks. The machine's
other work and the scheduler's slices hold up both; what the loop owes to Heddle is the difference. Ends with status 1 where the median over
the rounds of the difference of the 99th percentiles is not below the limit.
"""
import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import threading
import time

import numpy as np

import heddle

RUNS = 8


async def heartbeat(seconds):
    """The jitter, in milliseconds."""
    late = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.perf_counter()
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - start - 0.001) * 1e3)
    late.sort()
    return {"beats": len(late), "p50_ms": late[len(late) // 2], "p99_ms": late[len(late) * 99 // 100], "max_ms": late[-1]}


def burn(stop):
    while not stop.is_set():
        sum(range(100_000))


async def control(seconds):
    """Beside as many processes as Heddle has busy threads: one for each core, and the one that loads."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    threads = len(os.sched_getaffinity(0)) + 1
    burners = [context.Process(target=burn, args=(stop,), daemon=True) for _ in range(threads)]
    [burner.start() for burner in burners]
    await asyncio.sleep(1)  # they have started
    measured = await heartbeat(seconds)
    stop.set()
    [burner.join() for burner in burners]
    return measured


async def loaded(seconds, big, model, arrays):
    stop = threading.Event()

    async def load():
        while not stop.is_set():
            await asyncio.to_thread(heddle.load, big)

    async def run():
        while not stop.is_set():
            await model.run_async(*arrays)

    tasks = [asyncio.create_task(load()), *[asyncio.create_task(run()) for _ in range(RUNS)]]
    await asyncio.sleep(0.2)
    measured = await heartbeat(seconds)
    stop.set()
    await asyncio.gather(*tasks)
    return measured


async def measure(options):
    model = heddle.load(options.model)
    arrays = [np.zeros([n or 1 for n in port.shape], port.dtype) for port in model.inputs]
    rounds = []
    for _ in range(options.rounds):
        pair = {"control": await control(options.seconds),
                "heddle": await loaded(options.seconds, options.big, model, arrays)}
        for name, cell in pair.items():
            print(f"{name:8}", json.dumps({key: round(value, 3) for key, value in cell.items()}), flush=True)
        rounds.append(pair)
    return rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("big")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--limit", type=float, default=5)
    options = parser.parse_args()
    rounds = asyncio.run(measure(options))
    p99 = {name: statistics.median(pair[name]["p99_ms"] for pair in rounds) for name in ("control", "heddle")}
    more = statistics.median(pair["heddle"]["p99_ms"] - pair["control"]["p99_ms"] for pair in rounds)
    fine = min(more, p99["heddle"]) < options.limit
    print(f"p99: {p99['control']:.2f} ms beside other work, {p99['heddle']:.2f} ms beside Heddle's; {more:+.2f} ms, "
          f"limit {options.limit:g} ms: {'passed' if fine else 'FAILED'}")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
