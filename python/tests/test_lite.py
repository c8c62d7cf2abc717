# SPDX-License-Identifier: Apache-2.0
"""The drop-in: what the public tests of the stock Python interpreter look at, and what programs rely on."""
import subprocess
import sys

import numpy as np
import pytest

from conftest import MODELS, zoo
from heddle.lite import Interpreter, InterpreterWithCustomOps, OpResolverType, load_delegate

F32 = str(MODELS / "digits_f32.tflite")


@pytest.fixture
def ready(digits_path):
    interpreter = Interpreter(model_path=digits_path)
    interpreter.allocate_tensors()
    return interpreter


def ports(interpreter):
    return interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]


def run(interpreter, image):
    source, sink = ports(interpreter)
    interpreter.set_tensor(source, image)
    interpreter.invoke()
    return interpreter.get_tensor(sink)


def test_answers_are_the_models(ready, digits, image):
    np.testing.assert_array_equal(run(ready, image), digits(image))


@pytest.mark.parametrize("arguments", [
    {"model_path": F32, "num_threads": 4}, {"model_path": F32, "num_threads": None},
    {"model_content": (MODELS / "digits_f32.tflite").read_bytes()},
    {"model_path": F32, "experimental_delegates": []},
    {"model_path": F32, "experimental_op_resolver_type": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES},
    {"model_path": F32, "experimental_preserve_all_tensors": True},
    {"model_path": F32, "experimental_disable_delegate_clustering": True},
])
def test_constructor_arguments(arguments, digits, image):
    interpreter = Interpreter(**arguments)
    interpreter.allocate_tensors()
    np.testing.assert_array_equal(run(interpreter, image), digits(image))


def test_the_reference_resolver_means_reference_numerics(digits_int8, image):
    import heddle
    path = MODELS / "digits_int8.tflite"
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    quantised = digits_int8.inputs[0].quantize(image)
    np.testing.assert_array_equal(run(interpreter, quantised), heddle.load(path, numerics="reference")(quantised))


@pytest.mark.parametrize("arguments, error, text", [
    ({}, ValueError, "`model_path` or `model_content` must be specified"),
    ({"model_path": F32, "model_content": b"x"}, ValueError, "Can't both provide"),
    ({"model_path": "missing.tflite"}, ValueError, "Could not open 'missing.tflite'"),
    ({"model_content": b"GARBAGE!" * 8}, ValueError, "the model"),
    ({"model_path": F32, "num_threads": "4"}, ValueError, "type of num_threads should be int"),
    ({"model_path": F32, "num_threads": 0}, ValueError, "num_threads should >= 1"),
    ({"model_path": F32, "experimental_delegates": [object()]}, ValueError, "no delegates"),
    ({"model_path": F32, "experimental_op_resolver_type": "BUILTIN"}, ValueError, "Unrecognized passed in op resolver"),
])
def test_constructor_errors(arguments, error, text):
    with pytest.raises(error, match=text):
        Interpreter(**arguments)


def test_details(ready):
    source = ready.get_input_details()[0]
    assert set(source) == {"name", "index", "shape", "shape_signature", "dtype", "quantization", "quantization_parameters",
                           "sparsity_parameters"}
    assert source["name"] == "serving_default_image:0" and source["dtype"] == np.float32
    assert source["shape"].tolist() == [1, 8, 8, 1] and source["shape"].dtype == np.int32
    assert source["shape_signature"].tolist() == [-1, 8, 8, 1]
    assert source["quantization"] == (0.0, 0)
    quantised = Interpreter(str(MODELS / "digits_int8.tflite")).get_input_details()[0]
    scale, zero = quantised["quantization"]
    assert isinstance(scale, float) and zero == -128
    assert quantised["quantization_parameters"]["scales"].dtype == np.float32
    assert quantised["quantization_parameters"]["zero_points"].tolist() == [-128]


