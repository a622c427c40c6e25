"""What every file says of itself, what none may be called, and what must not stand in any of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture import tree

_NAMES_THAT_SAY_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "handler",
    "data",
    "info",
    "misc",
    "part2",
}
# Each pattern is written so that this file does not match itself.
_UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b")
_PLACE_ON_A_MACHINE = re.compile(r"(?<![\w.~-])/(?:home|root|Users|work)/\w|\b[A-Z]:\\Users\\")
_REGISTRY = re.compile(
    r"\b(?:pypi[.]org|pythonhosted[.]org|npmjs[.]org|crates[.]io|proxy[.]golang[.]org)|--(?:extra-)?index-url"
)


def _hits(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in tree.texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_has_a_name_that_says_nothing() -> None:
    named = [path for path in tree.files() if _NAMES_THAT_SAY_NOTHING & {Path(path).stem, *Path(path).parent.parts}]
    assert not named


def test_every_module_says_what_it_is() -> None:
    silent = [
        path
        for path, module in tree.modules("hub/", "plugins/", "contrib/", "tests/", "bench/").items()
        if not ast.get_docstring(module)
    ]
    assert not silent


def test_nothing_is_left_for_later() -> None:
    assert not _hits(_UNFINISHED)


def test_no_path_of_anybodys_machine() -> None:
    assert not _hits(_PLACE_ON_A_MACHINE)


def test_no_registry_is_named() -> None:
    assert not _hits(_REGISTRY)
