#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which folder of src/ may include which: an arrow in docs/architecture.md is a line here."""
import re

from checks import files, report, text

ENGINE = ["base", "model", "kernels", "plan", "crew"]
DEVICE = [*ENGINE, "engine"]
SERVE = [*DEVICE, "device"]
ALLOWED = {
    "base": [],
    "model": ["base"],
    "kernels": ["base", "model"],
    "plan": ["base", "model", "kernels"],
    "crew": ["base"],
    "engine": ENGINE,
    "device": DEVICE,
    "serve": SERVE,
    "http": [*SERVE, "serve"],
    "grpc": [*SERVE, "serve"],
    "stream": [*SERVE, "serve"],
    "cli": [*SERVE, "serve", "http", "grpc", "stream"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"(\w+)/([^"]+)"', re.M)


def problems_of(path):
    layer = path.split("/")[1]
    if layer not in ALLOWED:
        yield f"{path}: src/{layer} is not a layer"
        return
    source = text(path)
    for match in INCLUDE.finditer(source):
        target, rest = match.groups()
        line = source.count("\n", 0, match.start()) + 1
        test_support = target == "support" and path.endswith(("_test.cc", "_for_test.h"))
        if target in ("heddle", layer, *ALLOWED[layer]) or test_support:
            continue
        yield f'{path}:{line}: {layer} may not include "{target}/{rest}"'
    if layer == "kernels":  # they take the graph's description of an operator, and nothing else of model/
        for match in INCLUDE.finditer(source):
            if match.group(1) == "model" and match.group(2) not in ("graph.h", "op_list.inc"):
                yield f"{path}: kernels may include only graph.h of model, not {match.group(2)}"


def main():
    paths = [p for p in files(".h", ".cc", ".inc") if p.startswith("src/")]
    report("layers", len(paths), [problem for p in paths for problem in problems_of(p)])


main()