def test_per_channel_details():
    details = Interpreter(str(MODELS / "digits_int8.tflite")).get_tensor_details()
    wide = [d for d in details if len(d["quantization_parameters"]["scales"]) > 1]
    assert wide
    for detail in wide:
        parameters = detail["quantization_parameters"]
        assert detail["quantization"] == (0.0, 0)
        assert len(parameters["scales"]) == detail["shape"][parameters["quantized_dimension"]]


def test_nothing_runs_before_allocate(digits_path, image):
    interpreter = Interpreter(digits_path)
    source, sink = ports(interpreter)
    for call in (lambda: interpreter.set_tensor(source, image), lambda: interpreter.get_tensor(sink),
                 lambda: interpreter.tensor(source)()):
        with pytest.raises(ValueError, match="Run allocate_tensors"):
            call()
    with pytest.raises(RuntimeError, match="not ready"):
        interpreter.invoke()


@pytest.mark.parametrize("value, text", [
    (np.zeros((1, 8, 8, 1), np.float64), "Got value of type FLOAT64 but expected type FLOAT32 for input 0, "
     "name: serving_default_image:0"),
    (np.zeros((1, 8, 8, 1), np.int8), "Got value of type INT8"),
    (np.zeros((8, 8), np.float32), "Dimension mismatch. Got 2 but expected 4 for input 0"),
    (np.zeros((2, 8, 8, 1), np.float32), "Dimension mismatch. Got 2 but expected 1 for dimension 0 of input 0"),
    ([[[[0.0]] * 8] * 8], "Got value of type FLOAT64"),
])
def test_set_tensor_refuses(ready, value, text):
    with pytest.raises(ValueError, match=text):
        ready.set_tensor(0, value)


def test_set_tensor_takes_lists_of_the_right_type(ready, digits, image):
    ready.set_tensor(0, [image[0]])
    ready.invoke()
    np.testing.assert_array_equal(ready.get_tensor(ports(ready)[1]), digits(image))


@pytest.mark.parametrize("value", [
    np.array(list("abcdefghij")), np.array(["é", "", "long" * 50, *"defghij"], dtype=object),
    np.array([b"a\0b\0", *[b"x"] * 9], dtype=object), list("abcdefghij"),
])
def test_strings(value):
    """They come back as an array of bytes objects, zeros and all."""
    interpreter = Interpreter(zoo("google-ai-edge+LiteRT/gather_string.tflite"))
    interpreter.allocate_tensors()
    strings, indices = interpreter.get_input_details()
    assert strings["dtype"] == np.bytes_ and indices["dtype"] == np.int64
    interpreter.set_tensor(strings["index"], value)
    interpreter.set_tensor(indices["index"], np.array([0, 2, 9]))
    interpreter.invoke()
    expected = [item if isinstance(item, bytes) else item.encode() for item in np.asarray(value, dtype=object)]
    for index, want in ((strings["index"], expected), (interpreter.get_output_details()[0]["index"], [expected[k] for k in (0, 2, 9)])):
        got = interpreter.get_tensor(index)
        assert got.dtype == object and got.tolist() == want
    for wrong in (np.zeros(10, np.float32), np.array([None] * 10), np.array(["x"] * 9)):
        with pytest.raises(ValueError, match="Cannot set tensor"):
            interpreter.set_tensor(strings["index"], wrong)


def test_an_output_may_be_set(ready, image):
    """It is overwritten by the next invoke, as in the stock interpreter."""
    source, sink = ports(ready)
    ready.set_tensor(sink, np.full((1, 10), 7, np.float32))
    np.testing.assert_array_equal(ready.get_tensor(sink), np.full((1, 10), 7, np.float32))
    with pytest.raises(ValueError, match="Got 2 but expected 1 for dimension 0 of input 19"):
        ready.set_tensor(sink, np.zeros((2, 10), np.float32))
    ready.set_tensor(source, image)
    ready.invoke()
    assert not np.any(ready.get_tensor(sink) == 7)
    with pytest.raises(ValueError, match="is no input or output"):
        ready.set_tensor(13, np.zeros((1, 8, 8, 16), np.float32))


