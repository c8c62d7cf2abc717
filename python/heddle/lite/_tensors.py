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
ENCODED = ("string", "int4", "uint4")  # not held as the engine has them
_renewed = weakref.WeakSet()  # in a forked child: what a thread may have held


def _blank(shape, info):
    """A tensor before its first value."""
    if info.type == "string":
        return np.full(shape, b"", dtype=object)
    return np.zeros(shape, info.dtype)


class Variables:
    """What a model remembers. It belongs to the interpreter, not to a thread: invokes on it take turns."""

    def __init__(self, model):
        self.session = model.session()
        self.renew()
        _renewed.add(self)

    def renew(self):
        self.turn = threading.Lock()


class TensorSet(_native.TensorSet):
    """Used by one thread at a time, but for what its base class guards."""

    def __init__(self, model, shapes, variables):
        super().__init__()
        self.model = model
        self.shapes = shapes  # of the inputs, as they will be allocated
        self.variables = variables  # of a model that remembers, else None
        self.kept = None  # of the last invoke, where every tensor is kept
        _renewed.add(self)

    @classmethod
    def of(cls, model):
        shapes = [tuple(1 if n is None else n for n in port.shape) for port in model.inputs]
        return cls(model, shapes, Variables(model) if model.stateful else None)

    def renew(self):
        self.end()

    def copy(self):
        """The same values for another thread; the variables are the same ones."""
        other = TensorSet(self.model, list(self.shapes), self.variables)
        other.copy_from(self)
        return other

    def _runner(self):
        return self.model if self.variables is None else self.variables.session

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
        self.allocate_as([_blank(shape, port) for shape, port in zip(self.shapes, model.inputs)], outputs)
        ports = (*model.inputs, *model.outputs)
        if known and all(port.type not in ENCODED and port.dtype is not None for port in ports):
            self.stay(self._runner())

    def resize(self, position, shape):
        self.check_idle()
        if self.shapes[position] != shape:
            self.shapes[position] = shape
            self.kept = None
            self.forget()

    def invoke(self, keep):
        """What the interpreter's invoke leaves to it: tensors that do not stay, and models that remember."""
        self.begin()
        try:
            if self.variables is None:
                self._run(keep)
            else:
                with self.variables.turn:
                    self._run(keep)
        except HeddleError as error:  # programs look for the stock class, some by its name
            raise RuntimeError(str(error)) from error
        finally:
            self.end()

    def _run(self, keep):
        if self.stays and not keep:
            self.run()
            return
        if self.inputs is None:
            raise RuntimeError(NOT_READY)
        self.check_views()
        if not keep:
            self.allocate_as(self.inputs, self._runner()._run(self.inputs))
            return
        self.kept = None  # its memory serves this run
        self.kept = _native.KeptRun(self._runner(), self.inputs)
        self.allocate_as(self.inputs, [self.kept.tensor(port.tensor) for port in self.model.outputs])

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
    for holder in list(_renewed):
        holder.renew()


os.register_at_fork(after_in_child=_renew_locks)
