# SPDX-License-Identifier: Apache-2.0
"""Puts Heddle's interpreter in the place of the stock ones, for programs that cannot be edited."""
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types

NAMES = ("Delegate", "Interpreter", "InterpreterWithCustomOps", "OpResolverType", "SignatureRunner", "load_delegate")


TENSORFLOW = "tensorflow.lite.python.interpreter"  # where tf.lite has them from


def _module(name):
    """An empty one. Programs that look for a package with find_spec() ask for its spec."""
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    sys.modules[name] = module
    return module


def _package(name):
    """The installed package, or an empty one of this name."""
    try:
        return importlib.import_module(name)
    except ImportError:
        package = _module(name)
        package.__path__ = package.__spec__.submodule_search_locations = []
        package.__version__ = "2.14.0"
        return package


def _fill(module):
    lite = sys.modules["heddle.lite"]
    for name in NAMES:
        setattr(module, name, getattr(lite, name))
    return module


class _WhenImported(importlib.abc.MetaPathFinder):
    """Fills TensorFlow's module of interpreters when it is imported, before others take the classes from it."""

    _looks = False

    def find_spec(self, name, path=None, target=None):
        if name != TENSORFLOW or self._looks:
            return None
        self._looks = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looks = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_fill(module):
                execute(module)
                _fill(module)

            spec.loader.exec_module = execute_and_fill
        return spec


def install(*, per_thread: bool = True) -> None:
    """From now on `import tflite_runtime.interpreter` and `import ai_edge_litert.interpreter` find Heddle's classes,
    whether those packages are installed or not, and tf.lite.Interpreter is Heddle's where tensorflow is installed.

    per_thread=False    interpreters have one set of tensors for all threads, as the stock ones do
    """
    lite = sys.modules["heddle.lite"]
    lite.Interpreter.per_thread = per_thread
    for name in ("tflite_runtime", "ai_edge_litert"):
        _package(name).interpreter = _fill(_module(f"{name}.interpreter"))
    if TENSORFLOW in sys.modules:
        _fill(sys.modules[TENSORFLOW])
    elif not any(isinstance(finder, _WhenImported) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenImported())
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        tensorflow.lite.Interpreter = lite.Interpreter
