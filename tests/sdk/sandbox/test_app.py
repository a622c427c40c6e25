"""The kit itself, with the smallest vendor there can be: credentials, keys, control routes, mounting, callbacks over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from hub.core.provider import Capability
from hub.sdk.clock import VirtualClock
from hub.sdk.reading import JsonObject
from hub.sdk.sandbox.app import SandboxApp, SandboxSettings, app_factory
from hub.sdk.sandbox.outbox import MAX_ATTEMPTS, Occurrence
from hub.sdk.sandbox.transport import InProcessTransport
from hub.sdk.sandbox.vendor import Call, Operation, Vendor, effects, reads
from hub.sdk.webhooks import verify_standard
from hub.testing.contexts import webhook_request
from hub.testing.loopback import loopback

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)


class Greeter(Vendor):
    """Keeps greetings, and tells of each."""

    capability = Capability.SMS
    schema = "create table if not exists greeting (ref text primary key, name text not null) strict;"

    def operations(self) -> tuple[Operation, ...]:
        return (*effects(("greet", "/v1/greetings", self._greet)), *reads(("find", "/v1/greetings/{ref}", self._find)))

    def advance(self, now: datetime) -> None:
        """Time does nothing to greetings."""

    def ledger(self) -> JsonObject:
        return {"greetings": self.books.dump("select name from greeting order by name")}

    def _greet(self, call: Call) -> JsonObject:
        ref = call.new_ref("hi")
        self.books.run("insert into greeting values (:ref, :name)", ref=ref, name=call.body.text("name"))
        self.outbox.tell(Occurrence(type="greeting.kept", url=call.webhook_url, ref=ref, key=call.key, status="kept"))
        call.body.text("then_required")
        return {"ref": ref}

    def _find(self, call: Call) -> JsonObject:
        return dict(self.find("select * from greeting where ref = :ref", call, "greeting"))


create_app = app_factory(Greeter)
QUIET = SandboxSettings(pump=False, api_key=SecretStr("k"))
GOOD = {"authorization": "Bearer k", "idempotency-key": "key-1"}
BODY = {"name": "张三", "then_required": "x"}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[SandboxApp]:
    made = create_app(tmp_path, VirtualClock(START_AT), QUIET)
    yield made
    await made.close()


@pytest.fixture
async def client(app: SandboxApp) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://vendor.test") as made:
        yield made


async def greetings(client: httpx.AsyncClient) -> list[Any]:
    found: list[Any] = (await client.get("/_sandbox/books")).json()["greetings"]
    return found


async def test_a_request_needs_credentials_and_a_key(client: httpx.AsyncClient) -> None:
    for headers, status in (
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer k"}, 422),
        (GOOD, 200),
    ):
        assert (await client.post("/v1/greetings", headers=headers, json=BODY)).status_code == status
    assert len(await greetings(client)) == 1


async def test_what_is_refused_is_not_half_done(client: httpx.AsyncClient, app: SandboxApp) -> None:
    answer = await client.post("/v1/greetings", headers={**GOOD, "webhook-url": "http://hub.test"}, json={"name": "x"})
    assert answer.json() == {"error": {"code": "invalid_request", "message": "then_required is missing"}}
    assert await greetings(client) == []
    assert app.outbox.history() == []
    assert (await client.post("/v1/greetings", headers=GOOD, json=BODY)).status_code == 200


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff"])
async def test_a_body_that_is_no_object_is_refused(client: httpx.AsyncClient, content: bytes) -> None:
    assert (await client.post("/v1/greetings", headers=GOOD, content=content)).status_code == 422


async def test_a_key_is_kept_with_its_body(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/greetings", headers=GOOD, json=BODY)
    again = await client.post("/v1/greetings", headers=GOOD, json=dict(reversed(BODY.items())))
    other = await client.post("/v1/greetings", headers=GOOD, json={**BODY, "name": "李四"})
    assert again.json() == first.json()
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key_reused")


async def test_fifty_at_once_under_one_key_are_executed_once(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post("/v1/greetings", headers=GOOD, json=BODY) for _ in range(50)))
    assert len({answer.text for answer in answers}) == 1
    assert len(await greetings(client)) == 1


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("clock", {"now": "tomorrow"}, "now is not an instant"),
        ("clock", {"now": "2026-03-05T02:00:00"}, "now carries no time zone"),
        ("faults", {}, "faults is missing"),
        ("faults", {"faults": [{"operation": "greet", "fault": "explode"}]}, "fault 'explode' is none of"),
        ("faults", {"faults": [{"operation": "greet", "fault": "slow", "seconds": "1"}]}, "seconds is not a number"),
        ("chaos", {"seed": 1, "rate": 2, "faults": []}, "rate must lie between 0 and 1"),
        ("chaos", {"rate": 0.5, "faults": []}, "seed is missing"),
    ],
)
async def test_a_script_that_cannot_be_used_is_refused(
    client: httpx.AsyncClient, path: str, body: JsonObject, reason: str
) -> None:
    answer = await client.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == 422
    assert reason in answer.json()["error"]["message"]


async def test_faults_strike_the_matching_call_the_given_number_of_times(client: httpx.AsyncClient) -> None:
    rule = {"operation": "greet", "fault": "http_500_before", "match": {"name": "李四"}, "nth": 2, "times": 2}
    await client.post("/_sandbox/faults", json={"faults": [rule]})
    statuses = []
    for number, name in enumerate(["张三", "李四", "李四", "张三", "李四", "李四"]):
        headers = {**GOOD, "idempotency-key": f"key-{number}"}
        statuses.append((await client.post("/v1/greetings", headers=headers, json={**BODY, "name": name})).status_code)
    assert statuses == [200, 200, 500, 200, 500, 200]
    assert (await client.get("/_sandbox/faults")).json() == {"struck": {"greet:http_500_before": 2}}


async def test_a_set_clock_stands_until_it_follows_again(client: httpx.AsyncClient, app: SandboxApp) -> None:
    await client.post("/_sandbox/clock", json={"now": "2027-01-01T08:00:00+08:00"})
    assert app.clock.now() == datetime(2027, 1, 1, tzinfo=UTC)
    await client.post("/_sandbox/clock", json={})
    assert app.clock.now() == START_AT


async def test_a_server_that_cannot_cut_breaks_off_in_the_answer(app: SandboxApp) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://vendor.test") as client:
        rule = {"operation": "greet", "fault": "connection_drop_after"}
        await client.post("/_sandbox/faults", json={"faults": [rule]})
        assert (await client.post("/v1/greetings", headers=GOOD, json=BODY)).content == b"{"


async def test_two_vendors_live_under_one_roof(tmp_path: Path) -> None:
    apps = {name: create_app(tmp_path / name, VirtualClock(START_AT), QUIET) for name in ("one", "two")}
    roof = Starlette(routes=[Mount(f"/{name}", app) for name, app in apps.items()])
    async with loopback(roof) as base_url, httpx.AsyncClient() as client:
        made = await client.post(f"{base_url}/one/v1/greetings", headers=GOOD, json=BODY)
        found = await client.get(f"{base_url}/one/v1/greetings/{made.json()['ref']}", headers=GOOD)
        strange = await client.get(f"{base_url}/two/v1/greetings/{made.json()['ref']}", headers=GOOD)
    assert (found.json()["name"], strange.status_code) == ("张三", 404)
    for app in apps.values():
        await app.close()


async def test_callbacks_reach_a_real_server_by_themselves(tmp_path: Path) -> None:
    came: asyncio.Queue[tuple[Mapping[str, str], bytes]] = asyncio.Queue()

    async def receive(request: Request) -> Response:
        await came.put((dict(request.headers), await request.body()))
        return Response("ok")

    clock = VirtualClock(START_AT)
    app = create_app(tmp_path, clock, SandboxSettings(api_key=SecretStr("k")))
    hub = Starlette(routes=[Route("/webhooks/x", receive, methods=["POST"])])
    async with loopback(hub) as hub_url, loopback(app) as base_url, httpx.AsyncClient() as client:
        headers = {**GOOD, "webhook-url": f"{hub_url}/webhooks/x"}
        await client.post(f"{base_url}/v1/greetings", headers=headers, json=BODY)
        came_headers, body = await asyncio.wait_for(came.get(), 120)
    assert verify_standard(webhook_request(came_headers, body, clock), ["sandbox-webhook-secret"]).verified
    await app.close()


async def test_a_callback_that_nobody_takes_is_given_up_and_can_be_revived(tmp_path: Path) -> None:
    statuses = [500] * MAX_ATTEMPTS + [200]
    posted: list[str] = []

    async def deliver(url: str, headers: Mapping[str, str], body: bytes) -> int:
        posted.append(headers["webhook-id"])
        if statuses[len(posted) - 1] != 200 and len(posted) % 2:
            raise httpx.ConnectError("nobody there")
        return statuses[len(posted) - 1]

    app = create_app(tmp_path, VirtualClock(START_AT), QUIET, deliver)
    async with httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://vendor.test") as client:
        await client.post("/v1/greetings", headers={**GOOD, "webhook-url": "http://hub.test/x"}, json=BODY)
        for _ in range(MAX_ATTEMPTS):
            await client.post("/_sandbox/flush")
        (callback,) = (await client.get("/_sandbox/webhooks")).json()["webhooks"]
        assert (callback["state"], callback["attempts"]) == ("given_up", MAX_ATTEMPTS)
        assert (await client.post("/_sandbox/emit", json={"event_id": callback["event_id"]})).json() == {"queued": 1}
        assert (await client.post("/_sandbox/flush")).json() == {"waiting": 0}
    assert len(set(posted)) == 1
    await app.close()


async def test_an_old_key_is_never_executed_again(tmp_path: Path) -> None:
    clock = VirtualClock(START_AT)
    app = create_app(tmp_path, clock, QUIET)
    async with httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://vendor.test") as client:
        await client.post("/v1/greetings", headers=GOOD, json=BODY)
        clock.advance(timedelta(hours=24, seconds=1))
        answer = await client.post("/v1/greetings", headers=GOOD, json=BODY)
        assert answer.json()["error"]["code"] == "key_expired"
        assert len(await greetings(client)) == 1
    await app.close()
