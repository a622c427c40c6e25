"""Idempotency keys: one effect however often a request comes, the first answer byte for byte, nothing kept of what never began."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text

from hub.api.app import PREFIX
from hub.api.deps import Public
from hub.api.once import WRITES, OnceRoute
from hub.infra import idempotency
from hub.infra.access import Role
from hub.infra.idempotency import HEADER, KeptAnswer
from hub.leasing.leads import service as leads
from tests.api.routes import doors, served
from tests.stories.world import World

_NUMBER = count(1)
LEADS = f"{PREFIX}/leads"
CHANGING = [door for door in doors() if door.method in WRITES and door.path.startswith(PREFIX)]


def test_every_door_that_changes_something_takes_a_key_or_says_why_not() -> None:
    bare = {str(door) for door in CHANGING if not door.declares[0].keyless and isinstance(door.declares[0], Public)}
    holding = {str(door) for door in CHANGING if type(door.declares[0]).__name__ == "Holding"}
    assert bare == set()
    assert {str(door) for door in CHANGING if door.declares[0].keyless} == holding | {
        f"POST {PREFIX}/session",
        f"POST {PREFIX}/parties/{{party_id}}/reveal",
        f"PUT {PREFIX}/applications/{{application_id}}/materials/{{kind}}",
        f"POST {PREFIX}/credit/imports/{{application_id}}",
    }


def test_every_route_of_the_api_is_one_that_keeps_answers() -> None:
    plain = [path for path, route in served() if path.startswith(PREFIX) and not isinstance(route, OnceRoute)]
    assert plain == [f"{PREFIX}/openapi.json"]


@pytest.fixture(scope="module")
async def boss(world: World) -> httpx.AsyncClient:
    return world.people["admin"].http


@pytest.fixture(scope="module")
async def seller(world: World) -> httpx.AsyncClient:
    return (await world.hire("key-seller", Role.SALES)).http


def a_lead(world: World, **more: Any) -> dict[str, Any]:
    return {
        "branch_id": world.branches["north"],
        "name": "王芳",
        "phone": f"137{next(_NUMBER):08d}",
        "source": "walk_in",
        **more,
    }


async def _leads(world: World) -> int:
    async with world.transaction() as tx:
        return int(await tx.scalar(text("select count(*) from lead")) or 0)


async def _kept(world: World) -> int:
    async with world.transaction() as tx:
        return int(await tx.scalar(select(func.count()).select_from(KeptAnswer)) or 0)


async def test_a_repeated_request_gets_the_first_answer_and_does_nothing(world: World, boss: httpx.AsyncClient) -> None:
    body, before = a_lead(world), await _leads(world)
    first = await boss.post(LEADS, json=body, headers={HEADER: "a lead, once"})
    assert first.status_code == 201, first.text
    for _ in range(3):
        again = await boss.post(LEADS, json=body, headers={HEADER: "a lead, once"})
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await _leads(world) == before + 1


async def test_an_answer_without_content_is_repeated_too(world: World, boss: httpx.AsyncClient) -> None:
    staff_id = world.people["auditor"].id
    token = await boss.post(f"{PREFIX}/staff/{staff_id}/tokens", json={"name": "x", "valid_days": 1})
    assert token.status_code == 201
    async with world.transaction() as tx:
        token_id = await tx.scalar(text("select id from api_token where name = 'x' order by id desc limit 1"))
    first = await boss.delete(f"{PREFIX}/tokens/{token_id}", headers={HEADER: "end it"})
    again = await boss.delete(f"{PREFIX}/tokens/{token_id}", headers={HEADER: "end it"})
    assert (first.status_code, again.status_code, again.content) == (204, 204, b"")
    assert again.headers.get("content-type") == first.headers.get("content-type")


def _dealer(world: World) -> dict[str, Any]:
    return {
        "kind": "dealer",
        "name": f"东方 {next(_NUMBER)}",
        "commission_rate": "0.01",
        "branch_id": world.branches["north"],
    }


async def test_twenty_at_once_have_one_effect(world: World, boss: httpx.AsyncClient) -> None:
    body, before = a_lead(world), await _leads(world)

    async def one() -> httpx.Response:
        return await boss.post(LEADS, json=body, headers={HEADER: "twenty"})

    answers = await asyncio.gather(*(one() for _ in range(20)))
    done = [answer for answer in answers if answer.status_code == 201]
    running = [answer for answer in answers if answer.status_code == 409]
    assert len(done) + len(running) == 20
    assert len({answer.content for answer in done}) == 1
    assert {answer.json()["error"]["code"] for answer in running} <= {"conflict"}
    assert all(HEADER in answer.json()["error"]["reason"] for answer in running)
    assert (await one()).content == done[0].content
    assert await _leads(world) == before + 1


async def test_the_first_one_runs_while_others_are_told_to_wait(
    world: World, boss: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on, real = asyncio.Event(), asyncio.Event(), leads.open_lead

    async def slow(*args: Any, **named: Any) -> Any:
        entered.set()
        await go_on.wait()
        return await real(*args, **named)

    monkeypatch.setattr(leads, "open_lead", slow)
    body = a_lead(world)
    first = asyncio.create_task(boss.post(LEADS, json=body, headers={HEADER: "slow"}))
    await asyncio.wait_for(entered.wait(), 120)
    meanwhile = await boss.post(LEADS, json=body, headers={HEADER: "slow"})
    go_on.set()
    done = await first
    assert (meanwhile.status_code, done.status_code) == (409, 201)
    assert (await boss.post(LEADS, json=body, headers={HEADER: "slow"})).content == done.content


async def test_a_key_belongs_to_one_request(world: World, boss: httpx.AsyncClient) -> None:
    body, before = a_lead(world), await _leads(world)
    assert (await boss.post(LEADS, json=body, headers={HEADER: "mine"})).status_code == 201
    others = [
        await boss.post(LEADS, json=a_lead(world), headers={HEADER: "mine"}),
        await boss.post(f"{LEADS}?x=1", json=body, headers={HEADER: "mine"}),
        await boss.post(f"{PREFIX}/channels", json=_dealer(world), headers={HEADER: "mine"}),
    ]
    assert [answer.status_code for answer in others] == [422] * 3
    assert {answer.json()["error"]["field"] for answer in others} == {HEADER}
    assert LEADS in others[2].json()["error"]["reason"]
    assert await _leads(world) == before + 1


async def test_a_key_is_its_owners(world: World, boss: httpx.AsyncClient, seller: httpx.AsyncClient) -> None:
    first = await boss.post(LEADS, json=a_lead(world), headers={HEADER: "ours"})
    second = await seller.post(LEADS, json=a_lead(world), headers={HEADER: "ours"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


async def test_nothing_is_kept_of_what_cannot_be_read_or_is_not_allowed(
    world: World, boss: httpx.AsyncClient, seller: httpx.AsyncClient
) -> None:
    before = await _kept(world)
    wrong = [a_lead(world, source="nonsense"), a_lead(world, surprise=1), a_lead(world, phone="12"), []]
    for body in wrong:
        assert (await boss.post(LEADS, json=body, headers={HEADER: "put right"})).status_code == 422
    refused = await seller.post(f"{PREFIX}/branches", json={"code": "X", "name": "x"}, headers={HEADER: "put right"})
    assert refused.status_code == 403
    assert await _kept(world) == before
    assert (await boss.post(LEADS, json=a_lead(world), headers={HEADER: "put right"})).status_code == 201


async def test_a_refusal_of_the_business_is_an_answer(world: World, boss: httpx.AsyncClient) -> None:
    path = f"{PREFIX}/branches"
    body = {"code": "TWICE", "name": "x", "parent_id": world.branches["north"]}
    assert (await boss.post(path, json=body)).status_code == 201
    first = await boss.post(path, json=body, headers={HEADER: "twice"})
    assert first.status_code == 409, first.text
    async with world.transaction() as tx:
        await tx.execute(text("delete from branch where code = 'TWICE'"))
    again = await boss.post(path, json=body, headers={HEADER: "twice"})
    assert (again.status_code, again.content) == (409, first.content), "though it would be taken now"
    assert (await boss.post(path, json=body, headers={HEADER: "anew"})).status_code == 201


async def test_a_failure_of_ours_is_an_answer_and_undoes_everything(
    world: World, boss: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, body, before = leads.open_lead, a_lead(world), await _leads(world)

    async def broken(*args: Any, **named: Any) -> Any:
        await real(*args, **named)
        raise RuntimeError("half way")

    monkeypatch.setattr(leads, "open_lead", broken)
    first = await boss.post(LEADS, json=body, headers={HEADER: "broken"})
    monkeypatch.undo()
    again = await boss.post(LEADS, json=body, headers={HEADER: "broken"})
    assert (first.status_code, again.status_code, again.content) == (500, 500, first.content)
    assert await _leads(world) == before
    async with world.transaction() as tx:
        assert not await tx.scalar(text("select count(*) from jobs.procrastinate_jobs where status = 'todo'"))


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ключ".encode().decode("latin-1")])
async def test_a_key_that_is_none_is_refused(world: World, boss: httpx.AsyncClient, key: str) -> None:
    before = await _leads(world)
    answer = await boss.post(LEADS, json=a_lead(world), headers=[(HEADER, key.encode("latin-1"))])  # type: ignore[list-item]
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, HEADER)
    assert await _leads(world) == before


async def test_two_keys_are_none(world: World, boss: httpx.AsyncClient) -> None:
    answer = await boss.post(LEADS, json=a_lead(world), headers=[(HEADER, "a"), (HEADER, "b")])
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, HEADER)


async def test_what_is_kept_shows_neither_key_nor_request_nor_answer(world: World, boss: httpx.AsyncClient) -> None:
    body = a_lead(world)
    answer = await boss.post(LEADS, json=body, headers={HEADER: "canary 13712345678"})
    async with world.transaction() as tx:
        found = await tx.scalars(text("select kept_answer::text from kept_answer order by id desc limit 1"))
        row = found.one()
    for canary in ("canary", body["phone"], answer.json()["id"]):
        assert canary not in row.replace(str(world.people["admin"].id), "")
        assert canary.encode().hex() not in row


async def test_a_day_later_it_is_forgotten_and_not_before(world: World, boss: httpx.AsyncClient) -> None:
    body = a_lead(world)
    first = await boss.post(LEADS, json=body, headers={HEADER: "old"})
    world.clock.advance(timedelta(hours=24))
    await world.tick(idempotency.FORGET)
    assert (await boss.post(LEADS, json=body, headers={HEADER: "old"})).content == first.content
    world.clock.advance(timedelta(hours=2))
    await world.tick(idempotency.FORGET)
    assert await _kept(world) == 0
    assert (await boss.post(LEADS, json=body, headers={HEADER: "old"})).content != first.content


async def test_reading_takes_no_key(boss: httpx.AsyncClient, world: World) -> None:
    before = await _kept(world)
    assert (await boss.get(LEADS, headers={HEADER: "read"})).status_code == 200
    assert await _kept(world) == before
