# SPDX-License-Identifier: Apache-2.0
"""One set of an interpreter's tensors: what its inputs hold, what the last invoke left, and its variables."""
import os
import threading
import weakref

import numpy as np

from heddle import _native
from heddle._model import Signature
from heddle.errors import HeddleError, InvalidArgument, NotFound

NOT_READY = "Invoke called on model that is not ready. Run allocate_tensors() first."
NOT_ALLOCATED = "Tensor data is null. Run allocate_tensors() first"
LIVE_VIEW = ("There is at least 1 reference to internal data in the interpreter in the form of a numpy array or slice. Be "
             "sure to only hold the function returned from tensor() if you are using raw data access.")
IN_USE = ("these tensors are being invoked on by another thread: a thread gets tensors of its own at its first "
          "set_tensor() (docs/python_lite.md)")
_locked = weakref.WeakSet()  # what holds locks that a forked child must renew


def _blank(shape, info):
    """A tensor before its first value."""
    if info.type == "string":
        return np.full(shape, b"", dtype=object)
    return np.zeros(shape, info.dtype)


def _copies(arrays):
    return [array.copy() for array in arrays]


class Variables:
    """What a model remembers. It belongs to the interpreter, not to a thread: invokes on it take turns."""

    def __init__(self, model):
        self.session = model.session()
        self.renew()
        _locked.add(self)

    def renew(self):
        self.turn = threading.Lock()


class TensorSet:
    """Used by one thread at a time but for `busy`, which an invoke holds."""

    def __init__(self, model, shapes, variables):
        self.model = model
        self.shapes = shapes  # of the inputs, as they will be allocated
        self.variables = variables  # of a model that remembers, else None
        self.inputs = self.outputs = None  # until they are allocated
        self.slots = None  # runs on them where they are, once they are allocated and where that can be
        self.kept = None  # of the last invoke, where every tensor is kept
        self.claimed = threading.Lock()  # held for good by the thread that set these tensors first
        self.renew()
        _locked.add(self)

    @classmethod
    def of(cls, model):
        shapes = [tuple(1 if n is None else n for n in port.shape) for port in model.inputs]
        return cls(model, shapes, Variables(model) if model.stateful else None)

    def renew(self):
        self.busy = threading.Lock()
        self.copied = threading.Lock()  # held while references of a copy in the making count

    def copy(self):
        """The same values for another thread; the variables are the same ones."""
        other = TensorSet(self.model, list(self.shapes), self.variables)
        with self.copied:
            if self.inputs is not None:
                other._take(_copies(self.inputs), _copies(self.outputs), self.slots is not None)
        return other

    def allocate(self):
        if self.inputs is not None:
            return
        self.check_idle()
        model = self.model
        outputs = []
        known = True  # before a run
        for port in model.outputs:
            try:
                shape = model._shape_of(port.tensor, self.shapes)
            except HeddleError as error:
                raise RuntimeError(str(error)) from error
            known = known and shape is not None
            outputs.append(_blank(tuple(n or 1 for n in port.shape) if shape is None else shape, port))
        numbers = all(port.type != "string" and port.dtype is not None for port in (*model.inputs, *model.outputs))
        self._take([_blank(shape, port) for shape, port in zip(self.shapes, model.inputs)], outputs, known and numbers)

    def _take(self, inputs, outputs, stay):
        """`stay`: the arrays are those of every run from now on."""
        self.inputs, self.outputs = inputs, outputs
        if stay:
            runner = self.model if self.variables is None else self.variables.session
            self.slots = _native.Slots(runner, inputs, outputs)

    def resize(self, position, shape):
        self.check_idle()
        if self.shapes[position] != shape:
            self.shapes[position] = shape
            self.inputs = self.outputs = self.kept = self.slots = None

    def check_idle(self):
        if self.busy.locked():
            raise RuntimeError(IN_USE)

    def check_views(self):
        """An array that tensor(i)() gave may not outlive what it shows."""
        with self.copied:
            if self.inputs is not None and (_native.any_shared(self.inputs) or _native.any_shared(self.outputs)):
                raise RuntimeError(LIVE_VIEW)

    def invoke(self, keep):
        if not self.busy.acquire(False):
            raise RuntimeError("invoke(): " + IN_USE)
        try:
            if self.variables is None:
                self._run(self.model, keep)
            else:
                with self.variables.turn:
                    self._run(self.variables.session, keep)
        except HeddleError as error:  # programs look for the stock class, some by its name
            raise RuntimeError(str(error)) from error
        finally:
            self.busy.release()

    def _run(self, runner, keep):
        if self.slots is not None and not keep:
            with self.copied:
                if not self.slots.run():
                    raise RuntimeError(LIVE_VIEW)
            return
        if self.inputs is None:
            raise RuntimeError(NOT_READY)
        self.check_views()
        if not keep:
            self.outputs = runner._run(self.inputs)
            return
        self.slots = None  # the outputs will be others
        self.kept = None  # its memory serves this run
        self.kept = _native.KeptRun(runner, self.inputs)
        self.outputs = [self.kept.tensor(port.tensor) for port in self.model.outputs]

    def run_signature(self, name, arrays):
        try:
            if self.variables is None:
                return self.model.signatures[name](arrays)
            with self.variables.turn:
                return Signature(self.variables.session, name, False)(arrays)
        except (InvalidArgument, NotFound) as error:
            raise ValueError(str(error)) from error
        except HeddleError as error:
            raise RuntimeError(str(error)) from error

    def reset_variables(self):
        """Variable tensors begin anew; resource variables keep their values, as they do in the stock interpreter."""
        self.check_idle()
        model = self.model
        if self.variables is not None and any(model._tensor(graph, index)[-1] for graph in range(model._subgraph_count())
                                              for index in range(model._tensor_count(graph))):
            with self.variables.turn:
                self.variables.session.reset()


def _renew_locks():
    """In a forked child no other thread invokes any more; what they left is the engine's to judge."""
    for holder in list(_locked):
        holder.renew()


os.register_at_fork(after_in_child=_renew_locks)
