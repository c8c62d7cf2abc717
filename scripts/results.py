# SPDX-License-Identifier: Apache-2.0
"""The last results of the long runs, which docs/testing.md keeps between markers."""
import pathlib
import re
import time

from checks import ROOT


def cpu_name():
    return re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text() + "model name: unknown").group(1)


def write(marker, text, page=ROOT / "docs/testing.md"):
    """`text`, with today's date and this CPU, in the place of what follows <!-- marker -->."""
    before, found, rest = page.read_text().partition(f"<!-- {marker} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not found or not end:
        raise ValueError(f"{page}: no <!-- {marker} --> with an <!-- end --> after it")
    page.write_text(f"{before}{found}```text\n{time.strftime('%Y-%m-%d')}, {cpu_name()}\n\n{text}\n```\n{end}{after}")
