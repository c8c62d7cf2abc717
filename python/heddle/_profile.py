# SPDX-License-Identifier: Apache-2.0
"""What Model.profile() gives."""
from __future__ import annotations

import dataclasses

BAR = 20  # characters


@dataclasses.dataclass(frozen=True)
class StepTime:
    """A step of a call: one operator, or several that run as one."""

    op: int
    """The operator's index in the main graph."""
    name: str
    kernel: str
    """What computes it."""
    shape: tuple[int, ...]
    """Of its first output."""
    macs: int
    """Multiply-adds."""
    seconds: float | None
    """None: it cannot be run by itself."""


class Profile(tuple):
    """The steps of a call, in their order, with the time of each; prints as a table."""

    @property
    def seconds(self) -> float:
        """All steps, one after the other on one thread."""
        return sum(step.seconds or 0.0 for step in self)

    def __repr__(self) -> str:
        together = self.seconds or 1.0
        most = max((step.seconds or 0.0 for step in self), default=0.0) or 1.0
        rows = [("op", "step", "to", "us", "share", "", "kernel")]
        for step in self:
            time = step.seconds
            rows.append((str(step.op), step.name, "x".join(map(str, step.shape)) or "scalar",
                         "-" if time is None else f"{time * 1e6:.1f}", "-" if time is None else f"{time / together:.1%}",
                         "#" * round(BAR * (time or 0.0) / most), step.kernel))
        widths = [max(map(len, column)) for column in zip(*rows)]
        right = (0, 3, 4)
        lines = ["  ".join(cell.rjust(w) if k in right else cell.ljust(w) for k, (cell, w) in enumerate(zip(row, widths)))
                 for row in rows]
        return "\n".join([*(line.rstrip() for line in lines), f"steps together: {self.seconds * 1e3:.3f} ms"])
