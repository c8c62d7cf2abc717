# SPDX-License-Identifier: Apache-2.0
"""How many lines of code a recipe takes: without blank ones and comments."""
import re


def lines_of_code(source):
    return sum(1 for line in source.splitlines() if line.strip() and not re.match(r"\s*(//|#)", line))


def class_source(source, name):
    """A C++ class, from its first line to its last."""
    return re.search(rf"^class {name}\b.*?^}};", source, re.M | re.S).group()
