# SPDX-License-Identifier: Apache-2.0
"""python -m heddle.lite program.py [arguments]: the program, with Heddle in the place of its interpreter."""
import os
import runpy
import sys

from heddle.lite import install


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    del sys.argv[0]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    install()
    runpy.run_path(sys.argv[0], run_name="__main__")


main()
