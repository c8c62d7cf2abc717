# SPDX-License-Identifier: Apache-2.0
"""The drop-in Interpreter."""
from __future__ import annotations

import enum
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from heddle import _native
from heddle.lite import _tensors
from heddle.lite._details import Details
from heddle.lite._models import shared
from heddle.lite._signatures import SignatureRunner

NO_DEVICES = "Heddle runs models on the CPU only, so far: it can load no delegates. Leave the delegate out"


class _NotServed:
    """An attribute of the stock class that is not here, and says so. A __getattr__ would slow down every method's call."""

    def __init__(self, what):
        self._what = what

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        raise AttributeError(f"heddle.lite.Interpreter has no {self._name}: there is no {self._what} behind it")


@enum.unique
class OpResolverType(enum.Enum):
    """Which kernels to imitate: BUILTIN_REF the reference kernels (numerics "reference"), the others the default ones."""

    AUTO = 0
    BUILTIN = 1
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3


class NoDelegate(ValueError, OSError):
    """The stock function raises ValueError where there is no device, and OSError where there is no library: programs
    that go on without a delegate wait for one or the other."""


class Delegate:
    """The stock class of loaded delegates. There is none here."""

    def __init__(self, library: str, options: dict[Any, Any] | None = None) -> None:
        raise NoDelegate(NO_DEVICES)


def load_delegate(library: str, options: dict[Any, Any] | None = None) -> NoReturn:
    """Always raises an error that is a ValueError and an OSError."""
    raise NoDelegate(f"Failed to load delegate from {library}\n{NO_DEVICES}")


