# SPDX-License-Identifier: Apache-2.0
"""The dictionaries by which the stock class describes tensors."""
import numpy as np


# What the stock class says of types that numpy has no type for.
STAND_INS = {"string": np.bytes_, "int4": np.int8, "uint4": np.uint8, "int2": np.int8, "resource": np.object_,
             "variant": np.object_}


def dtype_of(dtype, type_name):
    if type_name in STAND_INS:
        return STAND_INS[type_name]
    if dtype is None:
        raise ValueError(f"Could not get tensor details: numpy has no type for {type_name}")
    return dtype.type


class Details:
    """Of one model's tensors. What never changes is read once."""

    def __init__(self, model):
        self._model = model
        self._fixed = {}

    def of(self, index, subgraph, shape=None):
        """`shape`: of the tensor as it is allocated; None: the file's."""
        fixed = self._fixed.get((subgraph, index))
        if fixed is None:
            fixed = self._fixed[subgraph, index] = self._read(index, subgraph)
        name, dtype, file_shape, signature, scales, zero_points, axis = fixed
        shape = np.array([abs(n) for n in file_shape] if shape is None else shape, dtype=np.int32)
        per_tensor = len(scales) == 1
        return {
            "name": name,
            "index": index,
            "shape": shape,
            "shape_signature": np.array(signature, dtype=np.int32) if signature else shape.copy(),
            "dtype": dtype,
            "quantization": (float(scales[0]), int(zero_points[0]) if zero_points else 0) if per_tensor else (0.0, 0),
            "quantization_parameters": {
                "scales": np.array(scales, dtype=np.float32),
                "zero_points": np.array(zero_points, dtype=np.int32),
                "quantized_dimension": axis,
                "block_size": 0,
            },
            "sparsity_parameters": {},
        }

    def _read(self, index, subgraph):
        name, type_name, dtype, shape, signature, scales, zero_points, axis, _ = self._model._tensor(subgraph, index)
        return name, dtype_of(dtype, type_name), shape, signature, scales, zero_points, axis
