"""How large a thing may grow before it is two things, and how often the same lines may stand in two places."""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.architecture import tree

FILE_LINES = 600
FUNCTION_LINES = 70
ROOM_FILES = 9
ROOM_LINES = 1200


def _lines(path: str) -> int:
    return tree.texts()[path].count("\n")


def test_no_file_is_over_six_hundred_lines() -> None:
    long = {path: _lines(path) for path in tree.modules("hub/", "plugins/", "contrib/") if _lines(path) > FILE_LINES}
    assert not long


def test_no_function_is_over_seventy_lines() -> None:
    long = []
    for path, module in tree.modules("hub/", "plugins/", "contrib/").items():
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{path}:{node.lineno} {node.name}: {lines} lines")
    assert not long, "\n".join(long)


def test_no_room_is_really_two_rooms() -> None:
    large = []
    for room in tree.rooms():
        sizes = [_lines(path) for path in tree.modules(f"{room}/")]
        if len(sizes) > ROOM_FILES or sum(sizes) > ROOM_LINES:
            large.append(f"{room}: {len(sizes)} files, {sum(sizes)} lines")
    assert not large, "\n".join(large)
