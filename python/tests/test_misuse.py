# SPDX-License-Identifier: Apache-2.0
"""Random misuse: every call ends with a result or a Python exception, never a crash, and leaves nothing behind."""
import asyncio
import gc
import logging
import random
import sys

import numpy as np
import pytest

import heddle
from conftest import MODELS, SEED
from heddle.lite import Interpreter

DTYPES = [np.float32, np.float64, np.int8, np.uint8, np.int64, np.bool_, np.complex64, "U4", "S3", object, ">f4"]


@pytest.fixture(autouse=True)
def callbacks_that_raise_are_not_kept(caplog):
    """pytest would hold each log record, with its traceback and all that the traceback refers to."""
    caplog.set_level(logging.CRITICAL, "concurrent.futures")


class Bomb:
    """Raises wherever it is looked at."""

    def __array__(self, *arguments, **options):
        raise KeyError("bomb")

    def __bool__(self):
        raise KeyError("bomb")

    def __float__(self):
        raise KeyError("bomb")


class Misuse:
    """Random calls on a few models, interpreters and sessions."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.paths = [MODELS / "digits_f32.tflite", MODELS / "digits_int8.tflite"]
        self.models = [heddle.load(path) for path in self.paths]
        self.closed = heddle.load(self.paths[0])
        self.closed.close()
        self.interpreters = [Interpreter(path) for path in self.paths]
        self.calls = [self.call, self.call_named, self.call_out, self.use_interpreter, self.use_session, self.load, self.submit,
                      self.map, self.run_async]

    def value(self):
        pick = self.random.choice
        shape = pick([(1, 8, 8, 1), (1, 8, 8, 1), (2, 8, 8, 1), (0, 8, 8, 1), (8, 8), (), (1,) * 9, (1, 8, 8, 3), (64,)])
        array = np.zeros(shape, pick(DTYPES))
        return pick([array, array, array, array[..., ::-1] if shape else array, array.tolist(), array.T, None, "x", b"y", 3,
                     3.5, [], [[]], [1, "x"], Bomb(), object(), {}, {"image": array}, memoryview(b"1234"), lambda: 0,
                     np.broadcast_to(np.float32(1), (1, 8, 8, 1)), float("nan"), 10**30])

    def model(self):
        return self.random.choice([*self.models, *self.models, self.closed, self.models[0].signatures["serving_default"],
                                   heddle.Model.__new__(heddle.Model)])

    def call(self):
        return self.model()(*[self.value() for _ in range(self.random.choice([0, 1, 1, 1, 2]))])

    def call_named(self):
        names = ["image", "nothing", "timeout", "deadline", "cancel", "quantize", "dequantize", "fresh_state", "out"]
        chosen = self.random.sample(names, self.random.randrange(4))
        return self.model()(**{name: self.value() for name in chosen})

    def call_out(self):
        image = np.zeros((1, 8, 8, 1), np.float32)
        outs = [self.value(), np.zeros((1, 10), np.float32), np.zeros((1, 9), np.float32), np.zeros((2, 10), np.float32),
                {"output_0": self.value()}, {3: image}, [self.value()], [np.zeros((1, 10), np.float32)] * 2]
        return self.model()(image, out=self.random.choice(outs))

    def submit(self):
        future = self.model().submit(self.value(), timeout=self.random.choice([None, 60, 0, self.value()]))
        future.add_done_callback(self.random.choice([lambda done: None, lambda done: 1 / 0, None]))
        if self.random.random() < 0.2:
            future.cancel()
        return future.result(60)

    def map(self):
        items = [self.value() for _ in range(self.random.randrange(4))]
        answers = self.model().map(self.random.choice([items, iter(items), self.value()]), max_in_flight=self.random.choice(
            [None, 1, 2, 0, self.value()]), ordered=self.random.choice([True, False]))
        return [next(answers)] if self.random.random() < 0.3 else list(answers)

    def run_async(self):
        return asyncio.run(asyncio.wait_for(self.model().run_async(self.value()), self.random.choice([None, 60, 0])))

    def use_interpreter(self):
        one = self.random.choice(self.interpreters)
        index = self.random.choice([0, 0, 19, 5, -1, 99, None, "x", 2**40, 1.5])
        shape = self.random.choice([[1, 8, 8, 1], [1, 8, 8, 1], [3, 8, 8, 1], [0, 8, 8, 1], [-1, 8, 8, 1], [], [8], None,
                                    [2**31], "x", [1] * 9])
        return self.random.choice([
            lambda: one.set_tensor(index, self.value()), lambda: one.get_tensor(index), one.invoke, one.allocate_tensors,
            lambda: one.resize_tensor_input(index, shape, self.random.choice([True, False])), lambda: one.tensor(index)(),
            lambda: one.get_signature_runner(self.random.choice([None, "serving_default", 3]))(image=self.value()),
            one.get_tensor_details, lambda: one.get_tensor_details(self.value()), one.reset_all_variables])()

    def use_session(self):
        session = self.random.choice(self.models).session()
        return self.random.choice([lambda: session(self.value()), lambda: session.restore(self.value()), session.save,
                                   session.clone, session.reset])()

    def load(self):
        content = bytearray(self.random.choice(self.paths).read_bytes())
        for _ in range(3):
            content[self.random.randrange(len(content))] = self.random.randrange(256)
        source = self.random.choice([bytes(content), bytes(content[:self.random.randrange(len(content))]), self.value()])
        return heddle.load(source, numerics=self.random.choice(["fast", "reference", "", None]))(self.value())

    def run(self, calls):
        worked = 0
        for _ in range(calls):
            try:
                self.random.choice(self.calls)()
                worked += 1
            except Exception:  # whatever it is, it is Python's
                pass
        return worked


def references(misuse):
    """Of what outlives calls: one that forgets to let go shows here, or in the memory."""
    things = [None, True, 0, (), np.ndarray, np.dtype(np.float32), heddle.Model, heddle.InvalidArgument, *misuse.models,
              *misuse.interpreters]
    return np.array([sys.getrefcount(thing) for thing in things])


def check(calls):
    """Nothing crashes, some calls work, and the last four fifths of them leave nothing behind."""
    misuse = Misuse(SEED)
    worked = misuse.run(calls // 5)
    gc.collect()
    counts, objects, memory = references(misuse), len(gc.get_objects()), pss_kib()
    worked += misuse.run(calls - calls // 5)
    gc.collect()
    more = 300 + calls // 1000
    assert (references(misuse) - counts).max() < more
    assert len(gc.get_objects()) - objects < more
    assert pss_kib() - memory < 8000
    assert calls / 20 < worked < calls
    image = np.zeros((1, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(misuse.models[0](image), heddle.load(misuse.paths[0])(image))


def pss_kib():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def test_a_sample():
    check(1500)


@pytest.mark.long
def test_all():
    check(100_000)


def test_nothing_leaks():
    """Objects and memory stay where they were while models load, run, fail and go."""
    image = np.zeros((1, 8, 8, 1), np.float32)

    def round_trip():
        model = heddle.load(MODELS / "digits_f32.tflite")
        for _ in range(20):
            model(image)
            model.session()(image)
            model.submit(image).result()
            model.signatures["serving_default"](image=image)
            try:
                model(image[0])
            except heddle.HeddleError:
                pass
        assert asyncio.run(model.run_async(image)).shape == (1, 10)
        interpreter = Interpreter(MODELS / "digits_f32.tflite")
        interpreter.allocate_tensors()
        interpreter.invoke()

    for _ in range(30):
        round_trip()
    gc.collect()
    objects, memory = len(gc.get_objects()), pss_kib()
    for _ in range(60):
        round_trip()
    gc.collect()
    assert len(gc.get_objects()) - objects < 60
    assert pss_kib() - memory < 1500
