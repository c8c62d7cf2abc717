# SPDX-License-Identifier: Apache-2.0
"""The natural API: loading, calling, describing."""
import array
import pickle
import sys
import threading
import time

import numpy as np
import pytest

import heddle
from conftest import MODELS


def test_every_way_to_call_gives_the_same(digits, image):
    scores = digits(image)
    assert scores.shape == (1, 10) and scores.dtype == np.float32
    for other in (digits(image=image), digits({"image": image})["output_0"], digits.signatures["serving_default"](image),
                  digits(image.tolist()), digits(memoryview(image)), digits(np.asfortranarray(image)),
                  digits(image[:, ::-1][:, ::-1]), digits.session()(image)):
        np.testing.assert_array_equal(other, scores)


def test_a_run_of_a_few_microseconds_keeps_the_gil():
    """But not one that may take long, or may have to wait."""
    model = heddle.load(MODELS / "digits_int8.tflite")
    image, big = (np.zeros((batch, 8, 8, 1), np.int8) for batch in (1, 3000))
    assert not model._keeps_gil  # its times are not known

    def call_until_it_keeps():
        for _ in range(100_000):  # on a busy machine it takes a while
            model(image)
            if model._keeps_gil:
                return
        pytest.skip("three runs in a row never took less than 5 microseconds")

    call_until_it_keeps()
    assert {model(image).tobytes() for _ in range(300)} == {model(image, timeout=60).tobytes()}
    for _ in range(5):
        model(big)
        assert not model._keeps_gil
    call_until_it_keeps()
    waiting = model.submit(big)
    ticket = waiting._ticket
    assert ticket is None or not model._keeps_gil  # the engine works for somebody else
    waiting.result(60)
    del ticket
    call_until_it_keeps()


def test_any_batch_and_every_row_as_alone(digits, rng):
    batch = rng.random((7, 8, 8, 1)).astype(np.float32)
    together = digits(batch)
    for row, alone in zip(together, batch):
        np.testing.assert_array_equal(row, digits(alone[None])[0])


def test_results_are_the_callers_own(digits, image):
    first = digits(image)
    kept = first.copy()
    digits(image + 1)
    np.testing.assert_array_equal(first, kept)
    assert first.flags.owndata and first.flags.writeable


@pytest.mark.parametrize("content", [bytes, bytearray, memoryview])
def test_loads_from_bytes(content, digits, digits_path, image):
    np.testing.assert_array_equal(heddle.load(content(digits_path.read_bytes()))(image), digits(image))


def test_out_is_written_into(digits, image):
    out = np.zeros((1, 10), np.float32)
    assert digits(image, out=out) is out
    np.testing.assert_array_equal(out, digits(image))
    named = {"output_0": np.zeros((1, 10), np.float32)}
    assert digits(image, out=named) is named
    np.testing.assert_array_equal(named["output_0"], out)


@pytest.mark.parametrize("out, text", [
    (np.zeros((1, 9), np.float32), "needs 40 bytes"),
    (np.zeros((2, 10), np.float32), "has shape 2x10"),
    (np.zeros((1, 10), np.float64), "is float64, expected float32"),
    (np.zeros((10, 2), np.float32)[:, 0], "contiguous"),
    ([np.zeros((1, 10), np.float32)] * 2, "out has 2 arrays"),
    ({"nothing": np.zeros((1, 10), np.float32)}, "the model has 'output_0'"),
])
def test_an_out_that_does_not_fit_is_named(digits, image, out, text):
    with pytest.raises(heddle.HeddleError, match=text):
        digits(image, out=out)


def test_an_out_that_shares_memory_is_refused(digits, rng):
    """The run would write into what it still reads."""
    memory = rng.random(74).astype(np.float32)
    image, out = memory[:64].reshape(1, 8, 8, 1), memory[64:].reshape(1, 10)
    expected = digits(image)
    np.testing.assert_array_equal(digits(image, out=out), expected)
    for k in (54, 55, 63):
        with pytest.raises(heddle.InvalidArgument, match="out 'output_0' shares memory with an input"):
            digits(image, out=memory[k:k + 10].reshape(1, 10))
    with pytest.raises(heddle.InvalidArgument, match="shares memory"):
        digits.submit(image, out=memory[:10].reshape(1, 10))
    np.testing.assert_array_equal(digits(image), expected)


def test_a_read_only_out_is_refused(digits, image):
    out = np.zeros((1, 10), np.float32)
    out.flags.writeable = False
    with pytest.raises(heddle.InvalidArgument, match="writable"):
        digits(image, out=out)


