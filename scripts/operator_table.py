#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The operators that run, as a page, from the tables that the code is compiled from.  operator_table.py [OUTPUT_FILE]"""
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "src"


def rows(path, macro):
    text = (SOURCES / path).read_text(encoding="utf-8")
    return [tuple(part.strip().strip('"') for part in row.split(","))
            for row in re.findall(rf"^{macro}\((.*)\)$", text, re.M)]


def page():
    runs = {name for name, _ in rows("kernels/operators.inc", "HEDDLE_KERNEL")}
    known = rows("model/op_list.inc", "HEDDLE_OP")
    custom = sorted(rows("kernels/custom_operators.inc", "HEDDLE_CUSTOM_KERNEL"))
    strangers = runs - {name for name, _, _ in known}
    if strangers:
        sys.exit(f"operators.inc names {', '.join(sorted(strangers))}: not in op_list.inc")
    lines = ["# Operators that run", "",
             f"{len(runs)} of the {len(known)} operators of the format, and {len(custom)} custom ones.", "",
             "| operator | number | newest version known | runs |", "| --- | ---: | ---: | --- |"]
    for name, number, version in sorted(known, key=lambda row: row[0]):
        none = version == "0" and name not in runs
        state = "yes" if name in runs else "no kernel in LiteRT either" if none else "no"
        lines.append(f"| {name} | {number} | {'' if version == '0' else version} | {state} |")
    lines += ["", "Custom operators, by the name in the file:", "",
              *(f"- `{name}`" + ("" if version == "1" else f", up to version {version}") for name, version, _ in custom)]
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) > 1:
        pathlib.Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        print(page(), end="")


if __name__ == "__main__":
    main()
