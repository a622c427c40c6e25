"""Logging in and out of the console, and what a session is worth."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.console.visit import local_path
from hub.infra import sign_in
from tests.console.conftest import Reader, enter
from tests.stories.world import PASSWORD, World


async def test_who_logs_in_goes_on_to_what_they_asked_for(world: World) -> None:
    async with world.anybody() as client:
        asked = await client.get("/contracts?state=active")
        door = asked.headers["location"]
        answer = await client.post(door, data={"login": "sales", "password": PASSWORD})
        assert answer.headers["location"] == "/contracts?state=active"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_nobody_is_sent_elsewhere(elsewhere: str) -> None:
    assert local_path(elsewhere) == "/"


async def test_a_wrong_password_is_told_without_saying_what_was_wrong(world: World) -> None:
    async with world.anybody() as client:
        known = await client.post("/login", data={"login": "sales", "password": "wrong"})
        unknown = await client.post("/login", data={"login": "nobody-here", "password": "wrong"})
    assert known.status_code == unknown.status_code == 422
    assert "login or password is wrong" in known.text
    assert known.text.replace("sales", "nobody-here") == unknown.text


async def test_too_many_tries_are_refused_with_the_time_to_wait(world: World) -> None:
    async with world.anybody() as client:
        for _ in range(sign_in.MOST_FAILURES_OF_A_LOGIN):
            await client.post("/login", data={"login": "tried", "password": "wrong"})
        answer = await client.post("/login", data={"login": "tried", "password": "wrong"})
    assert answer.status_code == 429
    assert "minutes" in answer.text


async def test_a_missing_field_is_named(world: World) -> None:
    async with world.anybody() as client:
        answer = await client.post("/login", data={"login": "sales", "password": ""})
    assert answer.status_code == 422
    assert 'aria-describedby="wrong-password"' in answer.text


async def test_leaving_ends_the_session(world: World) -> None:
    somebody = await enter(world, "collector")
    cookies = dict(somebody.http.cookies)
    answer = await somebody.send("/logout")
    assert answer.headers["location"] == "/login"
    somebody.http.cookies.update(cookies)
    assert (await somebody.http.get("/")).status_code == 303


async def test_a_session_ends_when_nothing_is_done_for_half_an_hour(world: World) -> None:
    somebody = await enter(world, "operations")
    world.clock.advance(timedelta(minutes=29))
    assert (await somebody.http.get("/")).status_code == 200
    world.clock.advance(timedelta(minutes=31))
    assert (await somebody.http.get("/")).status_code == 303


async def test_a_locked_account_is_out_at_once(world: World, reader: Reader) -> None:
    boss = world.people["admin"]
    person = await world.hire("leaving", "sales")  # type: ignore[arg-type]
    somebody = await enter(world, "leaving")
    assert (await somebody.http.get("/")).status_code == 200
    await boss.put(f"/staff/{person.id}/state", {"state": "locked"})
    assert (await somebody.http.get("/")).status_code == 303


async def test_the_language_stays(world: World) -> None:
    async with world.anybody() as client:
        answer = await client.post("/language", data={"language": "zh", "next": "/login"})
        assert answer.status_code == 303
        page = await client.get("/login")
    assert '<html lang="zh-CN"' in page.text
