# SPDX-License-Identifier: Apache-2.0
"""Models that remember: sessions, and the variables of an Interpreter."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import heddle
from conftest import zoo
from heddle.lite import Interpreter

ENCODER = "google+lyra/soundstream_encoder.tflite"  # its state is in resource variables


@pytest.fixture(scope="module")
def encoder():
    return heddle.load(zoo(ENCODER))


@pytest.fixture
def frames(rng):
    return [rng.standard_normal((1, 320)).astype(np.float32) for _ in range(6)]


def stream(call, frames):
    return np.concatenate([np.asarray(call(frame)).ravel() for frame in frames])


def alone(encoder, frames):
    return stream(encoder.session(), frames)


def test_a_model_that_remembers_wants_a_session(encoder, frames):
    assert encoder.stateful
    with pytest.raises(heddle.FailedPrecondition, match="Session"):
        encoder(frames[0])
    np.testing.assert_array_equal(encoder(frames[0], fresh_state=True), encoder.session()(frames[0]))


def test_submitted_calls_of_a_session_run_as_submitted(encoder, frames):
    session, other = encoder.session(), encoder.session()
    futures = [session.submit(frame) for frame in frames]
    answers = list(other.map(frames))
    expected = alone(encoder, frames)
    np.testing.assert_array_equal(np.concatenate([np.asarray(f.result(60)).ravel() for f in futures]), expected)
    np.testing.assert_array_equal(np.concatenate([np.asarray(answer).ravel() for answer in answers]), expected)


def test_sessions_never_see_each_other(encoder, frames):
    expected = alone(encoder, frames), alone(encoder, frames[::-1])
    assert (stream(lambda frame: encoder.session()(frame), frames) != expected[0]).any()  # it does remember
    one, other = encoder.session(), encoder.session()
    got = [(one(a), other(b)) for a, b in zip(frames, frames[::-1])]
    for k in range(2):
        np.testing.assert_array_equal(np.concatenate([np.ravel(pair[k]) for pair in got]), expected[k])


def test_reset_save_restore_clone(encoder, frames):
    expected = alone(encoder, frames)
    session = encoder.session()
    stream(session, frames[:3])
    saved, clone = session.save(), session.clone()
    rest = stream(session, frames[3:])
    np.testing.assert_array_equal(stream(clone, frames[3:]), rest)
    other = encoder.session()
    other.restore(saved)
    np.testing.assert_array_equal(stream(other, frames[3:]), rest)
    session.reset()
    np.testing.assert_array_equal(stream(session, frames), expected)
    with pytest.raises(heddle.HeddleError):
        session.restore(saved[:-1])


def runs(interpreter):
    source = interpreter.get_input_details()[0]["index"]
    sink = interpreter.get_output_details()[0]["index"]

    def call(frame):
        interpreter.set_tensor(source, frame)
        interpreter.invoke()
        return interpreter.get_tensor(sink)

    return call


def on_thread(call, *arguments):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call, *arguments).result()


def test_a_stream_goes_on_whichever_thread_invokes(encoder, frames):
    """As with one stock interpreter that a program's threads use in turn."""
    interpreter = Interpreter(str(zoo(ENCODER)))
    interpreter.allocate_tensors()
    call = runs(interpreter)
    got = [call(frame) if k % 2 else on_thread(call, frame) for k, frame in enumerate(frames)]
    np.testing.assert_array_equal(np.concatenate([np.ravel(x) for x in got]), alone(encoder, frames))


def test_invokes_of_a_model_that_remembers_take_turns(encoder, frames):
    """Of equal frames from four threads none is lost: what follows is as after as many invokes in a row."""
    interpreter = Interpreter(str(zoo(ENCODER)))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], frames[0])  # so that each thread gets a copy
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: stream(runs(interpreter), frames[:1] * 5), range(4)))
    session = encoder.session()
    stream(session, frames[:1] * 20)
    np.testing.assert_array_equal(stream(runs(interpreter), frames), stream(session, frames))


def test_two_interpreters_are_two_streams(encoder, frames):
    first, second = Interpreter(str(zoo(ENCODER))), Interpreter(str(zoo(ENCODER)))
    for interpreter in (first, second):
        interpreter.allocate_tensors()
    stream(runs(first), frames[:3])
    np.testing.assert_array_equal(stream(runs(second), frames), alone(encoder, frames))


def test_allocating_again_and_reset_leave_resource_variables(encoder, frames):
    interpreter = Interpreter(str(zoo(ENCODER)))
    interpreter.allocate_tensors()
    first = stream(runs(interpreter), frames[:3])
    interpreter.allocate_tensors()
    interpreter.reset_all_variables()
    np.testing.assert_array_equal(np.concatenate([first, stream(runs(interpreter), frames[3:])]), alone(encoder, frames))
