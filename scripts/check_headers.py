#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each public header compiles alone: as C++20, and those of C as C11 too.  check_headers.py BUILD_FOLDER"""
import subprocess
import sys

from checks import ROOT, files, report

WARN = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]


def main():
    include = [f"-I{ROOT}/include", f"-I{sys.argv[1]}/include"]
    names = [p.removeprefix("include/") for p in files(".h") if p.startswith("include/heddle/")] + ["heddle/version.h"]
    compilers = [(name, ["clang++-19", "-std=c++20", "-xc++"]) for name in names]
    compilers += [(name, ["clang-19", "-std=c11", "-xc", "-Wno-empty-translation-unit"]) for name in ("heddle/c.h", "heddle/c_custom.h", "heddle/version.h")]
    problems = []
    for name, compiler in compilers:
        # Twice: the second one proves the include guard.
        source = f"#include <{name}>\n" * 2
        done = subprocess.run([compiler[0], *WARN, *compiler[1:], *include, "-"], input=source, capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 0:
            problems.append(f"include/{name} does not compile alone with {compiler[1]}:\n{done.stderr}")
    report("headers", len(compilers), problems)


main()
