"""A list reads of the database what it shows, however many rows there are: counted in its pages, which no other load changes.

Every list is opened while the company is small, as people open it: with its tabs, sorts, filters and next pages, by who
sees everything and by who sees a branch. Then there are many rows, and what was asked then is asked again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
import pytest
import sqlalchemy as sa

from bench import w7_console
from bench.multiplying import multiply
from hub.console.menu import MENU
from hub.infra.access import Role
from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.world import World

CONTRACTS = 4000
# The tables that grow with the contracts and that lists are read from.
TABLES = (
    *("application", "charge", "contract", "disbursement", "follow_up_task", "instalment", "lead", "lease_account"),
    *("party", "payout", "provider_call", "risk_warning", "vehicle", "webhook_inbox"),
)
# Each of the 26 rows of a page is looked up through two or three pages of an index, and a count of a thousand takes a
# dozen of one; read from one end to the other, the smallest of these tables has more.
MOST_PAGES = 200
Asked = dict[tuple[str, str], tuple[str, str, Any]]


@pytest.mark.long
async def test_no_list_reads_more_than_it_shows(world: World, rows: Rows, database_url: str) -> None:
    await world.hire("of-the-north", *Role, branch="north")
    asked: Asked = {}
    for login in ("admin", "of-the-north"):
        reader = await enter(world, login)
        await _open_lists(world, reader, asked)
        await reader.http.aclose()
    grown = multiply(database_url, None, CONTRACTS, only=TABLES)
    assert min(grown.values()) >= CONTRACTS, grown
    with psycopg.connect(database_url, autocommit=True) as connection:
        pages = {key: _pages(connection, statement, given) for key, (_, statement, given) in asked.items()}
    dear = [(pages[key], path, statement) for key, (path, statement, _) in asked.items() if pages[key] > MOST_PAGES]
    assert not sorted(dear, reverse=True)
    assert len(pages) > 100, "every list was opened"


async def _open_lists(world: World, reader: Reader, asked: Asked) -> None:
    """Open every list of the menu in each way, and note what the database is asked, by the statement and its values."""
    path = ""

    def note(*given: Any) -> None:
        statement, parameters = str(given[2]), given[3]
        if statement.startswith("SELECT"):
            asked[statement, repr(parameters)] = (path, statement, parameters)

    engine = world.hub.house.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    for path in (entry.path for group in MENU for entry in group.entries):
        # One of each kind: a tab, each column to sort by, a choice of each filter, the next page.
        kinds = {_kind(way): way for _, way in reversed(await w7_console.ways(reader.http, path))}
        for way in kinds.values():
            await reader.see(way)
    sa.event.remove(engine, "before_cursor_execute", note)


def _kind(way: str) -> tuple[tuple[str, str], ...]:
    words = dict(parse_qsl(urlsplit(way).query))
    return tuple((name, words[name] if name == "sort" else "") for name in sorted(words))


def _pages(connection: psycopg.Connection[Any], statement: str, given: Any) -> int:
    explained = connection.execute(f"explain (analyze, buffers, format json) {statement}".encode(), given)
    [[[plan]]] = explained.fetchall()
    return int(plan["Plan"]["Shared Hit Blocks"]) + int(plan["Plan"]["Shared Read Blocks"])
