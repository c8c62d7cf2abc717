# SPDX-License-Identifier: Apache-2.0
"""The program of the process that converts (_tensorflow.py): it has TensorFlow, and nothing of Heddle."""
import json
import pathlib
import sys

NO_TENSORFLOW, REFUSED = 3, 4


def sample_of(path):
    """As a representative dataset yields it: a dict by name, or a list by position."""
    import numpy as np
    with np.load(path) as arrays:
        if "#0" not in arrays:
            return dict(arrays)
        return [arrays[f"#{number}"] for number in range(len(arrays.files))]


def exported(tf, path, folder):
    """The SavedModel of a Keras file."""
    model = tf.keras.models.load_model(path, compile=False)
    target = str(folder / "exported")
    model.export(target)
    return target


def convert(tf, job, folder):
    path = job.get("saved_model") or exported(tf, job["keras"], folder)
    keys = [job["signature"]] if job.get("signature") else None
    converter = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=keys)
    if job["quantize"] is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if job["quantize"] == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if job["quantize"] == "int8":
        converter.representative_dataset = lambda: (sample_of(folder / f"sample-{n}.npz") for n in range(job["samples"]))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def main(folder):
    job = json.loads((folder / "job.json").read_text())
    try:
        import tensorflow as tf
    except ImportError as error:
        print(error, file=sys.stderr)
        return NO_TENSORFLOW
    try:
        content = convert(tf, job, folder)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return REFUSED
    pathlib.Path(job["result"]).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
