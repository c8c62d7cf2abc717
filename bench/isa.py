# SPDX-License-Identifier: Apache-2.0
"""Holds the peers to an older instruction set by hiding the wider ones from them (hide_isa.c), and Heddle by its name."""
import ctypes
import functools
import os
import pathlib
import shutil
import subprocess

LEVELS = ("avx2", "avx512", "avx512vnni")
ARCH_PRCTL, ARCH_SET_CPUID = 158, 0x1012
HERE = pathlib.Path(__file__).resolve().parent


def compiler():
    return next((path for name in ("cc", "clang-19", "gcc") if (path := shutil.which(name))), None)


def obstacle():
    """Why instructions cannot be hidden from a program here; None: they can."""
    if os.uname().machine != "x86_64":
        return "only x86-64 lets CPUID fault"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ARCH_PRCTL, ARCH_SET_CPUID, ctypes.c_ulong(1)) != 0:
        return f"this machine does not let CPUID fault (arch_prctl: {os.strerror(ctypes.get_errno())})"
    return None if compiler() else "no C compiler for bench/hide_isa.c"


@functools.cache
def shim():
    built = HERE.parent / "build/bench/hide_isa.so"
    built.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler(), "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o", built, HERE / "hide_isa.c"],
                   check=True)
    return built


def environment(level, engine):
    """For a process that runs the engine. Heddle finds no packed weights of an earlier one, unless HEDDLE_CACHE names where."""
    variables = {"HEDDLE_CACHE": "off", **os.environ}
    if not level:
        return variables
    if engine == "heddle":
        return {**variables, "HEDDLE_ISA": level}
    return {**variables, "HIDE_ISA_ABOVE": level, "LD_PRELOAD": str(shim())}