def test_indices(ready, image):
    for index in (-1, 99):
        with pytest.raises(ValueError, match="Invalid tensor index"):
            ready.get_tensor(index)
        with pytest.raises(ValueError, match="Invalid tensor index"):
            ready.set_tensor(index, image)
        with pytest.raises(ValueError, match="Invalid tensor index"):
            ready.tensor(index)
    with pytest.raises(ValueError, match="Invalid tensor index"):
        ready.get_tensor(0, 7)
    with pytest.raises(TypeError):
        ready.set_tensor("image", image)
    assert ready.get_tensor(np.int64(ports(ready)[1])).shape == (1, 10)


def test_get_tensor_is_a_copy_and_tensor_a_view(ready, image):
    source, sink = ports(ready)
    run(ready, image)
    copy = ready.get_tensor(sink)
    copy[:] = 7
    assert not (ready.get_tensor(sink) == 7).any()
    view = ready.tensor(source)
    view()[:] = 3
    assert (ready.get_tensor(source) == 3).all()
    view()[0, 0] = 5
    assert (ready.get_tensor(source)[0, 0] == 5).all()


def test_writing_through_tensor_is_setting(ready, digits, image):
    source, sink = ports(ready)
    ready.tensor(source)()[...] = image
    ready.invoke()
    np.testing.assert_array_equal(ready.tensor(sink)(), digits(image))


def test_a_held_view_is_refused_as_stock_refuses_it(ready):
    view = ready.tensor(0)()
    for call in (ready.allocate_tensors, ready.invoke, lambda: ready.resize_tensor_input(0, [2, 8, 8, 1])):
        with pytest.raises(RuntimeError, match="There is at least 1 reference to internal data"):
            call()
    part = view[0]
    del view
    with pytest.raises(RuntimeError, match="reference to internal data"):
        ready.invoke()
    del part
    ready.invoke()
    held = ready.tensor(0)
    ready.allocate_tensors()
    ready.invoke()
    assert held().shape == (1, 8, 8, 1)


def test_safe_to_run_says_whether_views_are_held(ready):
    assert ready._safe_to_run()
    ready.tensor(0)
    assert ready._safe_to_run()
    view = ready.tensor(0)()
    assert not ready._safe_to_run()
    del view
    assert ready._safe_to_run()


def test_arguments_by_name(ready, digits, image):
    ready.set_tensor(tensor_index=0, value=image)
    ready.invoke()
    np.testing.assert_array_equal(ready.get_tensor(tensor_index=19, subgraph_index=0), digits(image))
    np.testing.assert_array_equal(ready.get_tensor(19, subgraph_index=0), digits(image))


@pytest.mark.parametrize("call, text", [
    (lambda one, x: one.set_tensor(0), "'value' is missing"),
    (lambda one, x: one.set_tensor(value=x), "'tensor_index' is missing"),
    (lambda one, x: one.set_tensor(0, x, 0), "takes 2 arguments, 3 are given"),
    (lambda one, x: one.set_tensor(0, x, value=x), "'value' is given twice"),
    (lambda one, x: one.get_tensor(), "'tensor_index' is missing"),
    (lambda one, x: one.get_tensor(0, subgraph=0), "has no argument 'subgraph'"),
    (lambda one, x: one.get_tensor(0, 0, 0), "takes 2 arguments, 3 are given"),
    (lambda one, x: one.invoke(1), "argument"),
    (lambda one, x: Interpreter.__new__(Interpreter).invoke(), "never made"),
    (lambda one, x: Interpreter.set_tensor(object(), 0, x), "requires a 'heddle._native.Interpreter'|doesn't apply"),
])
def test_a_call_with_wrong_arguments_says_which(ready, image, call, text):
    with pytest.raises(TypeError, match=text):
        call(ready, image)
    run(ready, image)


