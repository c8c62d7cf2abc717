# SPDX-License-Identifier: Apache-2.0
"""What a model says of an input or output."""
from __future__ import annotations

import dataclasses

import numpy as np

from heddle import _convert


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """An input or output: name, type and shape, where None is a size that the caller chooses or only a run tells."""

    name: str
    type: str
    dtype: np.dtype | None
    shape: tuple[int | None, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    subgraph: int = dataclasses.field(repr=False)
    tensor: int = dataclasses.field(repr=False)

    @property
    def quantized(self) -> bool:
        return bool(self.scales)

    def quantize(self, real) -> np.ndarray:
        """Real numbers as this tensor holds them: rounded to nearest even, saturated."""
        steps = _convert.quantize(np.asarray(real), self.scales, self.zero_points, self.axis, self.dtype)
        return steps.clip(*_convert.NIBBLES[self.dtype.kind]) if self.type in ("int4", "uint4") else steps

    def dequantize(self, steps) -> np.ndarray:
        """What this tensor holds as float32."""
        return _convert.dequantize(np.asarray(steps), self.scales, self.zero_points, self.axis)

    def __repr__(self) -> str:
        sizes = ", ".join("?" if n is None else str(n) for n in self.shape)
        text = f"{self.name}: {self.type}[{sizes}]"
        if len(self.scales) == 1:
            return f"{text} = {self.scales[0]:g} * (q - {self.zero_points[0] if self.zero_points else 0})"
        return f"{text} quantized along axis {self.axis}" if self.scales else text


def ports(listed) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(name, type_name, dtype, tuple(None if n < 0 else n for n in shape), tuple(scales), tuple(zero_points),
                   axis, subgraph, tensor)
        for name, type_name, dtype, shape, scales, zero_points, axis, subgraph, tensor in listed)
