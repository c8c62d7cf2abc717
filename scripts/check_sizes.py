#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files stop at 600 lines and functions at 60. A line of size_exceptions.txt lifts the limit of one of them."""
import ast
import re

from checks import code, files, report, text

FILE_LINES, FUNCTION_LINES = 600, 60
PLAIN_BRACE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b[^()]*$|=\s*$|\breturn\s*$|^\s*$")
CONTROL = re.compile(r"^\s*(else|do|try)\b|\b(if|for|while|switch|catch)\s*(constexpr\s*)?\(")
NAME = re.compile(r"([~\w:]+|operator\s*[^\s(]+)\s*\(")


def exceptions():
    """'path' or 'path:function' -> its own limit."""
    table = {}
    for line in text("scripts/size_exceptions.txt").splitlines():
        if line and not line.startswith("#"):
            what, limit, _reason = line.split(None, 2)
            table[what] = int(limit)
    return table


def opens_function(head):
    return "(" in head and not PLAIN_BRACE.search(head) and not CONTROL.search(head)


def cpp_functions(source):
    """(name, first line, lines) of each function body that is not inside another one."""
    source = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()), code(source), flags=re.M)
    depth, inside, head_start, line = 0, None, 0, 1
    for i, c in enumerate(source):
        if c == "\n":
            line += 1
        elif c == "{":
            head = source[head_start:i]
            if inside is None and opens_function(head):
                name = NAME.search(head)
                inside = (depth, name.group(1).strip() if name else "?", line)
            depth += 1
        elif c == "}":
            depth -= 1
            if inside is not None and depth == inside[0]:
                yield inside[1], inside[2], line - inside[2] + 1
                inside = None
        if c in "{};":
            head_start = i + 1


def python_functions(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def problems_of(path, allowed):
    source = text(path)
    lines, limit = source.count("\n"), allowed.get(path, FILE_LINES)
    if lines > limit:
        yield f"{path}: {lines} lines, limit {limit}"
    functions = python_functions if path.endswith(".py") else cpp_functions
    for name, line, length in functions(source):
        limit = allowed.get(f"{path}:{name}", FUNCTION_LINES)
        if length > limit:
            yield f"{path}:{line}: {name} has {length} lines, limit {limit}"


def main():
    allowed = exceptions()
    paths = files(".h", ".cc", ".c", ".py")
    report("sizes", len(paths), [problem for p in paths for problem in problems_of(p, allowed)])


main()
