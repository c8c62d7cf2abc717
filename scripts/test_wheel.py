#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the Python package as it is installed from build/wheel.  test_wheel.py [arguments for pytest]

First in a new environment, where pip may bring numpy and nothing else; then python/tests in build/venv-wheel-test.
Ends with the line that scripts/run_tests.py counts.
"""
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from checks import ROOT

CLEAN = ROOT / "build/venv-wheel-clean"
FIRST_CALL = f"""
import heddle, numpy
print(heddle.load({str(ROOT / "tests/models/digits_f32.tflite")!r})(numpy.zeros((1, 8, 8, 1), numpy.float32)))
"""


def run(*command, **options):
    return subprocess.run([str(c) for c in command], **options)


def installs_alone(wheel):
    """Whether a new environment needs nothing but the wheel and numpy; run from afar, so that no source is found."""
    shutil.rmtree(CLEAN, ignore_errors=True)
    run(sys.executable, "-m", "venv", "--without-pip", CLEAN, check=True)
    pip = [ROOT / "build/venv-wheel/bin/pip", "--disable-pip-version-check", "--python", CLEAN]
    run(*pip, "install", "--quiet", wheel, check=True)
    listing = run(*pip, "list", "--format", "freeze", check=True, capture_output=True, text=True).stdout
    names = sorted(line.partition("==")[0].partition(" @")[0] for line in listing.splitlines())
    print(f"a new environment has: {' '.join(names)}", flush=True)
    ran = run(CLEAN / "bin/python", "-c", FIRST_CALL, cwd=tempfile.gettempdir()).returncode == 0
    return ran and names == ["heddle", "numpy"]


def main():
    wheel, = (ROOT / "build/wheel").glob("heddle-*.whl")
    alone = installs_alone(wheel)
    venv = ROOT / "build/venv-wheel-test/bin"
    run(venv / "pip", "install", "--quiet", "--disable-pip-version-check", "--force-reinstall", "--no-deps", wheel, check=True)
    report = ROOT / "build/test/wheel.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    run(venv / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "python/pyproject.toml", "python/tests",
        f"--junitxml={report}", *sys.argv[1:], cwd=ROOT)
    suite = next(xml.etree.ElementTree.parse(report).getroot().iter("testsuite"))
    total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    print(f"{total - failed - skipped + alone} passed, {failed + (not alone)} failed, {skipped} skipped")
    sys.exit(1 if failed or not alone else 0)


main()
