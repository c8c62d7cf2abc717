#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Objects compiled for more than the baseline ISA define no weak functions.  check_isa_objects.py BUILD_FOLDER

The linker keeps one of several weak definitions: were it the one with AVX-512 instructions, the whole program would need
them.
"""
import pathlib
import re
import subprocess
import sys

from checks import report

SPECIAL = re.compile(r"_(avx\w+|neondot|neoni8mm)\.cc\.o$")


def weak_functions(path):
    listing = subprocess.run(["nm", "--defined-only", "-C", str(path)], check=True, capture_output=True, text=True).stdout
    return [line.split(" ", 2)[2] for line in listing.splitlines() if re.match(r"^[0-9a-f]+ W ", line)]


def main():
    folders = [pathlib.Path(sys.argv[1], folder) for folder in ("src", "tests")]
    objects = sorted(p for folder in folders for p in folder.rglob("*.cc.o") if SPECIAL.search(p.name))
    problems = [f"{path.name}: weak: {name}" for path in objects for name in weak_functions(path)]
    report("isa objects", len(objects), problems)


main()
