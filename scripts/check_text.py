#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every source file begins with its licence line; none names a package registry or a folder of somebody's machine."""
import re

from checks import files, report, text

SOURCES = (".h", ".cc", ".c", ".py", ".cmake", "CMakeLists.txt", ".inc", ".fbs")
SPDX = "SPDX-License-Identifier: Apache-2.0"
STRAY = re.compile(r"://[^\s)\"']*(debian|pypi|npmjs|crates)[^\s)\"']*\.(org|com|io)|(?<![\w.$}])/(home|root|work)/\w", re.I)
TEXTS = (*SOURCES, ".md", ".txt", ".json", ".tsv", "Makefile")


def problems_of(path):
    lines = text(path).splitlines()
    if path.endswith(SOURCES) and not any(SPDX in line for line in lines[:3]):
        yield f"{path}:1: no '{SPDX}'"
    for number, line in enumerate(lines, 1):
        if STRAY.search(line):
            yield f"{path}:{number}: names a registry host or a folder of one machine: {line.strip()[:80]}"


def main():
    paths = [p for p in files(*TEXTS) + [f for f in files("") if "/." not in f and "." not in f] if p != "scripts/check_text.py"]
    report("text", len(set(paths)), [problem for p in sorted(set(paths)) for problem in problems_of(p)])


main()
