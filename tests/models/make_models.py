#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the digit classifiers of this folder and writes what their tests need; `make models` runs it.

digits_f32.tflite, digits_int8.tflite   a small CNN on scikit-learn's 8x8 digits, float32 and full int8
digits_tempered.tflite                  digits_f32 with its SOFTMAX replaced by the custom operator "Temper", whose options are
                                        a float32: examples/temper.cc has the kernel
digits.txt                              the held-out images: label, then 64 hexadecimal digits for pixels 0 to 16 (g)
SUITE.tsv, golden/                      the suite that `heddle verify --suite` runs: outputs of LiteRT
broken/                                 files that have to be refused

Same versions (requirements.txt), same seed, same bytes.
"""
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="2", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")

import pathlib
import struct
import tempfile

import flatbuffers
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 7
HERE = pathlib.Path(__file__).resolve().parent
BATCH = 16  # images of a golden: the model's own batch is 1, so the suite also resizes
PIXELS = "0123456789abcdefg"


def load():
    digits = load_digits()
    images = digits.images.astype(np.float32)[..., None]
    return train_test_split(images, digits.target, test_size=0.2, random_state=SEED, stratify=digits.target)


def train(images, labels):
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    layers = tf.keras.layers
    model = tf.keras.Sequential([
        layers.Input((8, 8, 1), name="image"),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.DepthwiseConv2D(3, padding="same", activation="relu"),
        layers.Conv2D(32, 1, activation="relu"),
        layers.MaxPool2D(2),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax", name="digit"),
    ])
    model.compile(tf.keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, batch_size=32, epochs=40, verbose=0)
    return model


def convert(model, samples=None):
    """float32, or with samples to calibrate on: int8 with int8 input and output."""
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if samples is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([image[None]] for image in samples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        return converter.convert()


def interpreter(path, resolver, batch):
    result = Interpreter(str(path), experimental_op_resolver_type=resolver, num_threads=1)
    info = result.get_input_details()[0]
    result.resize_tensor_input(info["index"], [batch, *info["shape"][1:]])
    result.allocate_tensors()
    return result


def run(path, images, resolver=OpResolverType.AUTO):
    """What LiteRT makes of the images: the input as fed, and the output."""
    net = interpreter(path, resolver, len(images))
    info = net.get_input_details()[0]
    if info["dtype"] == np.int8:
        scale, zero = info["quantization"]
        images = np.clip(np.round(images / scale) + zero, -128, 127).astype(np.int8)
    net.set_tensor(info["index"], images)
    net.invoke()
    return images, net.get_tensor(net.get_output_details()[0]["index"])


def write_suite(images):
    (HERE / "golden").mkdir(exist_ok=True)
    rows = ["model\tgolden\texpect\ttolerance_reference\ttolerance_fast\tnote"]
    for name, tolerance in ("digits_f32", "1e-05"), ("digits_int8", "1"):
        model = HERE / f"{name}.tflite"
        fed, reference = run(model, images, OpResolverType.BUILTIN_REF)
        _, fast = run(model, images)
        np.savez(HERE / "golden" / f"{name}.npz", input_0=fed, output_0=reference, xnnpack_0=fast)
        rows.append(f"{name}.tflite\tgolden/{name}.npz\tok\t{tolerance}\t{tolerance}\tbatch of {len(images)}")
    whole = (HERE / "digits_int8.tflite").read_bytes()
    (HERE / "broken").mkdir(exist_ok=True)
    broken = {
        "truncated": (whole[:len(whole) // 2], "half a file"),
        "other_format": (whole[:4] + b"TFL9" + whole[8:], "another file identifier"),
        "root_outside": (b"\xff\xff\xff\x7f" + whole[4:1024], "the root table lies outside the file"),
        "empty": (b"", "no bytes at all"),
    }
    for name, (content, why) in broken.items():
        (HERE / "broken" / f"{name}.tflite").write_bytes(content)
        rows.append(f"broken/{name}.tflite\t\tinvalid\t\t\t{why}")
    (HERE / "SUITE.tsv").write_text("\n".join(rows) + "\n")


def temper(content, temperature):
    """The model with its last operator, SOFTMAX, as "Temper"."""
    model = schema.ModelT.InitFromPackedBuf(content)
    last = model.subgraphs[0].operators[-1]
    assert model.operatorCodes[last.opcodeIndex].builtinCode == schema.BuiltinOperator.SOFTMAX
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = "Temper", 1
    last.opcodeIndex = len(model.operatorCodes)
    model.operatorCodes.append(code)
    last.builtinOptionsType, last.builtinOptions = schema.BuiltinOptions.NONE, None
    last.customOptions = list(struct.pack("<f", temperature))
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def main():
    train_images, test_images, train_labels, test_labels = load()
    model = train(train_images, train_labels)
    for name, samples in ("digits_f32", None), ("digits_int8", train_images[:200]):
        path = HERE / f"{name}.tflite"
        path.write_bytes(convert(model, samples))
        accuracy = np.mean(run(path, test_images)[1].argmax(1) == test_labels)
        print(f"{path.name}: {path.stat().st_size} bytes, {accuracy:.1%} of {len(test_labels)} held-out digits")
        assert accuracy > 0.95 and path.stat().st_size < 64 * 1024
    (HERE / "digits_tempered.tflite").write_bytes(temper((HERE / "digits_f32.tflite").read_bytes(), 4))
    lines = [f"{label} " + "".join(PIXELS[int(p)] for p in image.flat) for image, label in zip(test_images, test_labels)]
    (HERE / "digits.txt").write_text("\n".join(lines) + "\n")
    write_suite(test_images[:BATCH])


if __name__ == "__main__":
    main()
