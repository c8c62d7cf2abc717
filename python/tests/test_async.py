# SPDX-License-Identifier: Apache-2.0
"""run_async(): answers, deadlines, cancelled tasks, several loops, loops that end with calls in flight."""
import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest

import heddle
from test_processes import F32, LIMIT, run

LONG = np.zeros((20000, 8, 8, 1), np.float32)


def test_answers_are_those_of_calls(digits, rng):
    images = [rng.random((1, 8, 8, 1)).astype(np.float32) for _ in range(1000)]  # more than a loop has at once

    async def main():
        return await asyncio.gather(*[digits.run_async(image) for image in images])

    for got, image in zip(asyncio.run(main()), images, strict=True):
        np.testing.assert_array_equal(got, digits(image))


def test_words_of_a_call(digits, digits_int8, image):
    out = np.empty((1, 10), np.float32)

    async def main():
        assert await digits.run_async(image, out=out) is out
        assert list(await digits.run_async({"image": image})) == ["output_0"]
        assert (await digits.signatures["serving_default"].run_async(image=image, timeout=LIMIT)).shape == (1, 10)
        return await digits_int8.run_async(image, quantize=True, dequantize=True)

    np.testing.assert_array_equal(asyncio.run(main()), digits_int8(image, quantize=True, dequantize=True))
    np.testing.assert_array_equal(out, digits(image))


def test_errors_are_raised_where_it_is_awaited(digits, image):
    async def main():
        with pytest.raises(heddle.InvalidArgument, match="expected float32"):
            await digits.run_async(image.astype(np.int8))
        with pytest.raises(heddle.InvalidArgument):
            await digits.run_async(image[0])
        with pytest.raises(heddle.DeadlineExceeded):
            await digits.run_async(LONG, timeout=1e-6)
        return await digits.run_async(image)

    np.testing.assert_array_equal(asyncio.run(main()), digits(image))


def test_a_cancelled_task_stops_its_call(digits, image):
    async def main():
        tasks = [asyncio.create_task(digits.run_async(LONG)) for _ in range(600)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(digits.run_async(np.concatenate([LONG] * 5)), 0.001)
        return await digits.run_async(image)

    np.testing.assert_array_equal(asyncio.run(main()), digits(image))


def test_the_loop_goes_on_meanwhile(digits):
    async def main():
        call = asyncio.create_task(digits.run_async(LONG))
        ticks = 0
        while not call.done():
            await asyncio.sleep(0)
            ticks += 1
        return ticks

    assert asyncio.run(main()) > 10


def test_a_full_queue_does_not_hold_the_loop(digits, image):
    """Threads that submit may fill the queue; the loop then tries again, and ticks."""
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            pending.append(digits.submit(image))

    pending = []
    thread = threading.Thread(target=flood)
    thread.start()

    async def main():
        return await asyncio.wait_for(asyncio.gather(*[digits.run_async(image) for _ in range(50)]), LIMIT)

    try:
        answers = asyncio.run(main())
    finally:
        stop.set()
        thread.join()
    np.testing.assert_array_equal(answers, [digits(image)] * 50)
    assert all(future.result(LIMIT) is not None for future in pending)


def test_loops_come_and_go(digits, image):
    """Each in its thread; what a loop had in flight when it was closed is cancelled."""
    expected = digits(image)
    wrong = []

    async def some():
        for _ in range(20):
            if not np.array_equal(await digits.run_async(image), expected):
                wrong.append(1)

    threads = [threading.Thread(target=asyncio.run, args=(some(),)) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong

    loop = asyncio.new_event_loop()
    array = LONG + 1
    alive = weakref.ref(array)
    task = loop.create_task(digits.run_async(array))
    loop.run_until_complete(asyncio.sleep(0))
    del array
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    del loop, task
    gc.collect()
    assert alive() is None


def test_python_ends_with_awaited_calls():
    assert run("""
        import asyncio, sys
        import numpy as np, heddle
        model = heddle.load(sys.argv[1])
        batch = np.zeros((5000, 8, 8, 1), np.float32)
        async def main():
            tasks = [asyncio.create_task(model.run_async(batch)) for _ in range(20)]
            await asyncio.sleep(0)
        asyncio.run(main())
        loop = asyncio.new_event_loop()
        task = loop.create_task(model.run_async(batch))
        loop.run_until_complete(asyncio.sleep(0))
        task._log_destroy_pending = False
        print("end")
        """, F32) == "end\n"


def test_a_child_has_loops_of_its_own():
    """Forked with a loop that goes on in the parent, whose calls are none of the child's business."""
    assert run("""
        import asyncio, os, sys
        import numpy as np, heddle
        model = heddle.load(sys.argv[1])
        image = np.zeros((1, 8, 8, 1), np.float32)
        expected = asyncio.run(model.run_async(image))

        def forked():
            pid = os.fork()
            if pid == 0:
                os._exit(0 if np.array_equal(asyncio.run(model.run_async(image)), expected) else 1)
            return os.waitpid(pid, 0)[1]

        async def main():
            for _ in range(3):
                await model.run_async(image)
                print(await asyncio.to_thread(forked), np.array_equal(await model.run_async(image), expected))

        asyncio.run(main())
        """, F32) == "0 True\n" * 3
