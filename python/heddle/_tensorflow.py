# SPDX-License-Identifier: Apache-2.0
"""from_keras() and from_saved_model(): the user's own TensorFlow converts, in a process of its own, once per content."""
from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from heddle._model import Model, load
from heddle.errors import InvalidArgument, InvalidModel

QUANTIZE = (None, "float16", "dynamic", "int8")
# Distributions that bring the module `tensorflow`; which one, and its version, decide what a conversion gives.
DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly", "tf-nightly-cpu")
NO_TENSORFLOW, REFUSED = 3, 4  # how the child ends; _tensorflow_child.py


def from_keras(model, quantize: str | None = None, calibration=None, **options) -> Model:
    """A Keras model as a heddle.Model: TensorFlow, which must be installed, converts it in a process of its own. The
    result is kept under $XDG_CACHE_HOME/heddle and found again by the content of the model and these arguments.

    model           a keras.Model, or the path of a .keras or .h5 file, which the other process then loads
    quantize        None: as it is; 'float16' weights; 'dynamic': int8 weights; 'int8': weights and activations, for
                    which `calibration` says what inputs look like. Inputs and outputs stay real numbers
    calibration     some hundred inputs at most, each as the model is called: an array with its batch axis, a tuple of
                    arrays, or a dict of them by name
    options         words of heddle.load()
    """
    job = _Job(quantize, calibration)
    if isinstance(model, (str, os.PathLike)):
        job.add("keras file", pathlib.Path(model).read_bytes())
        return job.result(options, lambda folder: {"keras": os.path.abspath(model)})
    try:
        job.add("keras config", model.to_json().encode())
        for weight in model.get_weights():
            job.add_array(weight)
    except NotImplementedError:  # a subclass says nothing of how it computes: it is converted every time
        job.add("never twice", os.urandom(32))

    def export(folder):
        path = folder / "exported"
        model.export(str(path))
        return {"saved_model": str(path)}

    return job.result(options, export)


def from_saved_model(path, quantize: str | None = None, calibration=None, signature: str | None = None,
                     **options) -> Model:
    """A SavedModel's folder as a heddle.Model; as from_keras(). `signature` names one of its signatures, where there are
    several."""
    folder = pathlib.Path(path)
    if not (folder / "saved_model.pb").is_file():
        raise FileNotFoundError(f"{folder} is no SavedModel: it has no saved_model.pb")
    job = _Job(quantize, calibration)
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        job.add(file.relative_to(folder).as_posix(), file.read_bytes())
    job.add("signature", (signature or "").encode())
    return job.result(options, lambda _: {"saved_model": str(folder.resolve()), "signature": signature})


def cache_folder() -> pathlib.Path:
    """Where converted models are kept; it may be emptied at any time."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return pathlib.Path(base if os.path.isabs(base) else pathlib.Path.home() / ".cache") / "heddle" / "models"


def _version() -> str:
    for name in DISTRIBUTIONS:
        try:
            return f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            pass
    return "unknown"


class _Job:
    """One conversion. Its name is the hash of all that it is made of."""

    def __init__(self, quantize, calibration) -> None:
        if quantize not in QUANTIZE:
            raise InvalidArgument(f"quantize is {quantize!r}, expected one of {', '.join(map(repr, QUANTIZE))}")
        if (quantize == "int8") != (calibration is not None):
            raise InvalidArgument("quantize='int8' and calibration go together")
        self._quantize = quantize
        self._samples = [_arrays_of(sample) for sample in calibration] if calibration is not None else []
        if calibration is not None and not self._samples:
            raise InvalidArgument("calibration has no inputs")
        self._hash = hashlib.sha256()
        self.add("converter", _version().encode())
        self.add("quantize", str(quantize).encode())
        for sample in self._samples:
            for name, array in sample.items():
                self.add("sample", name.encode())
                self.add_array(array)

    def add(self, name: str, content: bytes) -> None:
        self._hash.update(f"{len(name.encode())} {len(content)} {name}\n".encode())
        self._hash.update(content)

    def add_array(self, array) -> None:
        array = np.ascontiguousarray(array)
        self.add(f"{array.dtype.str} {array.shape}", array.tobytes())

    def result(self, options: dict, source) -> Model:
        """`source` writes what the other process needs into a folder, and says what it is."""
        kept = cache_folder() / f"{self._hash.hexdigest()}.tflite"
        if not kept.is_file():
            with tempfile.TemporaryDirectory(prefix="heddle-") as name:
                made = self._convert(pathlib.Path(name), source)
                try:
                    _keep(made, kept)
                except OSError:  # a home that cannot be written: the model works all the same
                    return load(made, **options)
        return load(kept, **options)

    def _convert(self, folder: pathlib.Path, source) -> bytes:
        for number, sample in enumerate(self._samples):
            np.savez(folder / f"sample-{number}.npz", **sample)
        result = folder / "result.tflite"
        job = {**source(folder), "quantize": self._quantize, "samples": len(self._samples), "result": str(result)}
        (folder / "job.json").write_text(json.dumps(job))
        child = pathlib.Path(__file__).with_name("_tensorflow_child.py")
        program = f"import runpy; runpy.run_path({str(child)!r}, run_name='__main__')"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "TF_CPP_MIN_LOG_LEVEL": "2",
                       "CUDA_VISIBLE_DEVICES": "-1"}
        done = subprocess.run([sys.executable, "-c", program, folder], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        said = "\n".join(done.stderr.strip().splitlines()[-8:])
        if done.returncode == NO_TENSORFLOW:
            raise ImportError(f"converting needs TensorFlow: pip install tensorflow. {said}")
        if done.returncode == REFUSED:
            raise InvalidModel(f"TensorFlow cannot convert the model: {said}")
        if done.returncode != 0:
            raise InvalidModel(f"TensorFlow's converter ended with status {done.returncode}: {said}")
        return result.read_bytes()


def _arrays_of(sample) -> dict[str, np.ndarray]:
    """By name, or by position under numbers."""
    if isinstance(sample, dict):
        return {name: np.asarray(value) for name, value in sample.items()}
    values = sample if isinstance(sample, tuple) else (sample,)
    return {f"#{number}": np.asarray(value) for number, value in enumerate(values)}


def _keep(content: bytes, path: pathlib.Path) -> None:
    """Whole or not at all, whoever else writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem[:16])
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
