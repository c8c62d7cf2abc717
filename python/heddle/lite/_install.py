# SPDX-License-Identifier: Apache-2.0
"""Puts Heddle's interpreter in the place of the stock ones, for programs that cannot be edited."""
import importlib
import sys
import types

NAMES = ("Delegate", "Interpreter", "InterpreterWithCustomOps", "OpResolverType", "SignatureRunner", "load_delegate")


def _package(name):
    """The installed package, or an empty one of this name."""
    try:
        return importlib.import_module(name)
    except ImportError:
        package = types.ModuleType(name)
        package.__path__ = []
        package.__version__ = "2.14.0"
        sys.modules[name] = package
        return package


def _fill(module):
    lite = sys.modules["heddle.lite"]
    for name in NAMES:
        setattr(module, name, getattr(lite, name))
    return module


def install(*, per_thread: bool = True) -> None:
    """From now on `import tflite_runtime.interpreter` and `import ai_edge_litert.interpreter` find Heddle's classes,
    whether those packages are installed or not; tf.lite.Interpreter is replaced where tensorflow was imported before.

    per_thread=False    interpreters have one set of tensors for all threads, as the stock ones do
    """
    lite = sys.modules["heddle.lite"]
    lite.Interpreter.per_thread = per_thread
    for name in ("tflite_runtime", "ai_edge_litert"):
        module = _fill(types.ModuleType(f"{name}.interpreter"))
        _package(name).interpreter = module
        sys.modules[module.__name__] = module
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        tensorflow.lite.Interpreter = lite.Interpreter
