# SPDX-License-Identifier: Apache-2.0
"""One set of an interpreter's tensors: what its inputs hold, what the last invoke left, and its variables."""
import os
import threading
import weakref

import numpy as np

from heddle import _native
from heddle._model import Signature

NOT_READY = "Invoke called on model that is not ready. Run allocate_tensors() first."
NOT_ALLOCATED = "Tensor data is null. Run allocate_tensors() first"
LIVE_VIEW = ("There is at least 1 reference to internal data in the interpreter in the form of a numpy array or slice. Be "
             "sure to only hold the function returned from tensor() if you are using raw data access.")
IN_USE = ("these tensors are being invoked on by another thread: a thread gets tensors of its own at its first "
          "set_tensor() (docs/python.md)")
_sets = weakref.WeakSet()


def _blank(shape, info):
    """A tensor before its first value."""
    if info.type == "string":
        return np.full(shape, b"", dtype=object)
    return np.zeros(shape, info.dtype)


class TensorSet:
    """Used by one thread at a time but for `busy`, which an invoke holds."""

    def __init__(self, model, shapes, session):
        self.model = model
        self.session = session  # of a model that remembers, else None
        self.shapes = shapes  # of the inputs, as they will be allocated
        self.inputs = self.outputs = None  # until they are allocated
        self.kept = None  # of the last invoke, where every tensor is kept
        self.claimed = threading.Lock()  # held for good by the thread that set these tensors first
        self.busy = threading.Lock()
        self._signatures = {}
        _sets.add(self)

    @classmethod
    def of(cls, model):
        shapes = [tuple(1 if n is None else n for n in port.shape) for port in model.inputs]
        return cls(model, shapes, model.session() if model.stateful else None)

    def copy(self):
        """The same values and variables for another thread. Variables can be read only between invokes: it waits."""
        session = None
        if self.session is not None:
            with self.busy:
                session = self.session.clone()
        other = TensorSet(self.model, list(self.shapes), session)
        if self.inputs is not None:
            other.inputs = [array.copy() for array in self.inputs]
            other.outputs = [array.copy() for array in self.outputs]
        return other

    def allocate(self):
        if self.inputs is not None:
            return
        self.check_idle()
        model = self.model
        outputs = []
        for port in model.outputs:
            shape = model._shape_of(port.tensor, self.shapes)
            outputs.append(_blank(tuple(n or 1 for n in port.shape) if shape is None else shape, port))
        self.inputs = [_blank(shape, port) for shape, port in zip(self.shapes, model.inputs)]
        self.outputs = outputs

    def resize(self, position, shape):
        self.check_idle()
        if self.shapes[position] != shape:
            self.shapes[position] = shape
            self.inputs = self.outputs = self.kept = None

    def check_idle(self):
        if self.busy.locked():
            raise RuntimeError(IN_USE)

    def check_views(self):
        """An array that tensor(i)() gave may not outlive what it shows."""
        if self.inputs is not None and (_native.any_shared(self.inputs) or _native.any_shared(self.outputs)):
            raise RuntimeError(LIVE_VIEW)

    def invoke(self, keep):
        if not self.busy.acquire(False):
            raise RuntimeError("invoke(): " + IN_USE)
        try:
            if self.inputs is None:
                raise RuntimeError(NOT_READY)
            self.check_views()
            runner = self.session or self.model
            if keep:
                self.kept = None  # its memory serves this run
                self.kept = _native.KeptRun(runner, self.inputs)
                self.outputs = [self.kept.tensor(port.tensor) for port in self.model.outputs]
            else:
                self.outputs = runner._run(self.inputs)
        finally:
            self.busy.release()

    def signature(self, name):
        found = self._signatures.get(name)
        if found is None:
            found = self._signatures[name] = Signature(self.session or self.model, name, False)
        return found

    def reset_variables(self):
        """Variable tensors begin anew; resource variables keep their values, as they do in the stock interpreter."""
        self.check_idle()
        model = self.model
        if self.session is not None and any(model._tensor(graph, index)[-1] for graph in range(model._subgraph_count())
                                            for index in range(model._tensor_count(graph))):
            self.session.reset()


def _forget_other_threads():
    """In a forked child no other thread invokes any more; what they left is the engine's to judge."""
    for tensors in list(_sets):
        tensors.busy = threading.Lock()


os.register_at_fork(after_in_child=_forget_other_threads)
