# SPDX-License-Identifier: Apache-2.0
"""Conversions of values that are no numpy array of the right type yet; called by the native part."""
import math
import struct

import numpy as np

from heddle.errors import InvalidArgument

NIBBLES = {"i": (-8, 7), "u": (0, 15)}  # 4-bit integers, by the kind of their arrays


def as_array(value, name, dtype, quantize):
    """An array of anything: DLPack, buffers, numbers, lists. Lists and numbers take the model's type if that keeps their
    kind: [1, 2] may become float32, [1.5] may not become int8. With `quantize` real numbers stay real."""
    if hasattr(value, "__dlpack__"):
        return np.from_dlpack(value)
    array = np.asarray(value)
    if array.dtype == dtype or hasattr(value, "dtype") or isinstance(value, (bytes, bytearray, memoryview)):
        return array
    if quantize and array.dtype.kind == "f":
        return array
    if not np.can_cast(array.dtype, dtype, "same_kind") and not (array.dtype.kind in "iu" and dtype.kind in "iu"):
        raise InvalidArgument(f"input '{name}' is made of {array.dtype.name}, expected {dtype.name}")
    try:
        return np.asarray(value, dtype=dtype)
    except OverflowError as error:
        raise InvalidArgument(f"input '{name}': {error}") from None


def _along(values, axis, array):
    """Per-channel parameters, to be broadcast against `array`."""
    values = np.asarray(values)
    if len(values) == 1:
        return values[0]
    shape = [1] * array.ndim
    shape[axis] = len(values)
    return values.reshape(shape)


def quantize(array, scales, zero_points, axis, dtype):
    """real -> quantised: round(real / scale) + zero_point, to nearest even, saturated."""
    limits = np.iinfo(dtype)
    real = np.asarray(array, np.float64) / _along(np.asarray(scales, np.float64), axis, array)
    steps = np.rint(real) + _along(zero_points, axis, array)
    return np.asarray(np.clip(np.nan_to_num(steps, nan=0.0), limits.min, limits.max), dtype)


def dequantize(array, scales, zero_points, axis):
    """quantised -> real: (quantised - zero_point) * scale, as float32."""
    if array.dtype.kind not in "iu":
        return array
    shifted = array.astype(np.float32) - np.asarray(_along(zero_points, axis, array), np.float32)
    return np.asarray(shifted * np.asarray(_along(scales, axis, array), np.float32))


def encode_strings(value):
    """(bytes of the .tflite encoding, shape) of a str, bytes, or an array or list of them."""
    array = np.asarray(value, dtype=object)
    items = []
    for item in array.ravel():
        if isinstance(item, str):
            item = item.encode()
        if not isinstance(item, (bytes, bytearray)):
            raise InvalidArgument(f"a string tensor takes str or bytes, not {type(item).__name__}")
        items.append(bytes(item))
    offset = 4 * (len(items) + 2)
    head = [len(items), offset]
    for item in items:
        offset += len(item)
        head.append(offset)
    return struct.pack(f"<{len(head)}i", *head) + b"".join(items), array.shape


def decode_strings(encoded, shape):
    """An array of bytes objects."""
    count = math.prod(shape)
    array = np.empty(count, dtype=object)
    offsets = struct.unpack_from(f"<{count + 1}i", encoded, 4)
    for i in range(count):
        array[i] = encoded[offsets[i]:offsets[i + 1]]
    return array.reshape(shape)


def pack_nibbles(value, name, dtype):
    """(bytes, shape) of 4-bit integers that are given as 8-bit ones: two to a byte, the first in the lower half."""
    array = as_array(value, name, dtype, False)
    if array.dtype != dtype:
        raise InvalidArgument(f"input '{name}' is {array.dtype.name}, expected {dtype.name} with 4-bit values")
    least, most = NIBBLES[dtype.kind]
    if array.size and (array.min() < least or array.max() > most):
        raise InvalidArgument(f"input '{name}' has values from {array.min()} to {array.max()}, expected {least} to {most}")
    nibbles = np.zeros(array.size + array.size % 2, np.uint8)
    nibbles[:array.size] = array.ravel().view(np.uint8) & 15
    return (nibbles[::2] | nibbles[1::2] << 4).tobytes(), array.shape


def unpack_nibbles(packed, shape, dtype):
    """The same backwards."""
    packed = np.frombuffer(packed, np.uint8)
    nibbles = np.stack([packed & 15, packed >> 4], axis=1).ravel()[:math.prod(shape)]
    if dtype.kind == "i":
        nibbles = (nibbles ^ 8).astype(dtype) - dtype.type(8)
    return nibbles.reshape(shape)