@pytest.mark.parametrize("call, error, text", [
    (lambda m, x: m(x.astype(np.float64)), heddle.InvalidArgument, "input 'image' is float64, expected float32"),
    (lambda m, x: m(), heddle.InvalidArgument, "input 'image' .* is missing"),
    (lambda m, x: m(x, x), heddle.InvalidArgument, "2 inputs are given"),
    (lambda m, x: m(x, image=x), heddle.InvalidArgument, "given twice"),
    (lambda m, x: m(picture=x), heddle.NotFound, "input 'picture': the model has 'image'"),
    (lambda m, x: m({1: x}), heddle.NotFound, "input 1"),
    (lambda m, x: m(x[0]), heddle.InvalidArgument, "rank"),
    (lambda m, x: m("text"), heddle.InvalidArgument, "made of"),
    (lambda m, x: m(None), heddle.InvalidArgument, "made of"),
    (lambda m, x: m(x, cancel=1), heddle.InvalidArgument, "CancelToken"),
    (lambda m, x: m(x, timeout=-1), heddle.DeadlineExceeded, "deadline"),
    (lambda m, x: m(x, deadline=time.monotonic() - 1), heddle.DeadlineExceeded, "deadline"),
    (lambda m, x: m(x, timeout=1, deadline=1), heddle.InvalidArgument, "both"),
    (lambda m, x: m(x, timeout="soon"), TypeError, "real number"),
    (lambda m, x: m(np.zeros((1,) * 9, np.float32)), heddle.InvalidArgument, "rank 9"),
])
def test_a_wrong_call_says_what_is_wrong(digits, image, call, error, text):
    with pytest.raises(error, match=text):
        call(digits, image)
    assert digits(image, timeout=60, deadline=None).shape == (1, 10)


def test_errors_are_also_built_in_ones(digits, tmp_path):
    with pytest.raises(ValueError):
        digits()
    with pytest.raises(TimeoutError):
        digits(np.zeros((1, 8, 8, 1), np.float32), timeout=0)
    with pytest.raises(FileNotFoundError):
        heddle.load(tmp_path / "missing.tflite")
    with pytest.raises(heddle.InvalidModel):
        heddle.load(MODELS / "broken/truncated.tflite")
    with pytest.raises(heddle.InvalidArgument, match="numerics is 'exact'"):
        heddle.load(MODELS / "digits_f32.tflite", numerics="exact")


def test_cancel_from_another_thread(digits, image):
    token = heddle.CancelToken()
    assert digits(image, cancel=token).shape == (1, 10)
    threading.Thread(target=token.cancel).start()
    with pytest.raises(heddle.Cancelled):
        while True:
            digits(image, cancel=token)


def test_descriptions(digits, digits_int8):
    port = digits.inputs[0]
    assert (port.name, port.type, port.dtype, port.shape, port.quantized) == ("image", "float32", np.float32,
                                                                              (None, 8, 8, 1), False)
    assert repr(port) == "image: float32[?, 8, 8, 1]"
    assert "digits_f32.tflite (fast, " in repr(digits) and "out output_0: float32[?, 10]" in repr(digits)
    assert digits_int8.inputs[0].zero_points == (-128,)
    assert not digits.stateful and digits.weights_bytes > 0


def test_quantize_and_dequantize(digits_int8, image):
    by_hand = digits_int8(digits_int8.inputs[0].quantize(image))
    assert by_hand.dtype == np.int8
    np.testing.assert_array_equal(digits_int8(image, quantize=True), by_hand)
    real = digits_int8(image, quantize=True, dequantize=True)
    assert real.dtype == np.float32
    scale, zero = digits_int8.outputs[0].scales[0], digits_int8.outputs[0].zero_points[0]
    np.testing.assert_array_equal(real, (by_hand.astype(np.float32) - zero) * np.float32(scale))
    always = heddle.load(MODELS / "digits_int8.tflite", quantize=True, dequantize=True)
    np.testing.assert_array_equal(always(image), real)
    assert always(image, dequantize=False).dtype == np.int8


def test_quantize_saturates_and_rounds_to_even(digits_int8):
    port = digits_int8.inputs[0]
    scale = port.scales[0]
    got = port.quantize([0.5 * scale, 1.5 * scale, 1e9, -1e9, np.nan])
    assert got.tolist() == [-128, -126, 127, -128, 0]


def test_numbers_are_quantised_too(digits_int8):
    for number in (3.5, float("nan"), np.float64(1)):
        with pytest.raises(heddle.InvalidArgument):  # their shape is wrong
            digits_int8(number, quantize=True)
    nested = np.full((1, 8, 8, 1), 2.5).tolist()
    np.testing.assert_array_equal(digits_int8(nested, quantize=True),
                                  digits_int8(np.full((1, 8, 8, 1), 2.5, np.float32), quantize=True))


