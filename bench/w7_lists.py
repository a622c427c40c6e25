"""W7: every list of API and console at a hundred thousand contracts: first page, one deep inside, the whole company, one branch.

Which lists there are is read from the API's own description, so that a new one is measured without being named here.
The rows are copies of a lease that was really played, see `multiplying`.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa

from bench import w7_console
from bench.ground import Ground
from bench.measure import Report, percentile, quiet, spent
from bench.multiplying import multiply
from hub.infra.access import Role
from hub.integrations import usage
from tests.api.routes import _description, resolved
from tests.api.rows import Rows, make_rows
from tests.stories.company import company_at_work
from tests.stories.world import Person

Asked = tuple[str, Any]
FLAGGED_MS = 200
GOAL_S = 0.03


async def run(ground: Ground) -> Report:
    """Fill the company, ask every list, and look at how the database was asked."""
    report, contracts = Report(workload="W7 lists"), ground.size(200, 100_000)
    asked: list[Asked] = []
    async with company_at_work(ground.url, lambda: None, ground.folder) as world:
        rows = await make_rows(world)
        report.counts = multiply(ground.url, world.hub.house.database.vault, contracts)
        await usage.tally(world.hub.house.database, world.hub.house.registry.current.instances)  # as every minute does
        # Who sees everything, who sees one branch that has everything, and who sees one that has nothing.
        north, south = [await world.hire(f"only-{branch}", *Role, branch=branch) for branch in ("north", "south")]
        people = (world.people["admin"], north, south)[: ground.size(1, 3)]
        engine = world.hub.house.database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append((str(given[2]), given[3])))
        gc.collect()
        gc.freeze()  # as every process of the hub does once it has started, see `at_rest`
        await quiet()
        dearest = _Dearest(ground, asked)
        slow = [await _list(ground, people, rows, path, dearest, report) for path in lists()]
        logins = ("admin", "only-north", "only-south")[: ground.size(1, 3)]
        slow += await w7_console.look(ground, world, rows, logins, report, dearest.told)
    report.line("lists and pages that are slower than their goal", str(sum(slow)), "0", not any(slow))
    report.line("slowest query of all", f"{dearest.slowest_ms:.0f} ms", "<= 200 ms", dearest.slowest_ms <= 200)
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
    ground: Ground, people: Sequence[Person], rows: Rows, path: str, dearest: _Dearest, report: Report
) -> bool:
    """Ask one list in every way that it has; whether it is too slow."""
    address, params = _filled(path, rows)
    times: list[float] = []
    worked = time.process_time()
    for person in people:
        for way in _ways(path, ground.seed):
            for _ in range(ground.size(1, 5)):
                started = time.perf_counter()
                answer = await person.http.get(address, params=params | way)
                times.append(time.perf_counter() - started)
                assert answer.status_code in (200, 403, 404), (address, answer.text)
    p95 = percentile(times, 0.95)
    told = f"p95 {p95 * 1000:.1f} ms, {spent(times, worked)}, {dearest.told()}"
    report.line(f"GET {path}", told, "<= 30 ms", p95 <= GOAL_S)
    return p95 > GOAL_S


class _Dearest:
    """What the queries cost that were asked since it was last told."""

    def __init__(self, ground: Ground, asked: list[Asked]) -> None:
        self._ground = ground
        self._asked = asked
        self._told = len(asked)
        self.slowest_ms = 0.0

    def told(self) -> str:
        """The pages of the database that the dearest of them looks at, a count that no other load changes; its time."""
        pages, slowest = 0, 0.0
        for looked_at, took in self._explained():
            pages, slowest = max(pages, looked_at), max(slowest, took)
        self.slowest_ms = max(self.slowest_ms, slowest)
        return f"dearest query {pages:,} pages, {slowest:.1f} ms" + (", FLAGGED" if slowest > FLAGGED_MS else "")

    def _explained(self) -> Iterator[tuple[int, float]]:
        asked = [one for one in self._asked[self._told :] if one[0].lstrip().upper().startswith(("SELECT", "WITH"))]
        fresh = {(statement, repr(given)): (statement, given) for statement, given in asked}
        self._told = len(self._asked)
        with psycopg.connect(self._ground.url, autocommit=True) as connection:
            for statement, parameters in fresh.values():
                explained = connection.execute(
                    f"explain (analyze, buffers, format json) {statement}".encode(), parameters
                )
                [[[plan]]] = explained.fetchall()
                yield plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"], plan["Execution Time"]


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
