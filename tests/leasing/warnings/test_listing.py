"""The list of warnings, in each of the ways in which its rows are found: every row once, in order, forwards and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from uuid import UUID

import pytest

from hub.core.errors import InvalidInput
from hub.infra import paging, staff
from hub.infra.access import Actor, system
from hub.infra.database import Database
from hub.infra.paging import Count, Window
from hub.infra.records import BranchKind
from hub.leasing.warnings import listing
from hub.leasing.warnings.records import WarningRecord
from hub.leasing.warnings.rules import WarningKind, WarningState, WarningView

ALL = system("test")
KINDS = (WarningKind.RENT_OVERDUE, WarningKind.RENT_OVERDUE, WarningKind.RENT_OVERDUE, WarningKind.MONEY_IN_DOUBT)
STATES = (WarningState.CLOSED, WarningState.OPEN, WarningState.CLOSED, WarningState.ACKNOWLEDGED, WarningState.CLOSED)


@pytest.fixture
async def branches(database: Database) -> list[UUID]:
    """Three branches, with fifty warnings by turns."""
    async with database.transaction(ALL) as tx:
        top = await staff.add_branch(tx, code="top", name="Top", kind=BranchKind.HEADQUARTERS)
        made = [await staff.add_branch(tx, code=code, name=code, parent_id=top) for code in ("a", "b", "c")]
        turns = zip(range(50), cycle(made), cycle(KINDS), cycle(STATES), strict=False)
        for number, branch, kind, state in turns:
            row = {
                "id": tx.new_id(),
                "branch_id": branch,
                "subject": str(number),
                "code": "as_written",
                "facts": {"text": "x"},
            }
            tx.add(WarningRecord(**row, kind=kind, state=state, raised_at=tx.now, last_at=tx.now, times=1))
    return made


async def _walk(database: Database, actor: Actor, filters: dict[str, str], down: bool) -> Sequence[WarningView]:
    """All pages forwards; the way back must show the same."""
    window = Window(filters=filters, descending=down, limit=4)
    async with database.transaction(actor) as tx:
        pages = [await listing.page(tx, window)]
        while pages[-1].after is not None:
            pages.append(await listing.page(tx, replace(window, after=pages[-1].after)))
        back = pages[-1]
        for one in reversed(pages[:-1]):
            back = await listing.page(tx, replace(window, before=back.before))
            assert back.rows == one.rows
        assert back.before is None
    return [row for one in pages for row in one.rows]


@pytest.mark.parametrize(
    "filters", [{}, {"kind": "rent_overdue"}, {"state": "open"}, {"kind": "money_in_doubt", "state": "closed"}]
)
@pytest.mark.parametrize("seen", [None, 1, 2])
async def test_every_row_once_in_order_whoever_looks_through_whatever_filter(
    database: Database, branches: list[UUID], filters: dict[str, str], seen: int | None
) -> None:
    actor = replace(ALL, branches=None if seen is None else frozenset(branches[:seen]))
    every = await _walk(database, ALL, {}, down=True)
    assert [one.subject for one in every] == [str(number) for number in reversed(range(50))]
    of_branches = {str(n) for n in range(50) if seen is None or n % 3 < seen}
    fits = [
        one
        for one in every
        if one.subject in of_branches
        and filters.get("kind", one.kind) == one.kind
        and filters.get("state", one.state) == one.state
    ]
    assert len(fits) > 0
    assert await _walk(database, actor, filters, down=True) == fits
    assert await _walk(database, actor, filters, down=False) == fits[::-1]
    async with database.transaction(actor) as tx:
        counts = await listing.counts(tx, Window(filters={name: filters[name] for name in filters if name == "kind"}))
        if "state" in filters:
            assert counts[filters["state"]] == Count(number=len(fits))
        else:
            assert counts[""] == Count(number=len(fits))


async def test_nobody_counts_further_than_anybody_reads(
    database: Database, branches: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST_COUNTED", 15)
    async with database.transaction(ALL) as tx:
        assert await listing.counts(tx, Window()) == {
            "open": Count(number=10),
            "acknowledged": Count(number=10),
            "closed": Count(number=15, capped=True),
            "": Count(number=30, capped=True),
        }, "all together are at least so many, said as roundly as the least of them"


async def test_a_tab_that_is_not_there_has_nothing(database: Database, branches: list[UUID]) -> None:
    async with database.transaction(ALL) as tx:
        for word in ("nothing", "' or true --", "OPEN"):
            assert (await listing.page(tx, Window(filters={"state": word}))).rows == []
        with pytest.raises(InvalidInput):
            await listing.page(tx, Window(sort="kind"))
