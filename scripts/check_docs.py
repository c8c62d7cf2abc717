#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""README.md and docs/: C and C++ blocks compile, links lead somewhere, pages stay short; the operator table is the
code's and custom operators have their line in docs/operators.md.  check_docs.py BUILD_FOLDER

A C++ block without #include is the body of a function that returns heddle::Status and has an `engine` and a `model`.
"""
import pathlib
import re
import subprocess
import sys

import operator_table
from checks import ROOT, files, report, text

PAGE_LINES = 200
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BODY = """#include <heddle/engine.h>
#include <algorithm>
#include <vector>
[[maybe_unused]] static heddle::Status Block([[maybe_unused]] heddle::Engine& engine,
                                             [[maybe_unused]] heddle::Model& model) {{
#line 1
{}
  return heddle::Status();
}}
"""
COMPILERS = {"cpp": ["clang++-19", "-std=c++20", "-xc++"], "c": ["clang-19", "-std=c11", "-xc"]}


def compile_block(language, block, build):
    source = block if "#include" in block or language == "c" else BODY.format(block)
    command = [*COMPILERS[language], "-Wall", "-Wextra", "-Werror", "-Wno-unused", "-fsyntax-only", f"-I{ROOT}/include",
               f"-I{build}/include", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True).stderr


def anchors(page):
    return {re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", page, re.M)}


def bad_links(path, page):
    for target in LINK.findall(re.sub(r"```.*?```", "", page, flags=re.S)):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = (ROOT / path).parent / name if name else ROOT / path
        if not to.exists():
            yield f"{path}: dead link {target}"
        elif anchor and anchor not in anchors(to.read_text(encoding="utf-8")):
            yield f"{path}: no such heading: {target}"


def bad_operators(build):
    built, types = (pathlib.Path(build) / "docs" / name for name in ("operators.md", "operator_types.tsv"))
    if not built.exists() or built.read_text(encoding="utf-8") != operator_table.page(types):
        yield f"{built}: not the table that scripts/operator_table.py makes; build the target heddle_docs"
    described = text("docs/operators.md")
    for name, _, _ in operator_table.rows("kernels/custom_operators.inc", "HEDDLE_CUSTOM_KERNEL"):
        if f"`{name}`" not in described:
            yield f"docs/operators.md: `{name}` runs, but is not described"


def main():
    checked, problems = 0, []
    for path in [p for p in files(".md") if p == "README.md" or p.startswith("docs/")]:
        page = text(path)
        checked += 1
        if page.count("\n") >= PAGE_LINES:
            problems.append(f"{path}: {page.count(chr(10))} lines, limit {PAGE_LINES - 1}")
        problems += bad_links(path, page)
        for match in BLOCK.finditer(page):
            if match.group(1) in COMPILERS:
                checked += 1
                errors = compile_block(*match.groups(), sys.argv[1])
                if errors:
                    line = page.count("\n", 0, match.start()) + 1
                    problems.append(f"{path}:{line}: this block does not compile:\n{errors}")
    checked += 1
    problems += bad_operators(sys.argv[1])
    report("docs", checked, problems)


main()
