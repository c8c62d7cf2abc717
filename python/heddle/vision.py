# SPDX-License-Identifier: Apache-2.0
"""The ten lines that every image program writes."""
from __future__ import annotations

import numpy as np

from heddle.errors import InvalidArgument


def image(source, model, *, mean: float | None = None, std: float | None = None) -> np.ndarray:
    """An image as the model's input: decoded, turned as its EXIF says, made RGB or grey, scaled (bilinear) to the size
    that the model wants, with a batch axis. `source`: a path, a file object or a PIL.Image; Pillow decodes it.

    Integer inputs get the pixels: uint8 as they are, int8 less 128. Real inputs get (pixel - mean) / std, by default
    0 to 1; check what your model was trained on.
    """
    from PIL import Image, ImageOps

    port = model.inputs[0]
    if len(port.shape) != 4 or port.shape[3] not in (1, 3):
        raise InvalidArgument(f"input {port!r} is no image: expected [1, height, width, 1 or 3]")
    picture = ImageOps.exif_transpose(source if isinstance(source, Image.Image) else Image.open(source))
    picture = picture.convert("RGB" if port.shape[3] == 3 else "L")
    height, width = port.shape[1] or picture.height, port.shape[2] or picture.width
    pixels = np.asarray(picture.resize((width, height), Image.BILINEAR)).reshape(1, height, width, port.shape[3])
    if port.dtype == np.uint8:
        return pixels
    if port.dtype == np.int8:
        return (pixels.astype(np.int16) - 128).astype(np.int8)
    return ((pixels - (0.0 if mean is None else mean)) / (255.0 if std is None else std)).astype(port.dtype)


def top_k(scores, labels=None, k: int = 5) -> list[tuple]:
    """The k best of one row of scores, as (label or index, score), best first. `labels`: a list, or the path of a file
    with one a line.

    >>> import heddle
    >>> heddle.top_k([[0.1, 0.7, 0.2]], ["ant", "bee", "cow"], k=2)
    [('bee', 0.7), ('cow', 0.2)]
    """
    row = np.asarray(scores)
    if row.size != row.shape[-1]:
        raise InvalidArgument(f"scores have shape {row.shape}, expected one row")
    row = row.reshape(-1)
    if isinstance(labels, (str, bytes)) or hasattr(labels, "__fspath__"):
        with open(labels, encoding="utf-8") as file:
            labels = file.read().splitlines()
    order = np.argsort(-row.astype(np.float64), kind="stable")[:k]
    return [(labels[i] if labels is not None and i < len(labels) else int(i), row[i].item()) for i in order]
