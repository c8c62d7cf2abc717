# SPDX-License-Identifier: Apache-2.0
"""Model, Signature and Session: what a program holds. Calls are the native Runner's."""
from __future__ import annotations

import functools
import hashlib
import os
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from heddle import _describe, _native
from heddle._describe import TensorInfo
from heddle.errors import FailedPrecondition, InvalidArgument, InvalidModel

if TYPE_CHECKING:
    from heddle._futures import Future
    from heddle._profile import Profile


class _Described(_native.Runner):
    """Inputs and outputs of what is called, described once."""

    @functools.cached_property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """What a call takes, in positional order."""
        return _describe.ports(self._inputs())

    @functools.cached_property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """What a call returns."""
        return _describe.ports(self._outputs())

    def submit(self, *inputs: Any, **options: Any) -> Future:
        """A call that other threads run: a concurrent.futures.Future of the answer. Arguments are those of a call but for
        `cancel`: the future's cancel() stops it. Arrays are not copied: they are the call's until it is done.

        Names and types that are wrong are raised here, other errors by the future. At most 1024 submitted calls are not
        done: submit waits for room. DeadlineExceeded is raised at once where, as what waits before it and experience tell,
        the call would be late.

        >>> import heddle, numpy as np
        >>> m = heddle.load("tests/models/digits_f32.tflite")
        >>> m.submit(np.zeros((1, 8, 8, 1), np.float32), timeout=10).result().shape
        (1, 10)
        """
        from heddle import _futures
        return _futures.submit(self, inputs, options)

    async def run_async(self, *inputs: Any, **options: Any) -> Any:
        """The same for asyncio: the loop goes on meanwhile, and cancelling the task stops the call.

        >>> import asyncio, heddle, numpy as np
        >>> m = heddle.load("tests/models/digits_f32.tflite")
        >>> asyncio.run(m.run_async(np.zeros((1, 8, 8, 1), np.float32))).shape
        (1, 10)
        """
        from heddle import _async
        return await _async.run(self, inputs, options)

    def map(self, items: Iterable[Any], *, ordered: bool = True, max_in_flight: int | None = None, progress: bool = False,
            **options: Any) -> Iterator[Any]:
        """The answers for many items, several at the same time: a generator. An item is an input, a tuple of inputs, or a
        dict of them by name; `options` are words of each call.

        ordered         answers come in the order of the items; False: as they are done
        max_in_flight   items that are taken and not answered, so that as many are in memory; None: twice the cores
        progress        a progress bar (tqdm's, where it is installed)

        The first error of an item is raised, and what is in flight then cancelled, as it is when the caller stops.

        >>> import heddle, numpy as np
        >>> m = heddle.load("tests/models/digits_f32.tflite")
        >>> sum(scores.shape[0] for scores in m.map(np.zeros((1, 8, 8, 1), np.float32) for _ in range(100)))
        100
        """
        from heddle import _futures
        if max_in_flight is None:
            max_in_flight = 2 * len(os.sched_getaffinity(0))
        if max_in_flight < 1:
            raise InvalidArgument(f"max_in_flight is {max_in_flight}, expected 1 or more")
        if options.get("out") is not None:
            raise InvalidArgument("out: the calls of a map would all write into it")
        return _futures.map_over(self, items, ordered, max_in_flight, progress, options)

    def _lines(self, title: str) -> str:
        if self.closed:
            return f"<{title}, closed>"
        lines = [f"  {kind} {port!r}" for kind, ports in (("in ", self.inputs), ("out", self.outputs)) for port in ports]
        return "\n".join([f"<{title}", *lines]) + ">"


class Session(_Described):
    """The state of a model that remembers, owned by one caller: two sessions never see each other. Called as the model
    is; one call at a time, a second one raises FailedPrecondition."""

    def reset(self) -> None:
        """As it was when created."""
        self._reset()

    def save(self) -> bytes:
        """The state as bytes, for restore() by any session of the same model, here or on another machine."""
        return self._save()

    def restore(self, saved: bytes) -> None:
        """Takes a saved state over. Refuses the bytes of another model, and then changes nothing."""
        self._restore(saved)

    def clone(self) -> Session:
        """Another session that remembers the same."""
        return Session(self, clone=True)

    def __repr__(self) -> str:
        return self._lines("heddle.Session")


class Signature(_Described):
    """One of a model's named entry points, called as the model is."""

    @property
    def name(self) -> str:
        return self._signature

    def session(self) -> Session:
        """A state of its own; as Model.session()."""
        return Session(self, self._signature, True)

    def __repr__(self) -> str:
        return self._lines(f"heddle.Signature {self.name!r}")


