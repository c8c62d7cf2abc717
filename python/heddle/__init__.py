# SPDX-License-Identifier: Apache-2.0
"""Heddle runs TensorFlow Lite models: one model object, any number of callers.

>>> import heddle, numpy as np
>>> m = heddle.load("tests/models/digits_f32.tflite")
>>> m(np.zeros((1, 8, 8, 1), np.float32)).shape
(1, 10)
"""
from heddle._describe import TensorInfo
from heddle._model import Model, Session, Signature, load
from heddle._native import CancelToken
from heddle._native import VERSION as __version__
from heddle.errors import (Cancelled, DeadlineExceeded, FailedPrecondition, HeddleError, InternalError, InvalidArgument,
                           InvalidModel, NotFound, ResourceExhausted, Unsupported)
from heddle.vision import image, top_k

__all__ = ["CancelToken", "Cancelled", "DeadlineExceeded", "FailedPrecondition", "HeddleError", "InternalError",
           "InvalidArgument", "InvalidModel", "Model", "NotFound", "ResourceExhausted", "Session", "Signature",
           "TensorInfo", "Unsupported", "__version__", "image", "load", "top_k"]