def test_resize(ready, digits, rng):
    source, sink = ports(ready)
    batch = rng.random((5, 8, 8, 1)).astype(np.float32)
    ready.resize_tensor_input(source, batch.shape)
    assert ready.get_input_details()[0]["shape"].tolist() == [5, 8, 8, 1]
    with pytest.raises(RuntimeError, match="not ready"):
        ready.invoke()
    ready.allocate_tensors()
    assert ready.get_output_details()[0]["shape"].tolist() == [5, 10]
    assert ready.get_input_details()[0]["shape_signature"].tolist() == [-1, 8, 8, 1]
    np.testing.assert_array_equal(run(ready, batch), digits(batch))
    ready.resize_tensor_input(source, np.array([1, 8, 8, 1]))
    ready.allocate_tensors()
    assert ready.get_tensor(sink).shape == (1, 10)


def test_strict_resize(digits_path):
    interpreter = Interpreter(digits_path)
    interpreter.resize_tensor_input(0, [3, 8, 8, 1], strict=True)
    for wrong in ([3, 9, 8, 1], [3, 8, 8], []):
        with pytest.raises(RuntimeError, match="only allows mutating unknown dimensions identified by -1"):
            interpreter.resize_tensor_input(0, wrong, strict=True)
    with pytest.raises(ValueError, match="Invalid tensor index"):
        interpreter.resize_tensor_input(99, [1])
    for wrong in (4, [[1, 8, 8, 1]]):
        with pytest.raises(ValueError, match=f"Shape should be 1D instead of {np.ndim(wrong)}"):
            interpreter.resize_tensor_input(0, wrong)


def test_a_shape_that_the_graph_refuses(digits_path):
    interpreter = Interpreter(digits_path)
    interpreter.resize_tensor_input(0, [1, 8, 8])
    with pytest.raises(RuntimeError, match="CONV_2D") as raised:
        interpreter.allocate_tensors()
    assert raised.type is RuntimeError  # some programs look at the name
    interpreter.resize_tensor_input(0, [1, 8, 8, 1])
    interpreter.allocate_tensors()
    interpreter.invoke()


def test_allocating_again_changes_nothing(ready, digits, image):
    expected = run(ready, image)
    ready.allocate_tensors()
    np.testing.assert_array_equal(ready.get_tensor(ports(ready)[1]), expected)


def test_inner_tensors(ready, digits_path, image):
    inner = next(d for d in ready.get_tensor_details() if d["shape"].tolist() == [1, 4, 4, 32])
    run(ready, image)
    with pytest.raises(ValueError, match="Tensor data is null.*experimental_preserve_all_tensors"):
        ready.get_tensor(inner["index"])
    constant = next(d for d in ready.get_tensor_details() if d["shape"].tolist() == [32, 3, 3, 32])
    assert ready.get_tensor(constant["index"]).std() > 0
    keeping = Interpreter(digits_path, experimental_preserve_all_tensors=True)
    keeping.allocate_tensors()
    run(keeping, image)
    first = keeping.get_tensor(inner["index"])
    assert first.shape == (1, 4, 4, 32) and first.std() > 0
    run(keeping, image * 0)
    assert (keeping.get_tensor(inner["index"]) != first).any()


def test_signatures(ready, digits, image):
    assert ready.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["output_0"]}}
    runner = ready.get_signature_runner()
    np.testing.assert_array_equal(runner(image=image)["output_0"], digits(image))
    assert runner(image=np.repeat(image, 3, 0))["output_0"].shape == (3, 10)
    assert runner.get_input_details()["image"]["name"] == "serving_default_image:0"
    assert runner.get_output_details()["output_0"]["index"] == ports(ready)[1]
    with pytest.raises(ValueError, match='Invalid signature_key provided: "other"'):
        ready.get_signature_runner("other")
    with pytest.raises(ValueError, match="Invalid number of inputs"):
        runner()
    with pytest.raises(ValueError, match=r"Invalid Input name \(picture\)"):
        runner(picture=image)
    with pytest.raises(ValueError) as raised:
        runner(image=image.astype(np.float64))
    assert raised.type is ValueError


