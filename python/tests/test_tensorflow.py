# SPDX-License-Identifier: Apache-2.0
"""from_keras() and from_saved_model(), with a converter that is made up, and with TensorFlow where HEDDLE_TENSORFLOW names
a Python that has it (or `make models` left one in build/)."""
import json
import os
import pathlib
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import heddle
from conftest import MODELS, ROOT

# A module that answers as TensorFlow does, with a model of the repository, and tells what it was asked.
TENSORFLOW = f"""
import json, os, pathlib, types
MODELS = pathlib.Path({str(MODELS)!r})
float16 = "float16"

class Converter:
    optimizations = representative_dataset = None
    def __init__(self, path, signature_keys):
        self.asked = {{"path": path, "keys": signature_keys}}
        self.target_spec = types.SimpleNamespace(supported_types=None, supported_ops=None)
    def convert(self):
        if "broken" in os.environ.get("CONVERTER", ""):
            raise ValueError("first line\\nSome ops are not supported: tf.Magic")
        if "dies" in os.environ.get("CONVERTER", ""):
            os.abort()
        self.asked["optimizations"] = self.optimizations
        self.asked["types"] = self.target_spec.supported_types
        samples = list(self.representative_dataset()) if self.representative_dataset else []
        self.asked["samples"] = [{{k: v.tolist() for k, v in s.items()}} if isinstance(s, dict)
                                 else [a.tolist() for a in s] for s in samples]
        with open(os.environ["CONVERTER_LOG"], "a") as log:
            log.write(json.dumps(self.asked) + "\\n")
        return (MODELS / ("digits_int8.tflite" if samples else "digits_f32.tflite")).read_bytes()

lite = types.SimpleNamespace(
    TFLiteConverter=types.SimpleNamespace(from_saved_model=lambda path, signature_keys: Converter(path, signature_keys)),
    Optimize=types.SimpleNamespace(DEFAULT="default"), OpsSet=types.SimpleNamespace(TFLITE_BUILTINS_INT8="int8"))

class Loaded:
    def __init__(self, path):
        self.path = path
    def export(self, path):
        pathlib.Path(path).mkdir()
        pathlib.Path(path, "of").write_text(self.path)

keras = types.SimpleNamespace(models=types.SimpleNamespace(load_model=lambda path, compile: Loaded(path)))
"""


class KerasModel:
    """What from_keras asks of a keras.Model."""

    def __init__(self, weight=1.0, subclass=False):
        self.weight, self.subclass, self.exports = weight, subclass, 0

    def to_json(self):
        if self.subclass:
            raise NotImplementedError
        return '{"layers": []}'

    def get_weights(self):
        return [np.full((2, 2), self.weight, np.float32)]

    def export(self, path):
        self.exports += 1
        pathlib.Path(path).mkdir()


class Conversions:
    def __init__(self, log):
        self.log = log

    def __len__(self):
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def last(self):
        return json.loads(self.log.read_text().splitlines()[-1])


@pytest.fixture
def conversions(tmp_path, monkeypatch):
    package = tmp_path / "fake" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(TENSORFLOW)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("CONVERTER_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Conversions(tmp_path / "log")


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data").write_bytes(b"weights")
    return folder


def kept(tmp_path):
    return sorted(p.name for p in (tmp_path / "cache" / "heddle" / "models").iterdir())


def test_a_keras_model_is_converted_once(conversions, tmp_path, image):
    keras = KerasModel()
    model = heddle.from_keras(keras)
    assert model(image).shape == (1, 10)
    assert conversions.last()["optimizations"] is None
    again = heddle.from_keras(KerasModel(), numerics="reference")
    assert again.numerics == "reference"
    assert (len(conversions), keras.exports) == (1, 1)
    heddle.from_keras(KerasModel(weight=2.0))
    heddle.from_keras(keras, quantize="dynamic")
    heddle.from_keras(keras, quantize="float16")
    assert conversions.last()["types"] == ["float16"]
    assert len(conversions) == len(kept(tmp_path)) == 4
    assert all(name.endswith(".tflite") and len(name) == 64 + 7 for name in kept(tmp_path))


def test_a_model_that_cannot_be_described_is_converted_each_time(conversions):
    heddle.from_keras(KerasModel(subclass=True))
    heddle.from_keras(KerasModel(subclass=True))
    assert len(conversions) == 2


def test_a_keras_file_is_loaded_by_the_child(conversions, tmp_path):
    path = tmp_path / "net.keras"
    path.write_bytes(b"one")
    heddle.from_keras(path)
    assert conversions.last()["path"].endswith("exported")
    heddle.from_keras(str(path))
    assert len(conversions) == 1
    path.write_bytes(b"two")
    heddle.from_keras(path)
    assert len(conversions) == 2


@pytest.mark.parametrize("samples, arrive", [
    ([np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32)], [[[[0.0, 0.0]]], [[[1.0, 1.0]]]]),
    ([(np.zeros(1), np.ones(1))], [[[0.0], [1.0]]]),
    ([{"b": np.zeros(1), "a": np.ones(1)}], [{"b": [0.0], "a": [1.0]}]),
])
def test_calibration_reaches_the_converter(conversions, saved, samples, arrive):
    model = heddle.from_saved_model(saved, quantize="int8", calibration=iter(samples))
    assert model.outputs[0].quantized
    assert conversions.last()["samples"] == arrive
    assert conversions.last()["optimizations"] == ["default"]
    heddle.from_saved_model(saved, quantize="int8", calibration=samples)
    assert len(conversions) == 1
    heddle.from_saved_model(saved, quantize="int8", calibration=samples * 2)
    assert len(conversions) == 2


