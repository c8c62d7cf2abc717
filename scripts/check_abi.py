#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What libheddle.so exports is what tests/abi/heddle.abi lists.  check_abi.py BUILD_FOLDER [--update]

A new name is added to the list by hand or with --update; one that goes away needs a new SOVERSION.
"""
import pathlib
import re
import subprocess
import sys

from checks import ROOT, report

LIST = ROOT / "tests/abi/heddle.abi"


def exported(library):
    listing = subprocess.run(["nm", "-D", "--defined-only", str(library)], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in listing.splitlines() if " A HEDDLE_" not in line}


def declared():
    headers = "".join((ROOT / "include/heddle" / name).read_text() for name in ("c.h", "c_custom.h"))
    return set(re.findall(r"HEDDLE_EXPORT[^;]*?\b(heddle_\w+)\(", headers))


def main():
    names = exported(pathlib.Path(sys.argv[1], "lib/libheddle.so"))
    if "--update" in sys.argv:
        LIST.write_text("\n".join(sorted(names)) + "\n")
    wanted = set(LIST.read_text().split())
    problems = [f"exported, but not in {LIST.name}: {n}" for n in sorted(names - wanted)]
    problems += [f"in {LIST.name}, but not exported: {n}" for n in sorted(wanted - names)]
    problems += [f"declared in a header, but not exported: {n}" for n in sorted(declared() - names)]
    problems += [f"exported, but not of our name: {n}" for n in sorted(names) if not n.startswith("heddle_")]
    report("abi", len(wanted | names), problems)


main()
