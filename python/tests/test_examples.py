# SPDX-License-Identifier: Apache-2.0
"""examples/python and the tutorial, run from the root of the repository. What a program imports must be installed."""
import importlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT

LIMIT = 180  # seconds; the first call of a pool starts its processes


@pytest.mark.parametrize("package", ["multiprocessing", "joblib", "dask", "ray", "pyspark"])
def test_with(package):
    pytest.importorskip(package)
    if package == "pyspark" and not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("Spark needs Java")
    done = subprocess.run([sys.executable, f"examples/python/with_{package}.py"], cwd=ROOT, capture_output=True, text=True,
                          timeout=LIMIT)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert lines and all(int(line.split()[0]) > 340 and line.endswith("of 360 right") for line in lines)


def has_matplotlib():
    try:
        importlib.import_module("matplotlib").use("Agg")
    except ImportError:
        return False
    return True


def test_the_tutorial(monkeypatch):
    """Its cells are one program. Those that plot run where matplotlib is installed."""
    monkeypatch.chdir(ROOT)
    notebook = json.loads((ROOT / "docs/tutorial.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)
    plots = has_matplotlib()
    names, ran = {"__name__": "tutorial"}, 0
    for number, cell in enumerate(cells):
        if plots or "plot" not in cell["metadata"].get("tags", []):
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
            ran += 1
    assert ran >= 8