def test_a_signature_runs_without_allocate(digits_path, digits, image):
    got = Interpreter(digits_path).get_signature_runner("serving_default")(image=image)
    np.testing.assert_array_equal(got["output_0"], digits(image))


def test_what_is_not_served_says_so(ready):
    with pytest.raises(AttributeError, match="no _native_handle"):
        ready._native_handle()
    with pytest.raises(AttributeError, match="no attribute 'unheard_of'"):
        ready.unheard_of
    for expected in (ValueError, OSError):  # of a missing device, of a missing library: programs go on without
        with pytest.raises(expected, match="Failed to load delegate from libedgetpu.so.1"):
            load_delegate("libedgetpu.so.1")
    with pytest.raises(ValueError, match="custom operators"):
        InterpreterWithCustomOps(custom_op_registerers=["X"], model_path=F32)
    InterpreterWithCustomOps(model_path=F32).allocate_tensors()
    with pytest.raises(ValueError, match="subgraph_index is out of range"):
        ready.get_tensor_details(1)
    assert ready.num_subgraphs() == 1


def test_interpreters_of_a_file_share_one_model(digits_path, tmp_path):
    import os
    first, second = Interpreter(digits_path), Interpreter(str(digits_path), num_threads=2)
    assert first._model is second._model
    copy = tmp_path / "copy.tflite"
    copy.write_bytes(digits_path.read_bytes())
    third = Interpreter(copy)
    copy.write_bytes((MODELS / "digits_int8.tflite").read_bytes())
    os.utime(copy, ns=(1, 1))
    assert Interpreter(copy)._model is not third._model


PROGRAM = """
import sys
{before}
from {module}.interpreter import Interpreter, load_delegate
print(Interpreter.__module__, sys.argv[1:])
"""


@pytest.mark.parametrize("module", ["tflite_runtime", "ai_edge_litert"])
def test_install(module, tmp_path):
    code = PROGRAM.format(before="import heddle.lite; heddle.lite.install()", module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("heddle.lite._interpreter")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(before="", module=module))
    done = subprocess.run([sys.executable, "-m", "heddle.lite", program, "--flag"], capture_output=True, text=True, check=True)
    assert done.stdout == "heddle.lite._interpreter ['--flag']\n"


def test_programs_that_look_for_a_package_find_it():
    code = """
import importlib.util, sys
import heddle.lite; heddle.lite.install()
for name in ("tflite_runtime", "tflite_runtime.interpreter", "ai_edge_litert.interpreter"):
    assert importlib.util.find_spec(name) is not None, name
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("before", [True, False])
def test_install_takes_tensorflow_s_interpreter(before, tmp_path):
    """Whether tensorflow was imported before install() or is after it."""
    folder = tmp_path / "tensorflow/lite/python"
    folder.mkdir(parents=True)
    (folder / "interpreter.py").write_text("class Interpreter: pass\nclass Metrics: pass\n")
    (folder / "__init__.py").touch()
    (folder.parent / "__init__.py").write_text("from tensorflow.lite.python.interpreter import Interpreter\n")
    (folder.parents[1] / "__init__.py").write_text("from tensorflow import lite\n")
    install, load = "import heddle.lite; heddle.lite.install()", "import tensorflow as tf"
    code = f"""
import importlib.util, sys
{load if before else install}
assert importlib.util.find_spec("tensorflow.lite.python.interpreter")
{install if before else load}
from tensorflow.lite.python.interpreter import Interpreter, Metrics
print(Interpreter.__module__, tf.lite.Interpreter.__module__, Metrics.__module__)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["heddle.lite._interpreter"] * 2 + ["tensorflow.lite.python.interpreter"]