class Model(_Described):
    """A loaded model: one copy of its weights, however many callers. Every method may be called from any thread at any
    time. heddle.load() makes one.

    Calling it runs it: m(x), m(x, y) in the order of m.inputs, m(image=x) by name, or m({"image": x}) with a dict, which
    also gives a dict. Otherwise the answer is an array where the model has one output, and a dict of arrays by name where
    it has several. Words of a call that are no inputs (an input of such a name is given in a dict):

    out           an array, or a list or dict of arrays, to be written into instead of new ones
    timeout       seconds; deadline: the same as an absolute time of time.monotonic(). DeadlineExceeded is raised
    cancel        a CancelToken, for another thread to stop the call
    quantize      real inputs are quantised as the model wants them; dequantize: quantised outputs become float32
    fresh_state   a model that remembers may run without a session; what it learns is thrown away
    """

    def __init__(self, *, path=None, content=None, numerics="fast", isa="", keep_all=False, quantize=False,
                 dequantize=False):
        if path is not None:  # before it is read: a file that is replaced meanwhile is another one
            self._file = os.path.abspath(os.fsdecode(path))
            self._identity = _identity_of(os.stat(path))
        super().__init__(path=path, content=content, numerics=numerics, isa=isa, keep_all=keep_all)
        self._quantize = quantize
        self._dequantize = dequantize
        self.path = None if path is None else os.fsdecode(path)
        self._content = content
        self._options = {"numerics": numerics, "isa": isa, "keep_all": keep_all, "quantize": quantize,
                         "dequantize": dequantize}

    @property
    def numerics(self) -> str:
        """'fast' or 'reference'; docs/numerics.md has the difference."""
        return self._options["numerics"]

    @functools.cached_property
    def signatures(self) -> Mapping[str, Signature]:
        """The model's named entry points: m.signatures["serve"](x)."""
        return types.MappingProxyType({name: Signature(self, name, False) for name in self._signature_names()})

    @functools.cached_property
    def stateful(self) -> bool:
        """Whether calls remember something, so that they need a session()."""
        return any(self._state(name) is not None for name in ("", *self._signature_names()))

    def session(self) -> Session:
        """A state of its own, for a model that remembers (variables, recurrent state)."""
        return Session(self, "", True)

    def warm(self, callers: int = 1) -> None:
        """Prepares the file's shapes for so many calls at once, which then allocate nothing in the engine."""
        self._warm(callers)

    def profile(self, *inputs: Any, **named: Any) -> Profile:
        """The time of each step of a call with these inputs: each runs by itself many times on what a whole call gave it,
        and the median counts. For looking: it takes the memory of a second copy of the model meanwhile.

        >>> import heddle, numpy as np
        >>> m = heddle.load("tests/models/digits_f32.tflite")
        >>> [step.name for step in m.profile(np.zeros((1, 8, 8, 1), np.float32))][-1]
        'SOFTMAX'
        """
        from heddle._profile import Profile, StepTime
        return Profile(StepTime(op, name, kernel, shape, macs, None if ns < 0 else ns * 1e-9)
                       for op, name, kernel, shape, macs, ns in self._step_times(inputs, named))

    @functools.cached_property
    def content_hash(self) -> str:
        """SHA-256 of the model's bytes."""
        if self._content is not None:
            return hashlib.sha256(self._content).hexdigest()
        with open(self._file, "rb") as file:
            content_hash = hashlib.sha256(file.read()).hexdigest()
            if _identity_of(os.fstat(file.fileno())) != self._identity:
                raise FailedPrecondition(f"{self._file} is no longer the file that was loaded: its hash cannot be told")
        return content_hash

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def __reduce__(self):
        """A model pickles as its path and the hash of the file; one that was loaded from bytes as these bytes."""
        if self._content is not None:
            return _load_content, (bytes(self._content), self._options)
        return _load_path, (self._file, self.content_hash, self._options)

    def __repr__(self) -> str:
        name = os.path.basename(self.path) if self.path else "from bytes"
        return self._lines(f"heddle.Model {name} ({self.numerics}{'' if self.closed else ', ' + self.isa})")


def _identity_of(file: os.stat_result) -> tuple[int, ...]:
    return file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns


_unpickled: dict[tuple, Model] = {}


def _load_path(path: str, content_hash: str, options: dict) -> Model:
    """One model per file and process, however many tasks bring it."""
    key = (path, content_hash, *sorted(options.items()))
    model = _unpickled.get(key)
    if model is None or model.closed:
        model = load(path, **options)
        if model.content_hash != content_hash:
            raise InvalidModel(f"{path} has SHA-256 {model.content_hash}; the model that was pickled had {content_hash}")
        _unpickled[key] = model
    return model


def _load_content(content: bytes, options: dict) -> Model:
    return Model(content=content, **options)


def load(model, *, numerics: str = "fast", isa: str = "", keep_all: bool = False, quantize: bool = False,
         dequantize: bool = False) -> Model:
    """Reads, verifies and prepares a model. Other Python threads run meanwhile.

    model       a path (str or pathlib), or the file's content (bytes, bytearray, memoryview, mmap)
    numerics    'fast': as LiteRT's default interpreter computes; 'reference': as its reference kernels do
    isa         an instruction set by name, for tests; '': the best that the machine has
    keep_all    every tensor of the graph can be read after a run, at the price of memory
    quantize, dequantize    what calls do unless they say otherwise

    >>> import heddle
    >>> m = heddle.load("tests/models/digits_f32.tflite")
    >>> m.inputs[0].shape
    (None, 8, 8, 1)
    """
    options = {"numerics": numerics, "isa": isa, "keep_all": keep_all, "quantize": quantize, "dequantize": dequantize}
    if isinstance(model, (str, os.PathLike)):
        os.stat(model)  # the built-in errors of files say it best
        return Model(path=os.fsencode(model), **options)
    return Model(content=bytes(model) if isinstance(model, (bytearray, memoryview)) else model, **options)
