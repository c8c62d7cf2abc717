# SPDX-License-Identifier: Apache-2.0
"""gunicorn --preload -w 4 --threads 8: the model is loaded before the fork, and each worker's threads call it."""
import http.client
import os
import socket
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from conftest import MODELS

APPLICATION = """
    import os
    import numpy as np, heddle
    model = heddle.load({path!r})
    model(np.zeros((1, 8, 8, 1), np.float32))  # in the parent, too

    def application(environment, start_response):
        image = np.frombuffer(environment["wsgi.input"].read(256), np.float32).reshape(1, 8, 8, 1)
        start_response("200 OK", [("X-Worker", str(os.getpid()))])
        return [model(image).tobytes()]
"""


class Unix(http.client.HTTPConnection):
    """HTTP over a socket in a folder: no port that another test could take."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


@pytest.fixture
def server(tmp_path):
    pytest.importorskip("gunicorn")
    (tmp_path / "served.py").write_text(textwrap.dedent(APPLICATION.format(path=str(MODELS / "digits_f32.tflite"))))
    path = str(tmp_path / "socket")
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", "--preload", "-w", "4", "--threads", "8", "--bind",
                                f"unix:{path}", "--log-level", "error", "served"], cwd=tmp_path)
    try:
        until = time.monotonic() + 60
        while not os.path.exists(path):
            assert process.poll() is None and time.monotonic() < until
        yield path
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.long
def test_preloaded_workers_answer(server, digits, rng):
    images = [(16 * rng.random((1, 8, 8, 1))).astype(np.float32) for _ in range(400)]

    def ask(image):
        connection = Unix(server)
        connection.request("POST", "/", image.tobytes())
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.headers["X-Worker"], answer.read()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, images))
    for image, (_, got) in zip(images, answers):
        assert got == digits(image).tobytes()
    assert len({worker for worker, _ in answers}) > 1
