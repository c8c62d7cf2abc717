#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives a wheel the platform tag that its extension module can keep: the oldest glibc that has every symbol it asks
for. Refuses one that needs libraries which not every such system has.  wheel_tag.py PYTHON WHEEL FOLDER
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

EVERYWHERE = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
# The glibc of the oldest manylinux policy with this libstdc++ (its last GLIBCXX_3.4.N).
LIBSTDCXX = {19: 17, 24: 24, 25: 27, 26: 28, 28: 31, 29: 34, 30: 35, 31: 38, 32: 39}


def needs(extension):
    """(libraries, minor version of glibc)"""
    listing = subprocess.run(["readelf", "--dynamic", "--version-info", "--wide", extension], check=True,
                             capture_output=True, text=True).stdout
    libraries = set(re.findall(r"\(NEEDED\).*\[(.*?)\]", listing))
    glibc = max(int(n) for n in re.findall(r"Name: GLIBC_2\.(\d+)", listing))
    libstdcxx = max([int(n) for n in re.findall(r"Name: GLIBCXX_3\.4\.(\d+)", listing)], default=0)
    return libraries, max(glibc, min(v for k, v in LIBSTDCXX.items() if k >= libstdcxx))


def main():
    python, wheel, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(wheel) as archive:
            name, = (n for n in archive.namelist() if n.endswith(".so"))
            libraries, glibc = needs(archive.extract(name, scratch))
    if libraries - EVERYWHERE:
        sys.exit(f"{name} needs {', '.join(sorted(libraries - EVERYWHERE))}: link it in")
    machine = re.search(r"linux_(\w+)\.whl$", wheel.name)[1]
    subprocess.run([python, "-m", "wheel", "tags", "--remove", "--platform-tag", f"manylinux_2_{glibc}_{machine}", wheel],
                   check=True, capture_output=True)
    made, = wheel.parent.glob("*.whl")
    print(shutil.move(made, folder / made.name))


main()