def test_a_saved_model_is_known_by_its_files(conversions, saved):
    heddle.from_saved_model(saved)
    heddle.from_saved_model(str(saved))
    assert len(conversions) == 1 and conversions.last()["keys"] is None
    heddle.from_saved_model(saved, signature="serve")
    assert conversions.last()["keys"] == ["serve"]
    (saved / "variables" / "data").write_bytes(b"others")
    heddle.from_saved_model(saved)
    assert len(conversions) == 3


def test_several_at_once_leave_one_whole_file(conversions, saved, tmp_path):
    models = []
    threads = [threading.Thread(target=lambda: models.append(heddle.from_saved_model(saved))) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(models) == 4 and len(kept(tmp_path)) == 1


def test_errors(conversions, saved, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no saved_model.pb"):
        heddle.from_saved_model(tmp_path)
    with pytest.raises(heddle.InvalidArgument, match="quantize is 'int4', expected one of None, 'float16'"):
        heddle.from_saved_model(saved, quantize="int4")
    for arguments in ({"quantize": "int8"}, {"calibration": [1.0]}, {"quantize": "dynamic", "calibration": [1.0]}):
        with pytest.raises(heddle.InvalidArgument, match="go together"):
            heddle.from_saved_model(saved, **arguments)
    with pytest.raises(heddle.InvalidArgument, match="has no inputs"):
        heddle.from_saved_model(saved, quantize="int8", calibration=[])
    monkeypatch.setenv("CONVERTER", "broken")
    with pytest.raises(heddle.InvalidModel, match="Some ops are not supported: tf.Magic"):
        heddle.from_saved_model(saved)
    monkeypatch.setenv("CONVERTER", "dies")
    with pytest.raises(heddle.InvalidModel, match="ended with status -6"):
        heddle.from_saved_model(saved)
    assert not (tmp_path / "cache" / "heddle").exists()
    (tmp_path / "fake" / "tensorflow" / "__init__.py").write_text("raise ImportError('no TensorFlow here')")
    with pytest.raises(ImportError, match="pip install tensorflow"):
        heddle.from_saved_model(saved)


def test_a_home_that_cannot_be_written(conversions, saved, tmp_path, monkeypatch, image):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert heddle.from_saved_model(saved)(image).shape == (1, 10)


@pytest.mark.long
def test_with_tensorflow(tmp_path):
    python = os.environ.get("HEDDLE_TENSORFLOW") or str(ROOT / "build/venv-models/bin/python")
    if not pathlib.Path(python).exists():
        pytest.skip("HEDDLE_TENSORFLOW names no Python, and there is no build/venv-models")
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "heddle").symlink_to(pathlib.Path(heddle.__file__).parent)
    program = """
        import sys
        import numpy as np, tensorflow as tf
        import heddle
        keras = tf.keras.Sequential([tf.keras.Input((6,)), tf.keras.layers.Dense(8, activation="relu"),
                                     tf.keras.layers.Dense(3)])
        rng = np.random.default_rng(1)
        rows = rng.standard_normal((50, 6)).astype(np.float32)
        expected = keras.predict(rows, verbose=0)
        np.testing.assert_allclose(heddle.from_keras(keras)(rows), expected, rtol=1e-5, atol=1e-5)
        int8 = heddle.from_keras(keras, quantize="int8", calibration=[row[None] for row in rows])
        assert np.abs(int8(rows) - expected).max() < 0.1 * np.ptp(expected)
        keras.save(sys.argv[1] + "/net.keras")
        np.testing.assert_allclose(heddle.from_keras(sys.argv[1] + "/net.keras")(rows), expected, rtol=1e-5, atol=1e-5)
        keras.export(sys.argv[1] + "/saved")
        for quantize in "float16", "dynamic":
            model = heddle.from_saved_model(sys.argv[1] + "/saved", quantize=quantize, signature="serving_default")
            np.testing.assert_allclose(model(rows), expected, atol=0.05 * np.ptp(expected))
        """
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "path"), "XDG_CACHE_HOME": str(tmp_path / "cache"),
                   "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([python, "-c", textwrap.dedent(program), str(tmp_path)], env=environment, capture_output=True,
                          text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(kept(tmp_path)) == 5
