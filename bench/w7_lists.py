"""W7: every list of the API at a hundred thousand contracts: first page, a page deep inside, the whole company and one branch.

Which lists there are is read from the API's own description, so that a new one is measured without being named here.
The rows are copies of a lease that was really played, see `multiplying`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa

from bench.ground import Ground
from bench.measure import Report, percentile, quiet
from bench.multiplying import multiply
from hub.infra.access import Role
from tests.api.routes import _description, resolved
from tests.api.rows import Rows, make_rows
from tests.stories.company import company_at_work
from tests.stories.world import Person

Asked = tuple[str, Any]
FLAGGED_S = 0.2
GOAL_S = 0.03


async def run(ground: Ground) -> Report:
    """Fill the company, ask every list, and look at how the database was asked."""
    report, contracts = Report(workload="W7 lists"), ground.size(200, 100_000)
    asked: list[Asked] = []
    async with company_at_work(ground.url, lambda: None, ground.folder) as world:
        rows = await make_rows(world)
        report.counts = multiply(ground, world.hub.house.database.vault, contracts)
        # Who sees everything, who sees one branch that has everything, and who sees one that has nothing.
        north, south = [await world.hire(f"only-{branch}", *Role, branch=branch) for branch in ("north", "south")]
        people = (world.people["admin"], north, south)
        engine = world.hub.house.database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append((str(given[2]), given[3])))
        await quiet()
        slow = [await _list(ground, people, rows, path, asked, report) for path in lists()]
    report.line("lists whose p95 is over 30 ms", str(sum(slow)), "0", not any(slow))
    report.invariants = {
        "so many contracts": ground.count("select count(*) from contract") == contracts,
        "no list is paged by OFFSET": not [one for one in asked if " OFFSET " in one[0].upper()],
        "every list was answered": bool(slow),
    }
    return report


def lists() -> list[str]:
    """Every route that gives a list."""
    found = []
    for path, methods in _description()[1]["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if content.get("application/json", {}).get("schema", {}).get("type") == "array":
            found.append(path)
    return found


async def _list(
    ground: Ground, people: Sequence[Person], rows: Rows, path: str, asked: list[Asked], report: Report
) -> bool:
    """Ask one list in every way that it has; whether it is too slow."""
    address, params = _filled(path, rows)
    times: list[float] = []
    before, pages, dearest = len(asked), 0, ""
    for person in people:
        for way in _ways(path, ground.seed):
            for _ in range(ground.size(1, 5)):
                started = time.perf_counter()
                answer = await person.http.get(address, params=params | way)
                times.append(time.perf_counter() - started)
                assert answer.status_code in (200, 403, 404), (address, answer.text)
            looked_at = _pages(ground, asked[before:])
            before = len(asked)
            if looked_at > pages:
                pages, dearest = looked_at, f" {way}" if way else ""
    p95 = percentile(times, 0.95)
    flag = ", FLAGGED: over 200 ms" if p95 > FLAGGED_S else ""
    told = f"p95 {p95 * 1000:.1f} ms, {pages:,} pages in its dearest query{dearest}{flag}"
    report.line(f"GET {path}", told, "<= 30 ms", p95 <= GOAL_S)
    return p95 > GOAL_S


def _ways(path: str, seed: int) -> list[dict[str, str]]:
    """The first page, a page deep inside, and each filter with each of its words: the rare ones are the dear ones."""
    ways: list[dict[str, str]] = [{}]
    for one in _parameters(path):
        if one["in"] != "query" or one.get("required"):
            continue
        schema = resolved(one["schema"])
        if one["name"] == "after":
            ways.append({"after": _somewhere(seed)})
        elif "enum" in schema:
            ways += [{one["name"]: word} for word in schema["enum"]]
        elif schema.get("type") == "boolean":
            ways += [{one["name"]: word} for word in ("true", "false")]
        elif schema.get("format") == "uuid":
            ways.append({one["name"]: str(UUID(int=seed))})
        elif schema.get("type") == "string" and one["name"] not in ("since", "until"):
            ways.append({one["name"]: "nobody"})
    return ways


def _pages(ground: Ground, asked: Sequence[Asked]) -> int:
    """The pages of the database that the dearest of these queries has looked at: a count that no other load changes."""
    most = 0
    with psycopg.connect(ground.url, autocommit=True) as connection:
        for statement, parameters in {
            one: given for one, given in asked if one.lstrip().upper().startswith("SELECT")
        }.items():
            explained = connection.execute(f"explain (analyze, buffers, format json) {statement}".encode(), parameters)
            [[[plan]]] = explained.fetchall()
            most = max(most, plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])
    return most


def _parameters(path: str) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = _description()[1]["paths"][path]["get"].get("parameters", [])
    return parameters


def _filled(path: str, rows: Rows) -> tuple[str, dict[str, str]]:
    """The address with the ids of rows, and what must be said in its query."""
    params = {}
    for one in _parameters(path):
        if one["in"] == "query" and one.get("required"):
            params[one["name"]] = rows.get(one["name"], "2026-01-05")
    return path.format(**{one["name"]: rows[one["name"]] for one in _parameters(path) if one["in"] == "path"}), params


def _somewhere(seed: int) -> str:
    """An id in the middle of the copies of one moment: the head of the time, a random tail."""
    chance = random.Random(seed)
    return str(UUID(int=(0x019B8C00 << 96) | 0x7 << 76 | chance.getrandbits(64) | 1 << 63))
