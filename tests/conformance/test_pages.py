"""The generated pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.core.hookspecs import OPERATIONS
from hub.testing.kit.checks import ALL
from hub.testing.pages import pages, write

FOLDER = Path(__file__).parents[2] / "docs" / "plugin-authors"
PAGES = pages()
GONE = "payments_lend"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_would_be_written_now(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run `make docs`"


def test_there_is_a_page_for_every_operation_and_no_other() -> None:
    written = {path.stem for path in (FOLDER / "operations").glob("*.md")}
    assert written == {*OPERATIONS, "README"}


def test_every_check_is_explained() -> None:
    for one in ALL:
        assert f"| `{one.id}` | {one.sentence} | {one.reason} |" in PAGES["conformance.md"]


def test_a_page_of_what_is_no_more_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "operations").mkdir()
    (tmp_path / "operations" / f"{GONE}.md").write_text("gone")
    write(tmp_path)
    assert not (tmp_path / "operations" / f"{GONE}.md").exists()
