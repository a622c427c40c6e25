"""What people see when something is wrong: on our side, with the database, with a provider. It says what to do."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from hub.console.app import create_console
from hub.core.provider import Capability
from hub.infra.database import Database, make_engine
from tests.api.rows import Rows
from tests.console.conftest import Reader
from tests.stories.world import World

WORDS = {
    500: {"en": "Something went wrong on our side", "zh": "系统出错了"},
    503: {"en": "The database does not answer just now", "zh": "数据库暂时没有响应"},
}


@asynccontextmanager
async def a_console_on(
    world: World, reader: Reader, database: Database, language: str
) -> AsyncIterator[httpx.AsyncClient]:
    """The console of the company on another database, and somebody at it who has logged in."""
    console = create_console(dataclasses.replace(world.hub.house, database=database))
    cookies = {one.name: one.value or "" for one in reader.http.cookies.jar} | {"language": language}
    transport = httpx.ASGITransport(console, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=world.address, cookies=cookies) as client:
        yield client


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_failure_of_ours_gives_a_reference_and_not_itself(
    world: World, reader: Reader, language: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: str) -> None:
        raise RuntimeError("the canary in the mine")

    failing = dataclasses.replace(world.hub.house.database, fault=fail)
    async with a_console_on(world, reader, failing, language) as client:
        with caplog.at_level(logging.WARNING):
            answer = await client.get("/search?q=LC2026")
    assert answer.status_code == 500
    assert WORDS[500][language] in answer.text
    for inside in ("canary", "RuntimeError", "Traceback", ".py"):
        assert inside not in answer.text
    reference = answer.headers["x-correlation-id"]
    assert f'<span class="code">{reference}</span>' in answer.text
    assert 'href="/search?q=LC2026"' in answer.text  # to load it again
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    [line] = [one.getMessage() for one in caplog.records if "console.failed" in one.getMessage()]
    assert reference in line


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_database_that_is_away_is_said_to_be(world: World, reader: Reader, language: str) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    away = dataclasses.replace(world.hub.house.database, engine=nowhere)
    async with a_console_on(world, reader, away, language) as client:
        answer = await client.get("/contracts?state=active")
        sent = await client.post("/leads/new", data={"form_key": reader.form_key})
    await nowhere.dispose()
    assert (answer.status_code, sent.status_code) == (503, 503)
    assert WORDS[503][language] in answer.text
    assert answer.headers["retry-after"]
    assert 'href="/contracts?state=active"' in answer.text
    assert 'href="/leads/new"' not in sent.text  # what was sent is not sent again by a link
    assert answer.headers["x-correlation-id"] in answer.text
    assert "psycopg" not in answer.text


async def test_a_provider_that_is_down_says_so_and_what_to_do(world: World, reader: Reader, rows: Rows) -> None:
    house = world.hub.house
    breakers, number = house.executor.breakers, house.registry.current.number
    assert "held back" not in await reader.see("/providers")
    for _ in range(6):
        breakers.tell("psp_main", Capability.PAYMENTS, number, lambda breaker, now: breaker.failed(now))
    try:
        assert '<span class="badge bad">Calls are held back</span>' in await reader.see("/providers")
        page = await reader.see("/providers/psp_main")
        for way in ("/calls?instance=psp_main", "/providers/psp_main/do/test", "/providers"):
            assert f'href="{way}"' in page
        assert "too many of the last ones failed" in page
    finally:
        breakers.tell("psp_main", Capability.PAYMENTS, number, lambda breaker, _: breaker.succeeded())
    assert "held back" not in await reader.see("/providers/psp_main")
