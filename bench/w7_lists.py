"""W7: every list of the API at a hundred thousand contracts: first page, a page deep inside, the whole company and one branch.

Which lists there are is read from the API's own description, so that a new one is measured without being named here.
The rows are copies of a lease that was really played, see `multiplying`.
"""

from __future__ import annotations

import random
import time
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from bench.ground import Ground
from bench.measure import Report, percentile, quiet
from bench.multiplying import multiply
from hub.infra.access import Role
from tests.api.routes import _description
from tests.api.rows import Rows, make_rows
from tests.stories.company import company_at_work
from tests.stories.world import Person, World

FLAGGED_S = 0.2
GOAL_S = 0.03


async def run(ground: Ground) -> Report:
    """Fill the company, ask every list, and look at how the database was asked."""
    report, contracts = Report(workload="W7 lists"), ground.size(200, 100_000)
    asked: list[str] = []
    async with company_at_work(ground.url, lambda: None, ground.folder) as world:
        rows = await make_rows(world)
        report.counts = multiply(ground, world.hub.house.database.vault, contracts)
        narrow = await world.hire("narrow", *Role)
        engine = world.hub.house.database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append(str(given[2])))
        await quiet()
        slow = [await _list(ground, world, narrow, rows, path, report) for path in lists()]
    report.line("lists whose p95 is over 30 ms", str(sum(slow)), "0", not any(slow))
    report.invariants = {
        "so many contracts": ground.count("select count(*) from contract") == contracts,
        "no list is paged by OFFSET": not [one for one in asked if " OFFSET " in one.upper()],
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


async def _list(ground: Ground, world: World, narrow: Person, rows: Rows, path: str, report: Report) -> bool:
    """Ask one list in every way that it has; whether it is too slow."""
    address, params = _filled(path, rows)
    paged = any(one["name"] == "after" for one in _parameters(path))
    times: list[float] = []
    for person in (world.people["admin"], narrow):
        after = [{}, {"after": _somewhere(ground.seed)}] if paged else [{}]
        for page in after:
            for _ in range(ground.size(1, 10)):
                started = time.perf_counter()
                answer = await person.http.get(address, params=params | page)
                times.append(time.perf_counter() - started)
                assert answer.status_code in (200, 403), (address, answer.text)
    p95 = percentile(times, 0.95)
    flag = ", FLAGGED: over 200 ms" if p95 > FLAGGED_S else ""
    report.line(f"GET {path}", f"p95 {p95 * 1000:.1f} ms{flag}", "<= 30 ms", p95 <= GOAL_S)
    return p95 > GOAL_S


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
