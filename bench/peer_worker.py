# SPDX-License-Identifier: Apache-2.0
"""One engine, one model, one process: prints a JSON line with what it cost.

usage: peer_worker.py heddle|litert MODEL SECONDS [LIBHEDDLE]
"""
import ctypes
import json
import os
import sys
import time

import numpy as np

NUMPY_TYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 6: np.bool_, 7: np.int16, 9: np.int8}


def hash_input(shape, dtype, k):
    """The inputs that the command line feeds too: a 32-bit hash of the element's index."""
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
        out = (h >> np.uint32(24)) % 16
    return np.ascontiguousarray(out.astype(dtype).reshape(shape))


def pss_kb():
    with open("/proc/self/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


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
    def __init__(self, path, library):
        self.lib = ctypes.CDLL(library)
        for name in ("engine_create", "model_load", "model_input", "model_input_count", "model_run", "session_create"):
            getattr(self.lib, "heddle_" + name).restype = ctypes.c_void_p
        self.lib.heddle_status_message.restype = self.lib.heddle_model_state.restype = ctypes.c_char_p
        self.lib.heddle_status_message.argtypes = [ctypes.c_void_p]
        self.lib.heddle_outputs_free.argtypes = [ctypes.c_void_p]
        engine, self.model = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(self.lib.heddle_engine_create(None, ctypes.byref(engine)))
        self.check(self.lib.heddle_model_load(engine, path.encode(), None, ctypes.byref(self.model)))
        session = ctypes.c_void_p()
        if self.lib.heddle_model_state(self.model, None):  # as an interpreter has one
            self.check(self.lib.heddle_session_create(self.model, ctypes.byref(session)))
        self.options = RunOptions(struct_size=ctypes.sizeof(RunOptions), session=session)

    def check(self, status):
        if status:
            sys.exit(self.lib.heddle_status_message(status).decode())

    def bind(self):
        count = ctypes.c_size_t()
        self.check(self.lib.heddle_model_input_count(self.model, None, ctypes.byref(count)))
        self.count = count.value
        self.arrays, self.tensors = [], (Tensor * self.count)()
        for k in range(self.count):
            info = TensorInfo(struct_size=ctypes.sizeof(TensorInfo))
            self.check(self.lib.heddle_model_input(self.model, None, ctypes.c_size_t(k), ctypes.byref(info)))
            shape = [max(1, d) for d in info.dims[: info.rank]]
            array = hash_input(shape, NUMPY_TYPES[info.type], k)
            self.arrays.append(array)
            self.tensors[k] = Tensor(ctypes.sizeof(Tensor), info.name, info.type, -1, (0,) * 8,
                                     array.ctypes.data, array.nbytes)

    def run(self):
        views = ctypes.c_void_p()
        self.check(self.lib.heddle_model_run(self.model, self.tensors, ctypes.c_size_t(self.count), None,
                                             ctypes.c_size_t(0), ctypes.byref(self.options), ctypes.byref(views)))
        self.lib.heddle_outputs_free(views)


class LiteRt:
    def __init__(self, path, _):
        from ai_edge_litert.interpreter import Interpreter
        self.interpreter = Interpreter(path, num_threads=1)
        self.interpreter.allocate_tensors()

    def bind(self):
        for k, d in enumerate(self.interpreter.get_input_details()):
            self.interpreter.set_tensor(d["index"], hash_input(d["shape"], d["dtype"], k))

    def run(self):
        self.interpreter.invoke()


def main():
    engine, path, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    library = sys.argv[4] if len(sys.argv) > 4 else None
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if engine == "litert":
        import ai_edge_litert.interpreter  # the import is not the engine's start
    else:
        ctypes.CDLL(library)
    hash_input([16], np.float32, 0)
    before = pss_kb()
    start = time.perf_counter()
    peer = {"heddle": Heddle, "litert": LiteRt}[engine](path, library)
    loaded = time.perf_counter()
    peer.bind()
    bound = time.perf_counter()
    peer.run()
    first = time.perf_counter()
    times = []
    while time.perf_counter() - first < seconds or len(times) < 20:
        begin = time.perf_counter()
        peer.run()
        times.append(time.perf_counter() - begin)
    times.sort()
    print(json.dumps({"load_ms": (loaded - start) * 1e3,
                      "first_result_ms": (loaded - start + first - bound) * 1e3,
                      "memory_mb": (pss_kb() - before) / 1024,
                      "latency_ms": times[len(times) // 2] * 1e3}))


if __name__ == "__main__":
    main()
