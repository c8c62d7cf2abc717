# SPDX-License-Identifier: Apache-2.0
"""Heddle runs TensorFlow Lite models: one model object, any number of callers.

>>> import heddle, numpy as np
>>> m = heddle.load("tests/models/digits_f32.tflite")
>>> m(np.zeros((1, 8, 8, 1), np.float32)).shape
(1, 10)
"""
from typing import TYPE_CHECKING

from heddle._describe import TensorInfo
from heddle._model import Model, Session, Signature, load
from heddle._native import CancelToken
from heddle._native import VERSION as __version__
from heddle.errors import (Cancelled, DeadlineExceeded, FailedPrecondition, HeddleError, InternalError, InvalidArgument,
                           InvalidModel, NotFound, ResourceExhausted, Unsupported)
from heddle.vision import image, top_k

if TYPE_CHECKING:
    from heddle._tensorflow import from_keras, from_saved_model

__all__ = ["CancelToken", "Cancelled", "DeadlineExceeded", "FailedPrecondition", "HeddleError", "InternalError",
           "InvalidArgument", "InvalidModel", "Model", "NotFound", "ResourceExhausted", "Session", "Signature",
           "TensorInfo", "Unsupported", "__version__", "from_keras", "from_saved_model", "image", "load", "top_k"]


def __getattr__(name: str):
    """Conversion is imported where it is asked for."""
    if name in ("from_keras", "from_saved_model"):
        from heddle import _tensorflow
        return getattr(_tensorflow, name)
    raise AttributeError(f"module 'heddle' has no attribute '{name}'")
