# SPDX-License-Identifier: Apache-2.0
"""SignatureRunner: a model's named entry points, called with arrays by name."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from heddle.lite._interpreter import Interpreter


class SignatureRunner:
    """Made by Interpreter.get_signature_runner(). May be called from several threads at once; calls of a model
    with variables take turns."""

    def __init__(self, interpreter: Interpreter | None = None, signature_key: str | None = None) -> None:
        if not interpreter:
            raise ValueError("None interpreter provided.")
        if not signature_key:
            raise ValueError("None signature_key provided.")
        signature = interpreter._model.signatures.get(signature_key)
        if signature is None:
            names = ", ".join(f'"{name}"' for name in interpreter._model.signatures) or "none"
            raise ValueError(f'Invalid signature_key provided: "{signature_key}". The model has {names}.')
        self._interpreter = interpreter
        self._signature_key = signature_key
        self._inputs = {port.name: port for port in signature.inputs}
        self._outputs = {port.name: port for port in sorted(signature.outputs, key=lambda port: port.name)}

    def __call__(self, **inputs: Any) -> dict[str, np.ndarray[Any, Any]]:
        """Runs the signature: arrays by input name in, a dict of arrays by output name out."""
        if len(inputs) != len(self._inputs):
            raise ValueError(f"Invalid number of inputs provided for running a SignatureDef, expected {len(self._inputs)} "
                             f"vs provided {len(inputs)}")
        for name in inputs:
            if name not in self._inputs:
                raise ValueError(f"Invalid Input name ({name}) for SignatureDef; it has {', '.join(self._inputs)}")
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        found = self._interpreter._tensors().run_signature(self._signature_key, arrays)
        return {name: found[name] for name in self._outputs}

    def _details(self, ports):
        return {name: self._interpreter._details.of(port.tensor, port.subgraph) for name, port in ports.items()}

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        """Tensor details by input name."""
        return self._details(self._inputs)

    def get_output_details(self) -> dict[str, dict[str, Any]]:
        """Tensor details by output name."""
        return self._details(self._outputs)
