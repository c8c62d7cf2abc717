# SPDX-License-Identifier: Apache-2.0
"""Whose tensors a thread of one shared Interpreter uses."""
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from conftest import MODELS, zoo
from heddle.lite import Interpreter


@pytest.fixture
def shared(digits_path):
    interpreter = Interpreter(digits_path)
    interpreter.allocate_tensors()
    return interpreter


def on_thread(call):
    """The result of a call on a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def filled(value):
    return np.full((1, 8, 8, 1), value, np.float32)


OUTPUT = 19


def test_set_here_invoke_in_an_executor(shared, digits):
    shared.set_tensor(0, filled(3))
    on_thread(shared.invoke)
    np.testing.assert_array_equal(shared.get_tensor(OUTPUT), digits(filled(3)))


def test_a_thread_that_set_nothing_sees_what_was_set_last(shared):
    shared.set_tensor(0, filled(3))
    assert (on_thread(lambda: shared.get_tensor(0)) == 3).all()

    def set_five():
        shared.set_tensor(0, filled(5))

    on_thread(set_five)
    assert (on_thread(lambda: shared.get_tensor(0)) == 5).all()


def test_a_thread_that_sets_second_gets_its_own(shared, digits):
    shared.set_tensor(0, filled(3))

    def other():
        shared.set_tensor(0, filled(5))
        shared.invoke()
        return shared.get_tensor(OUTPUT)

    np.testing.assert_array_equal(on_thread(other), digits(filled(5)))
    assert (shared.get_tensor(0) == 3).all()
    shared.invoke()
    np.testing.assert_array_equal(shared.get_tensor(OUTPUT), digits(filled(3)))


def test_a_new_thread_is_not_taken_for_one_that_ended(shared):
    """Though the system uses the names of threads again."""
    for value in range(50):
        on_thread(lambda: shared.set_tensor(0, filled(value)))
        shared.set_tensor(0, filled(-1))
        assert (on_thread(lambda: shared.get_tensor(0)) == -1).all()


def test_tensors_go_by_what_threading_calls_local(digits_path, monkeypatch):
    """gevent's is of a greenlet, many of which run on one thread."""
    class Local:
        current = 0

        def __init__(self):
            super().__setattr__("values", {})

        def __getattr__(self, name):
            try:
                return self.values[Local.current, name]
            except KeyError:
                raise AttributeError(name) from None

        def __setattr__(self, name, value):
            self.values[Local.current, name] = value

    monkeypatch.setattr(threading, "local", Local)
    interpreter = Interpreter(digits_path)
    interpreter.allocate_tensors()
    for Local.current in range(3):
        interpreter.set_tensor(0, filled(Local.current))
    for Local.current in range(3):
        assert (interpreter.get_tensor(0) == Local.current).all()


def test_an_own_copy_begins_with_the_values_set_last(shared):
    shared.set_tensor(0, filled(3))

    def other():
        shared.tensor(0)()[0, 0] = 5
        return shared.get_tensor(0)

    got = on_thread(other)
    assert (got[0, 0] == 5).all() and (got[0, 1:] == 3).all()
    assert (shared.get_tensor(0) == 3).all()


def test_shapes_are_the_threads_own(shared):
    shared.set_tensor(0, filled(3))

    def other():
        shared.resize_tensor_input(0, [4, 8, 8, 1])
        shared.allocate_tensors()
        shared.invoke()
        return shared.get_tensor(OUTPUT).shape

    assert on_thread(other) == (4, 10)
    shared.invoke()
    assert shared.get_tensor(OUTPUT).shape == (1, 10)


def test_switched_off_all_threads_share(digits_path):
    interpreter = Interpreter(digits_path, per_thread=False)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, filled(3))
    on_thread(lambda: interpreter.set_tensor(0, filled(5)))
    assert (interpreter.get_tensor(0) == 5).all()


