# SPDX-License-Identifier: Apache-2.0
"""submit() and map(): futures, cancelling, back-pressure, and what ends while calls are in flight."""
import concurrent.futures
import gc
import logging
import signal
import sys
import threading
import time
import types
import weakref

import numpy as np
import pytest

import heddle
from heddle import _futures
from test_processes import F32, LIMIT, child, run

LONG = np.zeros((20000, 8, 8, 1), np.float32)  # a call that lasts a while


def images_of(rng, count):
    return [rng.random((1, 8, 8, 1)).astype(np.float32) for _ in range(count)]


def test_answers_are_those_of_calls(digits, digits_int8, image, rng):
    batch = rng.random((5, 8, 8, 1)).astype(np.float32)
    expected = digits(image)
    for future in (digits.submit(image), digits.submit(image=image), digits.signatures["serving_default"].submit(image),
                   digits.submit(image[:, ::-1][:, ::-1]), digits.submit(image, timeout=LIMIT)):
        np.testing.assert_array_equal(future.result(LIMIT), expected)
    np.testing.assert_array_equal(digits.submit(batch).result(LIMIT), digits(batch))
    assert list(digits.submit({"image": image}).result(LIMIT)) == ["output_0"]
    real = digits_int8.submit(image, quantize=True, dequantize=True).result(LIMIT)
    np.testing.assert_array_equal(real, digits_int8(image, quantize=True, dequantize=True))
    out = np.empty((1, 10), np.float32)
    assert digits.submit(image, out=out).result(LIMIT) is out
    np.testing.assert_array_equal(out, expected)


def test_a_larger_out_is_told(digits, image):
    digits.submit(image, out=np.empty((2, 10), np.float32)).exception(LIMIT)
    with pytest.raises(heddle.InvalidArgument, match="out 'output_0' has shape 2x10, the output is 1x10"):
        digits.submit(image, out=np.empty((2, 10), np.float32)).result(LIMIT)


def test_what_is_wrong_is_raised_at_once(digits, image):
    with pytest.raises(heddle.InvalidArgument, match="expected float32"):
        digits.submit(image.astype(np.int8))
    with pytest.raises(heddle.InvalidArgument, match="cancelled by its future"):
        digits.submit(image, cancel=heddle.CancelToken())
    with pytest.raises(heddle.NotFound, match="input 'picture'"):
        digits.submit(picture=image)
    with pytest.raises(heddle.DeadlineExceeded):
        digits.submit(image, timeout=-1)
    shape = digits.submit(image[0])  # only the engine looks at it
    with pytest.raises(heddle.InvalidArgument):
        shape.result(LIMIT)


def test_more_than_the_queue_holds(digits, image):
    """submit waits for room where a program is ahead of the machine."""
    expected = digits(image)
    for future in [digits.submit(image) for _ in range(3000)]:
        np.testing.assert_array_equal(future.result(LIMIT), expected)


def test_arrays_live_until_the_call_is_done_and_no_longer(digits):
    array = LONG + 1
    alive = weakref.ref(array)
    expected = digits(array)
    future = digits.submit(array)
    del array
    gc.collect()
    np.testing.assert_array_equal(future.result(LIMIT), expected)
    assert alive() is None


def test_cancel_of_what_waits_and_of_what_runs(digits, image):
    futures = [digits.submit(LONG) for _ in range(8)]
    assert all(future.cancel() and future.cancel() for future in futures)
    assert all(future.cancelled() and future.done() for future in futures)
    assert not concurrent.futures.wait(futures, LIMIT).not_done
    with pytest.raises(concurrent.futures.CancelledError):
        futures[0].result()
    done = digits.submit(image)
    done.result(LIMIT)
    assert not done.cancel()


def test_cancel_gives_the_callers_arrays_back(digits):
    """What is written into them after cancel() is theirs alone."""
    out = np.empty((len(LONG), 10), np.float32)
    future = digits.submit(LONG, out=out)
    if future.cancel():
        out[:] = 7
        digits(LONG[:1])
        assert np.all(out == 7)


