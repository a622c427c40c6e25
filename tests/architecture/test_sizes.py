"""How large a thing may grow before it is two things, and that no six lines of work stand in two places."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import pytest

from tests.architecture import tree

FILE_LINES = 600
FUNCTION_LINES = 70
ROOM_FILES = 9
ROOM_LINES = 1200
DUPLICATE_LINES = 6


def _lines(path: str) -> int:
    return tree.texts()[path].count("\n")


def test_no_file_is_over_six_hundred_lines() -> None:
    assert not {
        path: _lines(path) for path in tree.modules("hub/", "plugins/", "contrib/") if _lines(path) > FILE_LINES
    }


def test_no_function_is_over_seventy_lines() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path, module in tree.modules("hub/", "plugins/", "contrib/").items()
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= FUNCTION_LINES
    ]
    assert not long


@pytest.mark.parametrize("room", tree.rooms())
def test_a_room_is_not_really_two(room: str) -> None:
    sizes = [_lines(path) for path in tree.modules(f"{room}/")]
    assert len(sizes) <= ROOM_FILES
    assert sum(sizes) <= ROOM_LINES


# A list of fields or of names says the same at a door as it does inside, and may.
_DECLARATION = re.compile(r"\w+(?:: [\w\[\], |.]+)?,?")
_SILENT = ("#", "from ", "import ", '"""', "@")


def _working_lines(text: str) -> list[tuple[int, str]]:
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    return [
        (number, line)
        for number, line in numbered
        if len(line) > 3 and not line.startswith(_SILENT) and not _DECLARATION.fullmatch(line)
    ]


def _duplicates(texts: Mapping[str, str]) -> Iterator[list[str]]:
    places = defaultdict(set)
    for path, text in texts.items():
        lines = _working_lines(text)
        for start in range(len(lines) - DUPLICATE_LINES + 1):
            window = lines[start : start + DUPLICATE_LINES]
            places[tuple(line for _, line in window)].add(f"{path}:{window[0][0]}")
    return (sorted(found) for found in places.values() if len(found) > 1)


def test_six_equal_lines_are_found() -> None:
    work = "\n".join(f"total = total + part({number})" for number in range(DUPLICATE_LINES))
    assert list(_duplicates({"a.py": work, "b.py": f"first()\n{work}\n"})) == [["a.py:1", "b.py:2"]]


def test_no_six_lines_stand_in_two_places() -> None:
    ours = tree.modules("hub/", "plugins/")
    texts = {path: tree.texts()[path] for path in ours if "/tests/" not in path and "/migrations/" not in path}
    assert not list(_duplicates(texts))