class Interpreter(_native.Interpreter):
    """The stock Interpreter's methods over a Model that all interpreters of the same file share.

    One object may be used from several threads. A thread that has set no input itself uses the tensors that were set
    last; at its first set_tensor() (or resize_tensor_input(), or tensor() of an input) after another thread has set, it
    gets a copy of its own and uses only that from then on. Tensors that are being invoked on may not be set: that
    raises RuntimeError. per_thread=False gives all threads one set of tensors, as stock does.

    num_threads is checked and otherwise ignored: the number of threads follows what the machine has to spare.
    """

    per_thread: bool = True
    _interpreter = _NotServed("Python wrapper of a C++ interpreter")
    _native_handle = _NotServed("pointer to a C++ interpreter")
    _get_ops_details = _NotServed("list of nodes")

    def __init__(self, model_path: str | os.PathLike[str] | None = None,
                 model_content: bytes | bytearray | memoryview | None = None,
                 experimental_delegates: Sequence[Any] | None = None, num_threads: int | None = None,
                 experimental_op_resolver_type: enum.Enum = OpResolverType.AUTO,
                 experimental_preserve_all_tensors: bool = False, experimental_disable_delegate_clustering: bool = False,
                 experimental_default_delegate_latest_features: bool = False,
                 experimental_compress_quantization_zero_points: bool = False,
                 experimental_disable_delegate_node_fusion: bool = False,
                 experimental_force_delegate_node_profiling: bool = False, *, per_thread: bool | None = None) -> None:
        resolver = getattr(experimental_op_resolver_type, "name", None)  # also of the stock modules' enums
        if resolver not in OpResolverType.__members__:
            raise ValueError(f"Unrecognized passed in op resolver type: {experimental_op_resolver_type}")
        if num_threads is not None:
            if not isinstance(num_threads, int):
                raise ValueError("type of num_threads should be int")
            if num_threads < 1:
                raise ValueError("num_threads should >= 1")
        if experimental_delegates:
            raise ValueError(NO_DEVICES)
        if not model_path and not model_content:
            raise ValueError("`model_path` or `model_content` must be specified.")
        if model_path and model_content:
            raise ValueError("Can't both provide `model_path` and `model_content`")
        if model_content and not isinstance(model_content, (bytes, bytearray, memoryview)):
            raise TypeError(f"model_content is {type(model_content).__name__}, expected bytes")
        content = bytes(model_content) if model_content else None
        numerics = "reference" if resolver == "BUILTIN_REF" else "fast"
        keep_all = bool(experimental_preserve_all_tensors)
        self._model = shared(model_path or None, content, numerics, keep_all)
        self._details = Details(self._model)
        inputs, outputs = ([port.tensor for port in ports] for ports in (self._model.inputs, self._model.outputs))
        self._input_positions = {tensor: k for k, tensor in enumerate(inputs)}
        self._output_positions = {tensor: k for k, tensor in enumerate(outputs)}
        self._compress = bool(experimental_compress_quantization_zero_points)
        if per_thread is None:
            per_thread = type(self).per_thread
        super().__init__(inputs, outputs, threading.local(), _tensors.TensorSet.of(self._model), bool(per_thread), keep_all)

    # --- running ---

    def allocate_tensors(self) -> None:
        """Makes the tensors for the inputs' shapes. Where they are there already it does nothing."""
        tensors = self._tensors()
        tensors.check_views()
        tensors.allocate()

    def resize_tensor_input(self, input_index: int, tensor_size: Any, strict: bool = False) -> None:
        """Another shape for an input, from the next allocate_tensors() on. With `strict` only unknown sizes may change."""
        position = self._input_position(input_index)
        sizes = np.array(tensor_size, dtype=np.int32)
        if sizes.ndim != 1:
            raise ValueError(f"Shape should be 1D instead of {sizes.ndim}.")
        shape = tuple(sizes.tolist())
        port = self._model.inputs[position]
        if strict and (len(shape) != len(port.shape)
                       or any(want is not None and want != n for want, n in zip(port.shape, shape))):
            raise RuntimeError("ResizeInputTensorStrict only allows mutating unknown dimensions identified by -1. "
                               f"{port!r} cannot become {list(shape)}")
        if any(n < 0 for n in shape):
            raise RuntimeError(f"{port!r} cannot become {list(shape)}: a size is negative")
        self._tensors().check_views()
        self._tensors_to_set().resize(position, shape)

    def reset_all_variables(self) -> None:
        """Variable tensors (recurrent state) as they were at first. Resource variables are left alone, as stock does."""
        self._tensors().reset_variables()

    # --- values: what set_tensor and get_tensor of the base class leave ---

    def _set(self, tensors, index, value):
        """Outputs, and values that must be looked at."""
        array = self._found(tensors, index)
        if array is None:
            raise ValueError(f"Cannot set tensor: {self._no_place(index)}")
        array[...] = self._checked(index, np.asarray(value), array)

    def _checked(self, index, value, array):
        name = self._model._tensor(0, index)[0]
        if array.dtype == object and value.dtype.kind in "OSU":
            value = _strings(value)
        elif value.dtype != array.dtype:
            raise ValueError(f"Cannot set tensor: Got value of type {value.dtype.name.upper()} but expected type "
                             f"{array.dtype.name.upper()} for input {index}, name: {name}")
        if value.ndim != array.ndim:
            raise ValueError(f"Cannot set tensor: Dimension mismatch. Got {value.ndim} but expected {array.ndim} for input "
                             f"{index}, name: {name}.")
        for axis, (got, want) in enumerate(zip(value.shape, array.shape)):
            if got != want:
                raise ValueError(f"Cannot set tensor: Dimension mismatch. Got {got} but expected {want} for dimension "
                                 f"{axis} of input {index}, name: {name}.")
        return value

    def _get(self, tensors, index, subgraph):
        """Any tensor but an output that stays where it is."""
        if subgraph == 0:
            found = self._found(tensors, index)
            if found is not None:
                return found.copy()
        self._check_index(index, subgraph)
        constant = self._model._constant(subgraph, index)
        if constant is not None:
            return constant
        if tensors.kept is None or subgraph != 0:
            raise ValueError(f"{_tensors.NOT_ALLOCATED}. {self._no_place(index)}")
        return tensors.kept.tensor(index)

    def _found(self, tensors, index):
        """An input's or output's array; None: it is neither."""
        position = self._output_positions.get(index)
        arrays = tensors.outputs
        if position is None:
            position = self._input_positions.get(index)
            arrays = tensors.inputs
            if position is None:
                return None
        if arrays is None:
            raise ValueError(_tensors.NOT_ALLOCATED)
        return arrays[position]

    def tensor(self, tensor_index: int) -> Callable[[], np.ndarray[Any, Any]]:
        """A function that gives a view of an input or output as it is then. The function may be held; the array may not,
        across allocate_tensors() and invoke()."""
        self._check_index(tensor_index, 0)

        def view():
            is_input = tensor_index in self._input_positions
            array = self._found(self._tensors_to_set() if is_input else self._tensors(), tensor_index)
            if array is None:
                raise ValueError(f"{_tensors.NOT_ALLOCATED}. {self._no_place(tensor_index)}")
            return array.view()

        return view

    def _safe_to_run(self) -> bool:
        """Whether nobody holds an array that tensor() led to."""
        try:
            self._tensors().check_views()
        except RuntimeError:
            return False
        return True

    # --- descriptions ---

    def get_input_details(self) -> list[dict[str, Any]]:
        """A dict for each input: name, index, shape, shape_signature, dtype and quantization."""
        shapes = self._tensors().shapes
        return [self._details.of(port.tensor, 0, shapes[k]) for k, port in enumerate(self._model.inputs)]

    def get_output_details(self) -> list[dict[str, Any]]:
        """The same for each output."""
        outputs = self._tensors().outputs
        return [self._details.of(port.tensor, 0, None if outputs is None else outputs[k].shape)
                for k, port in enumerate(self._model.outputs)]

    def get_tensor_details(self, subgraph_index: int = 0) -> list[dict[str, Any]]:
        """The same for every tensor of a subgraph; those of types that numpy lacks are left out."""
        count = self._model._subgraph_count()
        if subgraph_index < 0 or subgraph_index >= count:
            raise ValueError(f"subgraph_index is out of range: {subgraph_index} for the model, which has {count} subgraphs.")
        details = []
        for index in range(self._model._tensor_count(subgraph_index)):
            try:
                details.append(self._get_tensor_details(index, subgraph_index))
            except ValueError:
                pass
        return details

    def _get_tensor_details(self, tensor_index, subgraph_index):
        self._check_index(tensor_index, subgraph_index)
        tensors = self._tensors()
        shape = None
        if subgraph_index == 0 and tensor_index in self._input_positions:
            shape = tensors.shapes[self._input_positions[tensor_index]]
        elif subgraph_index == 0 and tensors.outputs is not None:
            shape = self._model._shape_of(tensor_index, tensors.shapes)
        return self._details.of(tensor_index, subgraph_index, shape)

    def num_subgraphs(self) -> int:
        """The number of subgraphs in the model."""
        return self._model._subgraph_count()

    def get_signature_list(self) -> dict[str, dict[str, list[str]]]:
        """{'key': {'inputs': [names], 'outputs': [names]}} of the model's signatures."""
        return {key: {kind: sorted(tensors) for kind, tensors in signature.items()}
                for key, signature in self._get_full_signature_list().items()}

    def _get_full_signature_list(self):
        return {name: {"inputs": {port.name: port.tensor for port in signature.inputs},
                       "outputs": {port.name: port.tensor for port in signature.outputs}}
                for name, signature in self._model.signatures.items()}

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """A callable for one signature; None means the only one."""
        if signature_key is None:
            names = list(self._model.signatures)
            if len(names) != 1:
                raise ValueError(f"SignatureDef signature_key is None and model has {len(names)} Signatures. None is only "
                                 "allowed when the model has 1 SignatureDef")
            signature_key = names[0]
        return SignatureRunner(interpreter=self, signature_key=signature_key)

    @property
    def experimental_compress_quantization_zero_points(self):
        return self._compress

    # --- errors ---

    def _input_position(self, index):
        position = self._input_positions.get(index)
        if position is None:
            raise ValueError(self._no_place(index))
        return position

    def _check_index(self, index, subgraph):
        count = self._model._tensor_count(subgraph) if 0 <= subgraph < self._model._subgraph_count() else 0
        if not 0 <= index < count:
            raise ValueError(f"Invalid tensor index {index} exceeds max tensor index {count}")

    def _no_place(self, index):
        if not isinstance(index, (int, np.integer)):
            raise TypeError(f"a tensor index is an int, not {type(index).__name__}")
        count = self._model._tensor_count(0)
        if not 0 <= index < count:
            return f"Invalid tensor index {index} exceeds max tensor index {count}"
        name = self._model._tensor(0, index)[0]
        return (f"Tensor {index} '{name}' is no input or output of the model; to read it after a run, create the "
                "interpreter with experimental_preserve_all_tensors=True")


def _strings(value):
    """Bytes objects, as they are kept and given back."""
    if value.ndim == 0 and value.dtype.kind == "S":  # as it stands, with the zeros at its end
        return np.array(value.tobytes(), dtype=object)
    items = [item.encode() if isinstance(item, str) else item for item in value.ravel().tolist()]
    for item in items:
        if not isinstance(item, bytes):
            raise ValueError(f"Cannot set tensor: a string tensor takes str or bytes, not {type(item).__name__}")
    strings = np.empty(len(items), dtype=object)
    strings[:] = items
    return strings.reshape(value.shape)


class InterpreterWithCustomOps(Interpreter):
    """The stock class for custom operators in C++. Operators that Heddle knows need no registerer."""

    def __init__(self, custom_op_registerers: Sequence[Any] | None = None, **arguments: Any) -> None:
        if custom_op_registerers:
            raise ValueError("Heddle takes no custom operators from TensorFlow Lite's C++ interface")
        super().__init__(**arguments)
