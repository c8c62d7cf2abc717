# SPDX-License-Identifier: Apache-2.0
"""fork, spawn, forkserver, pools, the shape of a pre-fork server, and what ends while calls are in flight."""
import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import heddle
from conftest import MODELS

F32 = str(MODELS / "digits_f32.tflite")
LIMIT = 60  # seconds; a hang is what these tests look for


def answer(job):
    model, image = job
    return model(image)


def run(program, *arguments):
    """Runs a program to its end; returns what it printed."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program), *arguments], capture_output=True, text=True,
                          timeout=LIMIT)
    assert done.stderr == ""
    assert done.returncode == 0, f"status {done.returncode}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_pools_take_models(method, digits, rng):
    images = [rng.random((1, 8, 8, 1)).astype(np.float32) for _ in range(4)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        answers = pool.map_async(answer, [(digits, image) for image in images]).get(LIMIT)
    for got, image in zip(answers, images):
        np.testing.assert_array_equal(got, digits(image))


def child(work):
    """The exit status of a forked child that does `work`; a child that hangs is ended by its alarm."""
    import signal
    pid = os.fork()
    if pid == 0:
        signal.alarm(LIMIT)
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_runs_what_its_parent_loaded(digits, image):
    from heddle.lite import Interpreter
    expected = digits(image)
    interpreter = Interpreter(F32)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, image)

    def work():
        interpreter.invoke()
        return np.array_equal(digits(image), expected) and np.array_equal(interpreter.get_tensor(19), expected)

    for _ in range(4):
        assert child(work) == 0


def test_a_child_forked_during_calls_answers_or_is_refused(digits, image):
    """Never hangs: a call of the child gives the answer or raises FailedPrecondition."""
    expected = digits(image)
    stop = threading.Event()
    batch = np.zeros((64, 8, 8, 1), np.float32)

    def busy():
        while not stop.is_set():
            digits(batch)

    thread = threading.Thread(target=busy)
    thread.start()

    def work():
        try:
            return np.array_equal(digits(image), expected)
        except heddle.FailedPrecondition:
            return True

    try:
        assert [child(work) for _ in range(8)] == [0] * 8
    finally:
        stop.set()
        thread.join()
    np.testing.assert_array_equal(digits(image), expected)


def test_a_prefork_server(digits, image):
    """The shape of gunicorn --preload -w 4 --threads 8: loaded and warmed before the fork, threads after it."""
    out = run("""
        import os, sys, threading
        import numpy as np, heddle
        model = heddle.load(sys.argv[1])
        image = np.zeros((1, 8, 8, 1), np.float32)
        expected = model(image).tobytes()
        workers = []
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                wrong = []
                def serve():
                    for _ in range(100):
                        if model(image).tobytes() != expected:
                            wrong.append(1)
                threads = [threading.Thread(target=serve) for _ in range(8)]
                [t.start() for t in threads]
                [t.join() for t in threads]
                os._exit(len(wrong))
            workers.append(pid)
        print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers])
        """, F32)
    assert out == "[0, 0, 0, 0]\n"


@pytest.mark.parametrize("given", ["batch", "batch[:, ::-1]", "batch.tolist()"])
def test_the_interpreter_ends_with_calls_in_flight(given):
    """Daemon threads run the model, or have its inputs converted, while Python is torn down: the process ends as if they
    were not there."""
    for _ in range(5):
        out = run("""
            import sys, threading
            import numpy as np, heddle
            model = heddle.load(sys.argv[1])
            batch = np.zeros((256, 8, 8, 1), np.float32)
            given = eval(sys.argv[2])
            running = threading.Barrier(5)
            def forever():
                running.wait()
                while True:
                    model(given)
            for _ in range(4):
                threading.Thread(target=forever, daemon=True).start()
            running.wait()
            model(given)
            print("end")
            """, F32, given)
        assert out == "end\n"


def test_other_threads_run_during_a_call(digits):
    """The GIL is free: a thread counts on while another's call lasts."""
    batch = np.zeros((20000, 8, 8, 1), np.float32)
    counted = []
    done = threading.Event()

    def count():
        n = 0
        while not done.is_set():
            n += 1
        counted.append(n)

    thread = threading.Thread(target=count)
    thread.start()
    digits(batch)
    done.set()
    thread.join()
    assert counted[0] > 1000


def test_asyncio_keeps_its_heartbeat():
    """A model loads and runs in executor threads while the loop ticks; the loop is never held for a whole call."""
    import asyncio
    import time

    model = heddle.load(F32)
    batch = np.zeros((20000, 8, 8, 1), np.float32)
    model(batch)

    async def main():
        loop = asyncio.get_running_loop()
        started = time.monotonic()
        alone = await loop.run_in_executor(None, lambda: model(batch)[0]) is not None
        length = time.monotonic() - started
        ticks = 0
        runs = asyncio.gather(*[loop.run_in_executor(None, model, batch) for _ in range(4)],
                              loop.run_in_executor(None, heddle.load, F32))
        while not runs.done():
            await asyncio.sleep(0.001)
            ticks += 1
        await runs
        return alone, ticks, length

    alone, ticks, length = asyncio.run(main())
    assert alone and ticks > 3, f"{ticks} ticks while calls of {length:.3f} s ran"
