# SPDX-License-Identifier: Apache-2.0
"""The engines that bench/peers.py compares, behind one face: open() reads the file, ready() makes what a call needs and
returns the first caller, another() returns a further one for a thread of its own. A caller has bind(), run() and answer().

Engine(path, threads, callers, library): threads is how many cores one call may use, None where all; callers is how many
call at a time."""
import ctypes
import importlib.metadata
import os

import numpy as np

NUMPY_TYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 6: np.bool_, 7: np.int16, 9: np.int8}


def hash_input(shape, dtype, k):
    """As the command line makes up inputs, from a 32-bit hash of the element's index; but integers are 0 or 1, which are
    words, masks and segments to every model of language."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint32)
    h = i * np.uint32(0x9E3779B9) + np.uint32((k + 1) * 0x85EBCA6B & 0xFFFFFFFF)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    if dtype == np.float32:
        out = (h >> np.uint32(8)).astype(np.float64) * 2.0**-23 - 1
    elif dtype in (np.uint8, np.int8):
        out = (h >> np.uint32(24)).astype(np.uint8).view(dtype)
    else:
        out = (h >> np.uint32(24)) % 2
    return np.ascontiguousarray(out.astype(dtype).reshape(shape))


class Refused(Exception):
    """The engine does not run this model, and why."""


class Tensor(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("type", ctypes.c_int),
                ("rank", ctypes.c_int32), ("dims", ctypes.c_int32 * 8), ("data", ctypes.c_void_p),
                ("bytes", ctypes.c_size_t)]


class TensorInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("type", ctypes.c_int),
                ("rank", ctypes.c_int32), ("dims", ctypes.c_int32 * 8), ("scale", ctypes.c_float),
                ("zero_point", ctypes.c_int32)]


class RunOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("deadline_ns", ctypes.c_int64), ("cancel", ctypes.c_void_p),
                ("signature", ctypes.c_char_p), ("session", ctypes.c_void_p), ("fresh_state", ctypes.c_int32)]


class Heddle:
    """One model for all callers. It has no thread counts: what the process may use, it uses."""

    @staticmethod
    def imports(library):
        ctypes.CDLL(library)

    @staticmethod
    def version(library):
        lib = ctypes.CDLL(library)
        lib.heddle_version.restype = ctypes.c_char_p
        return lib.heddle_version().decode()

    def __init__(self, path, _threads, _callers, library):
        self.path, self.model = path, ctypes.c_void_p()
        self.lib = lib = ctypes.CDLL(library)
        for name in ("engine_create", "model_load", "model_warm", "model_input", "model_input_count", "model_run",
                     "session_create", "outputs_get"):
            getattr(lib, "heddle_" + name).restype = ctypes.c_void_p
        lib.heddle_status_message.restype = lib.heddle_model_state.restype = ctypes.c_char_p
        lib.heddle_status_message.argtypes = lib.heddle_outputs_free.argtypes = [ctypes.c_void_p]
        lib.heddle_outputs_get.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]

    def check(self, status):
        if status:
            raise Refused(self.lib.heddle_status_message(status).decode())

    def open(self):
        engine = ctypes.c_void_p()
        self.check(self.lib.heddle_engine_create(None, ctypes.byref(engine)))
        self.check(self.lib.heddle_model_load(engine, self.path.encode(), None, ctypes.byref(self.model)))

    def ready(self):
        self.check(self.lib.heddle_model_warm(self.model, None, ctypes.c_size_t(0), ctypes.c_int32(1)))
        return HeddleCaller(self)

    def another(self):
        return HeddleCaller(self)


class HeddleCaller:
    def __init__(self, engine):
        self.lib, self.model, self.check = engine.lib, engine.model, engine.check
        session = ctypes.c_void_p()
        if self.lib.heddle_model_state(self.model, None):  # as an interpreter has one
            self.check(self.lib.heddle_session_create(self.model, ctypes.byref(session)))
        self.options = RunOptions(struct_size=ctypes.sizeof(RunOptions), session=session)

    def bind(self):
        count = ctypes.c_size_t()
        self.check(self.lib.heddle_model_input_count(self.model, None, ctypes.byref(count)))
        self.count = ctypes.c_size_t(count.value)
        self.arrays, self.tensors = [], (Tensor * count.value)()
        for k in range(count.value):
            info = TensorInfo(struct_size=ctypes.sizeof(TensorInfo))
            self.check(self.lib.heddle_model_input(self.model, None, ctypes.c_size_t(k), ctypes.byref(info)))
            shape = [max(1, d) for d in info.dims[: info.rank]]
            array = hash_input(shape, NUMPY_TYPES[info.type], k)
            self.arrays.append(array)
            self.tensors[k] = Tensor(ctypes.sizeof(Tensor), info.name, info.type, -1, (0,) * 8,
                                     array.ctypes.data, array.nbytes)

    def call(self):
        views = ctypes.c_void_p()
        self.check(self.lib.heddle_model_run(self.model, self.tensors, self.count, None, ctypes.c_size_t(0),
                                             ctypes.byref(self.options), ctypes.byref(views)))
        return views

    def run(self):
        self.lib.heddle_outputs_free(self.call())

    def answer(self):
        views, tensor = self.call(), Tensor(struct_size=ctypes.sizeof(Tensor))
        self.check(self.lib.heddle_outputs_get(views, 0, ctypes.byref(tensor)))
        array = np.frombuffer(ctypes.string_at(tensor.data, tensor.bytes), NUMPY_TYPES[tensor.type])
        self.lib.heddle_outputs_free(views)
        return array


class LiteRt:
    """With its default delegate, XNNPACK; an interpreter for each caller."""

    @staticmethod
    def imports(_):
        import ai_edge_litert.interpreter

    @staticmethod
    def version(_):
        return importlib.metadata.version("ai-edge-litert")

    def __init__(self, path, threads, callers, _):
        self.path = path
        self.threads = threads or (1 if callers > 1 else len(os.sched_getaffinity(0)))

    def interpreter(self):
        from ai_edge_litert.interpreter import Interpreter
        try:
            return Interpreter(self.path, num_threads=self.threads)
        except (RuntimeError, ValueError) as error:
            raise Refused(str(error)) from error

    def open(self):
        self.first = self.interpreter()

    def ready(self):
        return LiteRtCaller(self.first)

    def another(self):
        return LiteRtCaller(self.interpreter())


class LiteRtCaller:
    def __init__(self, interpreter):
        self.interpreter, self.run = interpreter, interpreter.invoke
        try:
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise Refused(str(error)) from error

    def bind(self):
        for k, d in enumerate(self.interpreter.get_input_details()):
            self.interpreter.set_tensor(d["index"], hash_input(d["shape"], d["dtype"], k))

    def answer(self):
        self.run()
        return self.interpreter.get_tensor(self.interpreter.get_output_details()[0]["index"]).ravel()


class OpenVino:
    """Float32 where the model is: on CPUs with AMX it would compute in bfloat16. Sizes that the file leaves open are 1,
    as the others take them, and known when it compiles. A request for each caller."""

    @staticmethod
    def imports(_):
        import openvino

    @staticmethod
    def version(_):
        import openvino
        return openvino.get_version()

    def __init__(self, path, threads, callers, _):
        self.path = path
        self.options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if threads:  # the process is held to cores that it would not pin its threads to
            self.options |= {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
        if callers > 1:
            self.options |= {"PERFORMANCE_HINT": "THROUGHPUT", "PERFORMANCE_HINT_NUM_REQUESTS": callers}

    def open(self):
        import openvino
        self.core = openvino.Core()
        try:
            self.model = self.core.read_model(self.path)
            if self.model.is_dynamic():
                self.model.reshape({k: [1 if d.is_dynamic else d.get_length() for d in tensor.partial_shape]
                                    for k, tensor in enumerate(self.model.inputs)})
        except RuntimeError as error:
            raise Refused(str(error)) from error

    def ready(self):
        try:
            self.compiled = self.core.compile_model(self.model, "CPU", self.options)
        except RuntimeError as error:
            raise Refused(str(error)) from error
        del self.model  # a program that serves keeps only what is compiled
        return self.another()

    def another(self):
        return OpenVinoCaller(self.compiled.create_infer_request())


class OpenVinoCaller:
    def __init__(self, request):
        self.request = request

    def bind(self):
        for k, tensor in enumerate(self.request.input_tensors):
            tensor.data[...] = hash_input(list(tensor.shape), tensor.data.dtype, k)

    def run(self):
        self.request.infer(share_outputs=True)

    def answer(self):
        self.run()
        return np.array(self.request.output_tensors[0].data).ravel()


ENGINES = {"heddle": Heddle, "litert": LiteRt, "openvino": OpenVino}
