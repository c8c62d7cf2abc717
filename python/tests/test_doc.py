# SPDX-License-Identifier: Apache-2.0
"""Examples of docstrings and of the pages on Python run as they stand."""
import ast
import doctest
import importlib
import pathlib
import re
import types

import pytest

import heddle
from heddle import _native
from conftest import ROOT


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", ["heddle", "heddle._model", "heddle.vision", "heddle.lite"])
def test_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_pages():
    ran = 0
    for page in ("docs/python.md", "docs/python_lite.md", "docs/python_recipes.md", "python/README.md"):
        names = {}
        for block in re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S):
            exec(compile(block, page, "exec"), names)  # the blocks of a page are one program
            ran += 1
    assert ran > 5


def test_public_names_have_docstrings():
    for name in heddle.__all__:
        if name != "__version__":
            assert getattr(heddle, name).__doc__, name


def test_the_stubs_name_what_the_extension_has():
    def said(body):
        names = {getattr(node, "name", None) or node.target.id for node in body
                 if isinstance(node, (ast.AnnAssign, ast.ClassDef, ast.FunctionDef))}
        return {name for name in names if not name.startswith("__")}

    def there(thing):
        return {name for name in vars(thing) if not name.startswith("__")}

    stubs = ast.parse(pathlib.Path(heddle.__file__).with_name("_native.pyi").read_text())
    assert said(stubs.body) == there(_native)
    for node in stubs.body:
        if isinstance(node, ast.ClassDef):
            assert said(node.body) == there(getattr(_native, node.name)), node.name


def test_public_functions_say_their_types():
    import heddle.lite
    for thing in [getattr(module, name) for module in (heddle, heddle.lite) for name in module.__all__]:
        for function in [thing, *vars(thing).values()] if isinstance(thing, type) else [thing]:
            if isinstance(function, types.FunctionType) and not function.__name__.startswith("_"):
                assert "return" in function.__annotations__, function.__qualname__


def test_the_package_is_typed_and_needs_numpy_alone():
    folder = pathlib.Path(heddle.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_native.pyi").exists()
    requires = importlib.import_module("importlib.metadata").requires("heddle")
    assert [r for r in requires if "extra" not in r] == ["numpy>=1.23"]
