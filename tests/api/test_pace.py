"""How often somebody may ask: by token, by address, by provider; and what a refusal says."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

import httpx
import pytest

from hub.api.app import PREFIX, create_app
from tests.stories.world import World

LEADS = f"{PREFIX}/leads"


@pytest.fixture(autouse=True)
async def _within_one_minute(world: World) -> None:
    """Counts go by the minutes of the clock on the wall: no test begins just before the next one."""
    if (left_s := 60 - time.time() % 60) < 10:
        await asyncio.sleep(left_s + 0.1)


def _client(world: World, login: str = "", *, address: str = "203.0.113.9", **changes: Any) -> httpx.AsyncClient:
    """A client of an application with other limits, from some address."""
    house = dataclasses.replace(world.hub.house, settings=world.hub.house.settings.model_copy(update=changes))
    headers = {"authorization": world.people[login].http.headers["authorization"]} if login else None
    transport = httpx.ASGITransport(create_app(house), client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=world.address, headers=headers)


def _refusal(answer: httpx.Response) -> str:
    error, seconds = answer.json()["error"], int(answer.headers["retry-after"])
    assert (answer.status_code, error["code"], error["retry_after_s"]) == (429, "too_many_requests", seconds)
    assert 1 <= seconds <= 60
    assert answer.headers["x-correlation-id"]
    reason: str = error["reason"]
    return reason


async def test_a_token_may_ask_so_often_and_another_still_may(world: World) -> None:
    async with _client(world, "admin", requests_per_minute_of_token=3) as client:
        assert [(await client.get(LEADS)).status_code for _ in range(3)] == [200] * 3
        assert "token" in _refusal(await client.get(LEADS))
        other = {"authorization": world.people["auditor"].http.headers["authorization"]}
        assert (await client.get(LEADS, headers=other)).status_code == 200


async def test_an_address_may_ask_so_often_whatever_tokens_it_shows(world: World) -> None:
    async with _client(world, requests_per_minute_of_address=3) as client:
        for number in range(3):
            answer = await client.get(LEADS, headers={"authorization": f"Bearer lh_guess-{number}"})
            assert answer.status_code == 401
        assert "address" in _refusal(await client.get(LEADS, headers={"authorization": "Bearer lh_guess-9"}))


async def test_who_shows_nothing_may_ask_less(world: World) -> None:
    async with _client(world, strangers_per_minute=2) as client:
        for _ in range(2):
            assert (await client.post(f"{PREFIX}/session", json={})).status_code == 422
        _refusal(await client.post(f"{PREFIX}/session", json={}))
        assert (await client.get("/health/live")).status_code == 200, "a supervisor is never refused"


async def test_callbacks_are_counted_by_provider(world: World) -> None:
    async with _client(world, callbacks_per_minute=2) as client:
        for _ in range(2):
            assert (await client.post("/webhooks/psp_main", content=b"x")).status_code == 401
        assert "provider" in _refusal(await client.post("/webhooks/psp_main", content=b"x"))
        assert (await client.post("/webhooks/esign_main", content=b"x")).status_code == 401
        for number in range(2):
            assert (await client.post(f"/webhooks/made_up_{number}", content=b"x")).status_code == 404
        _refusal(await client.post("/webhooks/made_up_3", content=b"x"))


async def test_a_refused_request_keeps_its_key(world: World) -> None:
    body = {"branch_id": world.branches["north"], "name": "x", "phone": "13711113333", "source": "walk_in"}
    key = {"idempotency-key": "soon"}
    async with _client(world, "admin", requests_per_minute_of_token=1) as client:
        await client.get(LEADS)
        _refusal(await client.post(LEADS, json=body, headers=key))
    async with _client(world, "admin") as client:
        assert (await client.post(LEADS, json=body, headers=key)).status_code == 201


@pytest.mark.parametrize(("public_url", "said"), [("https://hub.example", "max-age=31536000"), ("http://hub", None)])
async def test_https_is_said_to_be_all_where_it_is_served(world: World, public_url: str, said: str | None) -> None:
    async with _client(world, public_url=public_url) as client:
        for path in ("/health/live", LEADS, "/nowhere"):
            assert (await client.get(path)).headers.get("strict-transport-security") == said
