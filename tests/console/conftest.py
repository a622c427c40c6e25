"""A company with a lease that runs, and people who look at it in the console without a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest

from tests.api.rows import Rows, make_rows
from tests.stories.company import company_at_work
from tests.stories.world import PASSWORD, World


@pytest.fixture(scope="module")
async def world(
    database_url: str, _empty: Callable[[], None], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """The company at work, until the last test of the module."""
    async with company_at_work(database_url, _empty, tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="module")
async def rows(world: World) -> Rows:
    """A row of every kind in the branch north."""
    return await make_rows(world)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody at the console: a session, and the word that their forms carry."""

    http: httpx.AsyncClient = field(repr=False)
    form_key: str = field(repr=False)

    async def see(self, path: str, **more: object) -> str:
        """A page that is there."""
        answer = await self.http.get(path, **more)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:800])
        return answer.text

    async def send(self, path: str, **form: object) -> httpx.Response:
        """A form of one of the console's own pages."""
        return await self.http.post(path, data={"form_key": self.form_key, **form})


async def enter(world: World, login: str, *, language: str = "en") -> Reader:
    """Log in as one of the company's people."""
    # No connection is kept: on a busy machine the server may close it in the very moment in which it is used again.
    limits = httpx.Limits(max_keepalive_connections=0)
    client = httpx.AsyncClient(base_url=world.address, cookies={"language": language}, timeout=120, limits=limits)
    answer = await client.post("/login", data={"login": login, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    page = await client.get("/")
    found = re.search(r'name="form_key" value="([0-9a-f]+)"', page.text)
    assert found is not None
    return Reader(http=client, form_key=found[1])


@pytest.fixture(scope="module")
async def reader(world: World, rows: Rows) -> AsyncIterator[Reader]:
    """Somebody who may do everything in the whole company."""
    found = await enter(world, "admin")
    yield found
    await found.http.aclose()
