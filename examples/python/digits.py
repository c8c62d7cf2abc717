# SPDX-License-Identifier: Apache-2.0
"""What the examples share: a model of the repository, and images that it knows. Run them from the root."""
import numpy as np

MODEL = "tests/models/digits_f32.tflite"


def read(path="tests/models/digits.txt"):
    """(labels, images): 8 x 8 pixels of 0 to 16, a line each."""
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file]
    labels = np.array([int(label) for label, _ in rows])
    pixels = [[int(pixel, 17) for pixel in text] for _, text in rows]
    return labels, np.array(pixels, np.float32).reshape(-1, 8, 8, 1)


def report(labels, found):
    print(f"{np.sum(np.asarray(labels) == np.asarray(found))} of {len(labels)} right")
