#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The operators that run, as a page: from the tables that the code is compiled from, and from what the operators
themselves say to each type.  operator_table.py TYPES_FILE [OUTPUT_FILE]

TYPES_FILE is what build/release/bin/operator_types prints. An operator that runs and takes no type there is an error.
"""
import collections
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "src"


def rows(path, macro):
    text = (SOURCES / path).read_text(encoding="utf-8")
    return [tuple(part.strip().strip('"') for part in row.split(","))
            for row in re.findall(rf"^{macro}\((.*)\)$", text, re.M)]


def found_types(path):
    """Operator -> type -> types of weights beside it; operator -> instruction sets."""
    types = collections.defaultdict(lambda: collections.defaultdict(set))
    paths = collections.defaultdict(set)
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        operator, kind, weights, sets = line.split("\t")
        types[operator][kind].add(weights)
        paths[operator].update(sets.split(","))
    return types, paths


def type_text(kinds):
    def one(kind, weights):
        others = sorted(weights - {"-"})
        return kind + (f" (weights {'or its own, ' if '-' in weights else ''}{', '.join(others)})" if others else "")

    return ", ".join(one(kind, weights) for kind, weights in kinds.items())


def page(types_file):
    runs = {name for name, _ in rows("kernels/operators.inc", "HEDDLE_KERNEL")}
    known = rows("model/op_list.inc", "HEDDLE_OP")
    custom = sorted(rows("kernels/custom_operators.inc", "HEDDLE_CUSTOM_KERNEL"))
    types, paths = found_types(types_file)
    strangers = runs - {name for name, _, _ in known}
    if strangers:
        sys.exit(f"operators.inc names {', '.join(sorted(strangers))}: not in op_list.inc")
    typeless = (runs | {name for name, _, _ in custom}) - set(types)
    if typeless:
        sys.exit(f"no type was taken by {', '.join(sorted(typeless))}: see node_recipes.inc and "
                 "custom_recipes.inc in tests/support")
    lines = ["# Operators that run", "",
             f"{len(runs)} of the {len(known)} operators of the format, and {len(custom)} custom ones.", "",
             "Types are those of the first operand that may have several, found by asking with random sound nodes: of an",
             "operator with many rules one may be missing. Every operator runs on every instruction set; the last column",
             "names those of the machine that made this page for which it has kernels of their own.", "",
             "| operator | number | versions | types | instruction sets |", "| --- | ---: | ---: | --- | --- |"]
    for name, number, version in sorted(known, key=lambda row: row[0]):
        if name == "CUSTOM":
            continue  # they have a table of their own
        if name in runs:
            sets = ", ".join(sorted(paths[name] - {"-"}))
            lines.append(f"| {name} | {number} | 1 to {version} | {type_text(types[name])} | {sets} |")
        else:
            lines.append(f"| {name} | {number} | | {'no kernel in LiteRT either' if version == '0' else 'not built'} | |")
    lines += ["", "Custom operators, by the name in the file:", "", "| operator | versions | types |",
              "| --- | ---: | --- |"]
    lines += [f"| `{name}` | {'1' if version == '1' else f'1 to {version}'} | {type_text(types[name])} |"
              for name, version, _ in custom]
    return "\n".join(lines) + "\n"


def main():
    text = page(sys.argv[1])
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
