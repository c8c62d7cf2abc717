# SPDX-License-Identifier: Apache-2.0
"""What the tests share: models of the repository, LiteRT as the oracle, a printed seed, and which tests are long."""
import os
import pathlib
import random

import numpy as np
import pytest

import heddle

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests/models"
SUITES = pathlib.Path(os.environ.get("HEDDLE_SUITES") or ROOT.parent / "shared")
SEED = int(os.environ.get("HEDDLE_SEED") or random.SystemRandom().randrange(10**6))


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also what takes minutes")


def pytest_report_header():
    return f"HEDDLE_SEED={SEED}, heddle {heddle.__version__} at {pathlib.Path(heddle.__file__).parent}"


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="minutes: run with --long"))


@pytest.fixture
def rng():
    return np.random.default_rng(SEED)


@pytest.fixture(scope="session")
def digits_path():
    return MODELS / "digits_f32.tflite"


@pytest.fixture(scope="session")
def digits(digits_path):
    return heddle.load(digits_path)


@pytest.fixture(scope="session")
def digits_int8():
    return heddle.load(MODELS / "digits_int8.tflite")


@pytest.fixture
def image(rng):
    return (16 * rng.random((1, 8, 8, 1))).astype(np.float32)


def zoo(name):
    """A model of the suite `zoo`, where there is one."""
    return _model("zoo/models", name)


def ops(name):
    """A model of the suite `ops`, where there is one."""
    return _model("ops", name)


def _model(folder, name):
    path = SUITES / folder / name
    if not path.exists():
        pytest.skip(f"no {folder} with {name}: HEDDLE_SUITES is not set")
    return path
