# SPDX-License-Identifier: Apache-2.0
"""Interpreters of the same file share one Model."""
import hashlib
import os
import weakref

from heddle._model import Model
from heddle.errors import HeddleError

_models = weakref.WeakValueDictionary()


def _file_key(path):
    stat = os.stat(path)
    return os.path.realpath(path), stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def shared(path, content, numerics, keep_all):
    """The Model of a file or of bytes. ValueError says why there is none, as the stock classes do."""
    try:
        origin = _file_key(path) if path is not None else (len(content), hashlib.sha256(content).digest())
        key = (origin, numerics, keep_all)
        model = _models.get(key)
        if model is None:
            source = {"path": os.fsencode(path)} if path is not None else {"content": content}
            model = _models.setdefault(key, Model(numerics=numerics, keep_all=keep_all, **source))
        return model
    except OSError as error:
        raise ValueError(f"Could not open '{os.fspath(path)}': {error.strerror}") from error
    except HeddleError as error:
        raise ValueError(f"{'the model' if path is None else os.fspath(path)}: {error}") from error
