# SPDX-License-Identifier: Apache-2.0
"""How long an asyncio loop is held up while models load and run on other threads.  heartbeat.py BIG_MODEL MODEL

A task sleeps for a millisecond at a time; what it oversleeps is the jitter. Meanwhile BIG_MODEL is loaded again and again
and eight runs of MODEL are in flight. Without Heddle's part the same loop is measured first, idle.
"""
import asyncio
import json
import sys
import time

import numpy as np

import heddle

SECONDS, RUNS = 5.0, 8


async def heartbeat(seconds):
    loop = asyncio.get_running_loop()
    late = []
    until = loop.time() + seconds
    while loop.time() < until:
        start = time.perf_counter()
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - start - 0.001) * 1e3)
    late.sort()
    return {"beats": len(late), "p50_ms": late[len(late) // 2], "p99_ms": late[len(late) * 99 // 100], "max_ms": late[-1]}


async def busy(stop, call):
    while not stop.is_set():
        await asyncio.to_thread(call)


async def measure(big, path):
    idle = await heartbeat(SECONDS / 5)
    model = heddle.load(path)
    arrays = [np.zeros([n or 1 for n in port.shape], port.dtype) for port in model.inputs]
    stop = asyncio.Event()
    tasks = [asyncio.create_task(busy(stop, lambda: heddle.load(big)))]
    tasks += [asyncio.create_task(busy(stop, lambda: model(*arrays))) for _ in range(RUNS)]
    loaded = await heartbeat(SECONDS)
    stop.set()
    await asyncio.gather(*tasks)
    return {"idle": idle, "loading and running": loaded}


def main():
    for name, result in asyncio.run(measure(*sys.argv[1:3])).items():
        print(f"{name}:", json.dumps({key: round(value, 3) for key, value in result.items()}))


main()
