"""What the pages say is so: links lead somewhere, the glossary's names are in the code, decisions are in their index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.architecture import tree

PAGES = tuple(path for path in tree.files() if path.endswith(".md") and not path.startswith("changelog/"))
DECISIONS = tuple(path for path in PAGES if re.fullmatch(r"docs/adr/\d{4}-.+\.md", path))
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_somewhere(page: str) -> None:
    folder = (tree.ROOT / page).parent
    lost = [link for link in _LINK.findall(tree.texts()[page]) if not (folder / link).exists()]
    assert not lost


def test_a_page_that_code_points_to_is_there() -> None:
    code = {path: text for path, text in tree.texts().items() if path.endswith((".py", ".toml", ".typ", "Makefile"))}
    pointed = {(path, page) for path, text in code.items() for page in re.findall(r"[\w./-]*\w\.md\b", text)}
    known = {name for page in PAGES for name in (page, Path(page).name)}
    assert not [f"{path} points to {page}" for path, page in pointed if page not in known]


def test_every_decision_is_in_the_index() -> None:
    index = set(_LINK.findall(tree.texts()["docs/adr/README.md"]))
    assert DECISIONS
    assert {Path(path).name for path in DECISIONS} <= index


def test_no_two_decisions_have_one_number() -> None:
    numbers = [Path(path).name[:4] for path in DECISIONS]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_says_why_and_what_it_costs(decision: str) -> None:
    text = tree.texts()[decision]
    number = int(Path(decision).name[:4])
    assert text.startswith(f"# {number}. ")
    for heading in ("## Context", "## Decision", "## Consequences"):
        assert f"\n{heading}\n" in text


def test_the_glossarys_names_are_in_the_code() -> None:
    code = "\n".join(text for path, text in tree.texts().items() if path.startswith("hub/"))
    words = set(re.findall(r"\w+", code)) | {Path(path).name for path in tree.modules("hub/")}
    rows = [line for line in tree.texts()["docs/glossary.md"].splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert named
    assert not [name for name in named if name not in words and not set(name.split(".")) <= words]


@pytest.mark.parametrize("room", tree.rooms())
def test_the_drawing_of_the_house_shows_every_room(room: str) -> None:
    assert f"| `{Path(room).name}` |" in tree.texts()["docs/house.md"]


def test_the_notice_names_everything_that_is_used_at_run_time() -> None:
    project = tomllib.loads(tree.texts()["pyproject.toml"])["project"]
    needed = {re.split(r"[\[<>=~! ]", one)[0].lower() for one in project["dependencies"]}
    listed = {
        line.split()[0].lower().replace("_", "-")
        for line in tree.texts()["NOTICE"].splitlines()
        if line.startswith("    ")
    }
    assert needed <= listed
