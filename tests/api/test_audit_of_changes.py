"""Whatever changes something through a door leaves a line of the audit trail, in the transaction of the change.

A line is written on the transaction that the change is made in, so it is enough that one is there under the request's
correlation id. A whole lease is played through the doors, then every door is tried once more with a good body.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.api.bodies import good_body
from tests.api.routes import Door, doors
from tests.api.rows import make_rows
from tests.stories.company import company_at_work
from tests.stories.world import Person, World

CHANGING = [door for door in doors() if door.method not in ("GET", "HEAD") and door.path.startswith("/api/")]
# Doors that change nothing of the company's by themselves, and why.
EXCEPTIONS = {
    "POST /api/v1/leads/search": "a question, asked by POST so that a phone number is in no address",
    "POST /api/v1/quotes/calculate": "a question with too much in it for an address",
    "POST /api/v1/parties/search": "a question, asked by POST so that a phone number is in no address",
    "POST /api/v1/calls/{call_id}/question": "asks a provider what it knows; the call book records every such question",
    "POST /api/v1/webhooks/subscriptions/{subscription_id}/test": "sends nothing of the company's; the dispatch is kept",
}
# What a second time changes nothing and leaves no second line.
REPEATED = {"POST /api/v1/leads/{lead_id}/convert"}


@dataclass(slots=True)
class _Seen:
    """The requests that were answered with a yes, by door, with their correlation ids."""

    yes: dict[str, list[str]] = field(default_factory=dict)
    no: dict[str, str] = field(default_factory=dict)

    def take(self, answer: httpx.Response) -> None:
        """Note a request under the door that it came through."""
        for door in CHANGING:
            pattern = re.sub(r"{\w+}", "[^/]+", door.path)
            if door.method == answer.request.method and re.fullmatch(pattern, answer.request.url.path):
                if answer.is_success:
                    self.yes.setdefault(str(door), []).append(answer.headers["x-correlation-id"])
                else:
                    self.no[str(door)] = f"{answer.status_code} {answer.text[:150]}"


@pytest.fixture(scope="module")
async def seen(
    database_url: str, _empty: Callable[[], None], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[World, _Seen]]:
    """Everything that was asked for through the doors."""
    noted, honest = _Seen(), Person.ask

    async def ask(self: Person, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        answer = await honest(self, method, path, body, **more)
        noted.take(answer)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Person, "ask", ask)
        async with company_at_work(database_url, _empty, tmp_path_factory.mktemp("world")) as world:
            rows = await make_rows(world)
            for door in CHANGING:
                await _try(world, door, rows)
            yield world, noted


async def _try(world: World, door: Door, rows: dict[str, str]) -> None:
    body = good_body(door, rows) if door.body is not None else None
    await world.people["admin"].ask(door.method, door.path.format(**rows).removeprefix("/api/v1"), body)


async def test_every_change_leaves_its_line(seen: tuple[World, _Seen]) -> None:
    world, noted = seen
    async with world.transaction() as tx:
        told = set(await tx.scalars(text("select distinct correlation_id from audit_entry")))
    silent = {door for door, ids in noted.yes.items() if not set(ids[:1] if door in REPEATED else ids) <= told}
    assert silent == set(EXCEPTIONS)


async def test_nearly_every_door_was_opened(seen: tuple[World, _Seen]) -> None:
    _, noted = seen
    closed = {str(door): noted.no.get(str(door), "") for door in CHANGING if str(door) not in noted.yes}
    print(len(noted.yes), "opened", "\n".join(f"{door}: {why}" for door, why in closed.items()))
    assert len(noted.yes) >= 2 * len(CHANGING) // 3
