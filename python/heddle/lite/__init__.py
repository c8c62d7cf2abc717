# SPDX-License-Identifier: Apache-2.0
"""The interpreter class that programs written for tflite_runtime and ai_edge_litert know, over Heddle.

Change the import to `from heddle.lite import Interpreter`. Where a program cannot be edited, call heddle.lite.install()
before it imports its interpreter, or start it as `python -m heddle.lite program.py`.
"""
from heddle.lite._install import install
from heddle.lite._interpreter import Delegate, Interpreter, InterpreterWithCustomOps, OpResolverType, load_delegate
from heddle.lite._signatures import SignatureRunner

__all__ = ["Delegate", "Interpreter", "InterpreterWithCustomOps", "OpResolverType", "SignatureRunner", "install",
           "load_delegate"]