def test_callbacks_may_raise_submit_and_exit(digits, image, caplog):
    """Nothing that a callback does ends the thread that resolves futures."""
    seen, told = [], threading.Semaphore(0)

    def tell(what):
        seen.append(what)
        told.release()

    def raises(kind):
        def callback(future):
            tell(kind)
            raise kind("from a callback")
        return callback

    def submits(future):
        digits.submit(image).add_done_callback(lambda f: (np.testing.assert_array_equal(f.result(), digits(image)), tell("submits")))

    with caplog.at_level(logging.CRITICAL):
        futures = [digits.submit(LONG) for _ in range(4)]  # not done before they have callbacks
        for future, callback in zip(futures, (raises(KeyError), raises(SystemExit), raises(KeyboardInterrupt), submits)):
            future.add_done_callback(callback)
        for _ in futures:
            assert told.acquire(timeout=LIMIT)
    assert set(seen) == {KeyError, SystemExit, KeyboardInterrupt, "submits"}


def test_as_completed_and_many_threads(digits, rng):
    images = images_of(rng, 50)
    answers = [None] * len(images)

    def serve(first):
        numbers = {digits.submit(images[k]): k for k in range(first, len(images), 4)}
        for future in concurrent.futures.as_completed(numbers, LIMIT):
            answers[numbers[future]] = future.result()

    threads = [threading.Thread(target=serve, args=(k,)) for k in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for got, image in zip(answers, images):
        np.testing.assert_array_equal(got, digits(image))


def test_a_closed_models_calls_end_as_usual(image):
    model = heddle.load(F32)
    expected = model(image)
    futures = [model.submit(image) for _ in range(20)]
    model.close()
    with pytest.raises(heddle.FailedPrecondition):
        model.submit(image)
    del model
    for future in futures:
        np.testing.assert_array_equal(future.result(LIMIT), expected)


# --- map ---


def test_map_answers_in_order(digits, rng):
    images = images_of(rng, 200)
    for got, image in zip(digits.map(images), images, strict=True):
        np.testing.assert_array_equal(got, digits(image))
    named = digits.map(({"image": image} for image in images[:3]), timeout=LIMIT)
    assert [list(answer) for answer in named] == [["output_0"]] * 3
    assert len(list(digits.map(((image,) for image in images[:3])))) == 3
    assert list(digits.map([])) == []


def test_map_without_order_answers_each_once(digits, rng):
    images = images_of(rng, 100)
    expected = sorted(digits(image).tobytes() for image in images)
    assert sorted(answer.tobytes() for answer in digits.map(images, ordered=False, max_in_flight=7)) == expected


@pytest.mark.parametrize("ordered", [True, False])
def test_map_holds_no_more_than_it_was_told(digits, image, ordered):
    taken = answered = most = 0

    def items():
        nonlocal taken, most
        for _ in range(50):
            taken += 1
            most = max(most, taken - answered)
            yield image

    for _ in digits.map(items(), ordered=ordered, max_in_flight=3):
        answered += 1
    assert (taken, answered, most) == (50, 50, 3)


def test_map_refuses_and_raises(digits, image):
    with pytest.raises(heddle.InvalidArgument, match="max_in_flight is 0"):
        digits.map([image], max_in_flight=0)
    with pytest.raises(heddle.InvalidArgument, match="out: "):
        digits.map([image], out=np.empty((1, 10), np.float32))
    answers = digits.map([image, image[0], image], max_in_flight=1)
    next(answers)
    with pytest.raises(heddle.InvalidArgument):
        next(answers)
    with pytest.raises(StopIteration):
        next(answers)

    def broken():
        yield image
        raise KeyError("no more images")

    with pytest.raises(KeyError, match="no more images"):
        list(digits.map(broken()))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_map_that_is_left_cancels(digits, ordered, monkeypatch):
    from heddle import _futures
    made = []
    submit = _futures.submit
    monkeypatch.setattr(_futures, "submit", lambda *a: made.append(submit(*a)) or made[-1])
    answers = digits.map((LONG for _ in range(10**9)), ordered=ordered, max_in_flight=4)
    next(answers)
    answers.close()
    assert len(made) == 4
    assert all(future.done() for future in made) and any(future.cancelled() for future in made)


def test_map_shows_progress(digits, image, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)  # not installed
    assert len(list(digits.map([image] * 30, progress=True))) == 30
    assert capsys.readouterr().err.endswith("\r30 of 30\n")
    list(digits.map(iter([image] * 3), progress=True))
    assert capsys.readouterr().err.endswith("\r3\n")

    class Bar:
        def __init__(self, total):
            self.total, self.done, self.closed = total, 0, False
            bars.append(self)

        def update(self):
            self.done += 1

        def close(self):
            self.closed = True

    bars = []
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    list(digits.map([image] * 5, progress=True))
    assert [(bar.total, bar.done, bar.closed) for bar in bars] == [(5, 5, True)]


# --- ends ---


def test_python_ends_with_submitted_calls():
    """As with an executor, the end waits for what was submitted, and for its callbacks."""
    assert run("""
        import sys
        import numpy as np, heddle
        model = heddle.load(sys.argv[1])
        ended = []
        def callback(future):
            ended.append(future.result().shape)
            if len(ended) == 40:
                print("40 ended")
        for _ in range(40):
            model.submit(np.zeros((500, 8, 8, 1), np.float32)).add_done_callback(callback)
        """, F32) == "40 ended\n"


def test_nothing_is_submitted_while_python_ends():
    assert run("""
        import atexit, sys
        import numpy as np, heddle
        model = heddle.load(sys.argv[1])
        image = np.zeros((1, 8, 8, 1), np.float32)
        def at_exit():
            try:
                model.submit(image)
            except heddle.FailedPrecondition as error:
                print(error, model(image).shape)
        atexit.register(at_exit)
        model.submit(image)
        """, F32) == "Python is ending: nothing can be submitted any more (1, 10)\n"


def test_a_refusal_ends_the_wait_at_the_end(monkeypatch):
    """Python's end waits for what is being submitted; that it is refused then is told, too."""
    dispatcher = _futures._Dispatcher()
    end = threading.Thread(target=dispatcher.finish, daemon=True)

    class Ticket:
        def __init__(self, *arguments):
            pass

        def submit(self, completions, tag):
            end.start()
            while not dispatcher._idle._waiters:
                assert end.is_alive()
            raise heddle.DeadlineExceeded("too late")

    monkeypatch.setattr(_futures, "_native", types.SimpleNamespace(Ticket=Ticket))
    dispatcher._completions = object()
    with pytest.raises(heddle.DeadlineExceeded):
        dispatcher.submit(None, (), {})
    end.join(LIMIT)
    assert not end.is_alive()


def test_an_interrupt_ends_the_wait_at_the_end():
    """Ctrl-C while Python's end waits: what is left is cancelled, and the process is gone."""
    import subprocess
    program = """
import signal, sys
import numpy as np, heddle
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
model = heddle.load(sys.argv[1])
batch = np.zeros((20000, 8, 8, 1), np.float32)
for _ in range(1000):
    model.submit(batch)
print("submitted", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program, F32], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"submitted\n"
        ends = time.monotonic() + LIMIT
        while process.poll() is None and time.monotonic() < ends:  # the first may come before the end does
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        process.kill()
    assert process.returncode in (0, 1, 130, -signal.SIGINT)


def test_a_child_submits_what_its_parent_loaded():
    """At once: the thread that told the result may still be on its way out. In a process where nothing else was cancelled
    a moment ago, which would be in flight."""
    assert run("""
        import os, sys
        import numpy as np, heddle
        model = heddle.load(sys.argv[1])
        image = np.zeros((1, 8, 8, 1), np.float32)
        expected = model.submit(image).result()
        for _ in range(50):
            pid = os.fork()
            if pid == 0:
                os._exit(0 if np.array_equal(model.submit(image).result(60), expected) else 1)
            print(os.waitpid(pid, 0)[1], np.array_equal(model.submit(image).result(60), expected))
        """, F32) == "0 True\n" * 50


def test_a_child_forked_with_submitted_calls_is_told(digits, image):
    """Its copies of the futures end with an error, and so do its own calls; the parent's are as they were."""
    futures = [digits.submit(LONG) for _ in range(8)]
    futures[0].add_done_callback(lambda future: None)

    def lost(future):
        return future.cancelled() or isinstance(future.exception(LIMIT), heddle.FailedPrecondition)

    def work():
        try:
            digits.submit(image)
        except heddle.FailedPrecondition:
            return any(map(lost, futures))
        return False

    assert child(work) == 0
    expected = digits(LONG)
    for future in futures:
        np.testing.assert_array_equal(future.result(LIMIT), expected)