class Exported:
    """A foreign array that speaks DLPack alone."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack_and_buffers(digits, image):
    np.testing.assert_array_equal(digits(Exported(image)), digits(image))
    flat = array.array("f", image.ravel())
    np.testing.assert_array_equal(digits(memoryview(flat).cast("b").cast("f", image.shape)), digits(image))


def test_contiguous_inputs_are_not_copied(digits, image):
    """The call reads the caller's memory: a reference is held, nothing of the array's size is allocated."""
    import tracemalloc
    batch = np.zeros((4096, 8, 8, 1), np.float32)
    out = np.zeros((4096, 10), np.float32)
    digits(batch, out=out)
    tracemalloc.start()
    digits(batch, out=out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < batch.nbytes / 10


def test_a_closed_model_says_so(digits_path, image):
    with heddle.load(digits_path) as model:
        signature = model.signatures["serving_default"]
        expected = model(image)
    assert model.closed and "closed" in repr(model)
    with pytest.raises(heddle.FailedPrecondition, match="closed"):
        model(image)
    np.testing.assert_array_equal(signature(image), expected)


def test_an_object_that_was_never_made(image):
    with pytest.raises(TypeError, match="never loaded"):
        heddle.Model.__new__(heddle.Model)(image)


def test_calls_leave_no_references(digits, image):
    out = np.zeros((1, 10), np.float32)
    before = sys.getrefcount(image), sys.getrefcount(out)
    for _ in range(50):
        digits(image, out=out)
        for wrong in (image[0], None):
            with pytest.raises(heddle.HeddleError):
                digits(wrong)
    assert (sys.getrefcount(image), sys.getrefcount(out)) == before


def test_pickles_as_path_and_hash(digits, digits_path, image, tmp_path):
    data = pickle.dumps(digits)
    assert len(data) < 500
    again = pickle.loads(data)
    assert again is pickle.loads(data)
    np.testing.assert_array_equal(again(image), digits(image))
    moved = tmp_path / "moved.tflite"
    moved.write_bytes(digits_path.read_bytes())
    data = pickle.dumps(heddle.load(moved))
    moved.write_bytes((MODELS / "digits_int8.tflite").read_bytes())
    with pytest.raises(heddle.InvalidModel, match="SHA-256"):
        pickle.loads(data)
    from_bytes = heddle.load(digits_path.read_bytes(), numerics="reference")
    assert pickle.loads(pickle.dumps(from_bytes)).numerics == "reference"


def test_only_the_file_that_was_loaded_is_pickled(digits_path, tmp_path, monkeypatch):
    path, other = tmp_path / "model.tflite", tmp_path / "other.tflite"
    path.write_bytes(digits_path.read_bytes())
    other.write_bytes((MODELS / "digits_int8.tflite").read_bytes())
    monkeypatch.chdir(tmp_path)
    model, late = heddle.load("model.tflite"), heddle.load("model.tflite")
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(model)).path == str(path)
    other.replace(path)
    assert pickle.dumps(model), "its hash was told before"
    with pytest.raises(heddle.FailedPrecondition, match="model.tflite is no longer"):
        pickle.dumps(late)


def test_top_k(tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("ant\nbee\n")
    assert heddle.top_k([[0.1, 0.7, 0.2]], labels, k=2) == [("bee", 0.7), (2, 0.2)]
    with pytest.raises(heddle.InvalidArgument, match="one row"):
        heddle.top_k([[1, 2], [3, 4]])


def test_image(digits, digits_int8):
    pil = pytest.importorskip("PIL.Image")
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    grey = pil.fromarray(pixels)
    np.testing.assert_array_equal(heddle.image(grey, digits, std=1)[0, :, :, 0], pixels)
    np.testing.assert_array_equal(heddle.image(grey, digits_int8)[0, :, :, 0], pixels.astype(int) - 128)


def test_a_profile_tells_of_every_step(digits, image):
    profile = digits.profile(image)
    assert len(profile) > 4 and all(step.seconds > 0 and step.kernel for step in profile)
    assert profile[0].name == "CONV_2D" and profile[0].shape == (1, 8, 8, 16) and profile[0].macs == 8 * 8 * 16 * 9
    assert abs(profile.seconds - sum(step.seconds for step in profile)) < 1e-9
    lines = repr(profile).splitlines()
    assert len(lines) == len(profile) + 2 and "CONV_2D" in lines[1] and lines[-1].startswith("steps together: ")
    assert digits.profile(np.zeros((3, 8, 8, 1), np.float32))[0].shape == (3, 8, 8, 16)
    with pytest.raises(heddle.InvalidArgument):
        digits.profile(image[0])
