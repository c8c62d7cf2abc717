# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the files of the tree, C++ text without comments and strings, and how a check reports."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def files(*suffixes):
    """Paths, relative to the root, of tracked and new files that end so; sorted."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                             capture_output=True, text=True).stdout.splitlines()
    return sorted(p for p in set(listing) if p.endswith(suffixes) and (ROOT / p).is_file())


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)


def code(source):
    """C++ source with comments, strings and character literals blanked; lines stay where they are."""
    return _TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), source)


def report(name, checked, problems):
    """Prints the problems and the line that scripts/run_tests.py counts; ends the process."""
    for problem in problems:
        print(problem)
    failed = min(len(problems), max(checked, 1))
    print(f"{name}: {checked - failed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if problems else 0)
