# SPDX-License-Identifier: Apache-2.0
"""LiteRT from PyPI as the oracle, in both numerics."""
import numpy as np
import pytest

import heddle
from conftest import MODELS, ops, zoo

litert = pytest.importorskip("ai_edge_litert.interpreter")
RESOLVERS = {"fast": litert.OpResolverType.AUTO, "reference": litert.OpResolverType.BUILTIN_REF}


def by_litert(path, numerics, arrays):
    interpreter = litert.Interpreter(str(path), experimental_op_resolver_type=RESOLVERS[numerics])
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), arrays):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def inputs_of(model, rng):
    for port in model.inputs:
        shape = [n or 1 for n in port.shape]
        if port.dtype.kind == "f":
            yield rng.standard_normal(shape).astype(port.dtype)
        else:
            limits = np.iinfo(port.dtype)
            yield rng.integers(limits.min, limits.max, shape, endpoint=True, dtype=port.dtype)


@pytest.mark.parametrize("numerics", ["fast", "reference"])
@pytest.mark.parametrize("name", ["digits_f32.tflite", "digits_int8.tflite", "zoo:breizhn+DTLN/model_1.tflite",
                                  "zoo:openmv+openmv/blazeface_front_128.tflite",
                                  "zoo:google-coral+test_data/mobilenet_v1_0.25_128_quant.tflite"])
def test_answers_are_litert_s(name, numerics, rng):
    path = zoo(name[4:]) if name.startswith("zoo:") else MODELS / name
    model = heddle.load(path, numerics=numerics)
    arrays = list(inputs_of(model, rng))
    for expected, got in zip(by_litert(path, numerics, arrays), model._run(arrays)):
        assert got.dtype == expected.dtype
        if got.dtype.kind == "f":
            np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-4)
        else:
            assert np.abs(got.astype(np.int64) - expected).max() <= 1


@pytest.mark.parametrize("name", ["digits_f32.tflite", "digits_int8.tflite",
                                  "zoo:esphome+micro-wake-word-models/okay_nabu.tflite",
                                  "zoo:google-ai-edge+LiteRT/gather_string.tflite"])
def test_details_are_litert_s(name):
    """Of every tensor, key by key."""
    from heddle.lite import Interpreter
    path = zoo(name[4:]) if name.startswith("zoo:") else MODELS / name
    mine, theirs = Interpreter(path), litert.Interpreter(str(path))
    for _ in range(2):
        for what in ("get_input_details", "get_output_details", "get_tensor_details"):
            # The stock interpreter lists temporaries of its kernels, too.
            for ours, stock in zip(getattr(mine, what)(), getattr(theirs, what)()):
                if stock["dtype"] is np.object_:  # a resource: stock sizes it as it goes
                    ours.update(shape=stock["shape"], shape_signature=stock["shape_signature"])
                np.testing.assert_equal(ours, stock)
        assert mine.get_signature_list() == theirs.get_signature_list()
        mine.allocate_tensors()
        theirs.allocate_tensors()


def test_four_bit_integers_are_litert_s():
    """Bytes in arrays, half bytes in the model: as stock has it."""
    from heddle.lite import Interpreter
    path = ops("CAST/0159.tflite")
    values = np.arange(36, dtype=np.int8).reshape(4, 3, 3) % 16 - 8
    expected, = by_litert(path, "fast", [values])
    model = heddle.load(path)
    assert model.inputs[0].dtype == np.int8 and "int4" in repr(model)
    np.testing.assert_array_equal(model(values), expected)
    np.testing.assert_array_equal(model(values.tolist()), values.astype(np.float32))
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    assert source["dtype"] is np.int8
    interpreter.set_tensor(source["index"], values)
    np.testing.assert_array_equal(interpreter.get_tensor(source["index"]), values)
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), expected)
    with pytest.raises(heddle.InvalidArgument, match="has values from -9 to 6, expected -8 to 7"):
        model(values - 1)
    with pytest.raises(heddle.InvalidArgument, match="is uint8, expected int8 with 4-bit values"):
        model(values.view(np.uint8))


@pytest.mark.parametrize("name, type_name", [("CAST/0013.tflite", "int4"), ("CAST/0014.tflite", "uint4")])
def test_four_bit_results_are_litert_s(name, type_name):
    model = heddle.load(ops(name))
    assert model.outputs[0].type == type_name
    shape = model.inputs[0].shape
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 8
    got = model(values)
    expected, = by_litert(ops(name), "fast", [values])
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(got, values)