def test_tensors_in_use_may_not_be_set(shared):
    shared.set_tensor(0, filled(3))
    tensors = shared._tensors()
    tensors.begin()  # as an invoke does
    try:
        for call in (lambda: shared.set_tensor(0, filled(5)), shared.tensor(0), shared.invoke,
                     lambda: shared.resize_tensor_input(0, [2, 8, 8, 1])):
            with pytest.raises(RuntimeError, match="being invoked on by another thread"):
                call()
    finally:
        tensors.end()
    assert (shared.get_tensor(0) == 3).all()
    shared.invoke()


def test_a_thread_that_sets_first_during_an_invoke_does_not_wait(shared, digits):
    """Its inputs are a copy; of outputs that are being written it gets zeros."""
    shared.set_tensor(0, filled(3))
    shared.invoke()

    def other():
        shared.tensor(0)()[0, 0] = 5
        return shared.get_tensor(0), shared.get_tensor(OUTPUT)

    tensors = shared._tensors()
    tensors.begin()
    try:
        inputs, outputs = on_thread(other)
    finally:
        tensors.end()
    assert (inputs[0, 0] == 5).all() and (inputs[0, 1:] == 3).all() and not outputs.any()
    np.testing.assert_array_equal(shared.get_tensor(OUTPUT), digits(filled(3)))


def test_copies_in_the_making_disturb_no_invoke(shared):
    """A view that somebody holds is refused; a copy for another thread is none."""
    def others():
        for _ in range(100):
            on_thread(lambda: shared.set_tensor(0, filled(5)))
        done.set()

    done = threading.Event()
    threading.Thread(target=others).start()
    while not done.is_set():
        shared.set_tensor(0, filled(3))  # set last, so that it is what the next thread copies
        shared.invoke()
        assert (shared.get_tensor(0) == 3).all()


def hammer(interpreter, images, expected, rounds, threads):
    """Threads of one interpreter, each with inputs of its own; the number of wrong answers."""
    source = interpreter.get_input_details()[0]["index"]
    sinks = [detail["index"] for detail in interpreter.get_output_details()]
    start = threading.Barrier(threads)

    def work(k):
        wrong = 0
        start.wait()
        for i in range(rounds):
            which = (k * 7 + i) % len(images)
            interpreter.set_tensor(source, images[which])
            interpreter.invoke()
            for sink, want in zip(sinks, expected[which]):
                got = interpreter.get_tensor(sink)
                wrong += not np.array_equal(got, want) if want.dtype.kind != "f" else not np.allclose(
                    got, want, rtol=2e-4, atol=2e-4)
        return wrong

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads)))


def litert_answers(path, images):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(str(path), experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    answers = []
    for image in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        answers.append([interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()])
    return answers


def images_for(path, rng):
    detail = Interpreter(str(path)).get_input_details()[0]
    shape, dtype = tuple(detail["shape"]), np.dtype(detail["dtype"])
    if dtype.kind == "f":
        return [rng.standard_normal(shape).astype(dtype) for _ in range(8)]
    limits = np.iinfo(dtype)
    return [rng.integers(limits.min, limits.max, shape, endpoint=True, dtype=dtype) for _ in range(8)]


def check_sixteen_threads(path, rng, invokes):
    from heddle.lite import OpResolverType
    images = images_for(path, rng)
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    assert hammer(interpreter, images, litert_answers(path, images), invokes // 16, 16) == 0


@pytest.mark.parametrize("name", ["digits_f32.tflite", "digits_int8.tflite"])
def test_sixteen_threads_on_one_object(name, rng):
    check_sixteen_threads(MODELS / name, rng, 1600)


@pytest.mark.long
@pytest.mark.parametrize("name", ["digits_f32.tflite", "digits_int8.tflite",
                                  "zoo:google-coral+test_data/mobilenet_v1_0.25_128_quant.tflite"])
def test_sixteen_threads_ten_thousand_invokes(name, rng):
    check_sixteen_threads(zoo(name[4:]) if name.startswith("zoo:") else MODELS / name, rng, 10_000)
