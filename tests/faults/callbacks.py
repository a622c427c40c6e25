"""Callbacks as they were really sent, kept on the way, and the ways in which they may come in after all.

A company with something open at every vendor is the scene: debits, mandates, envelopes, a report, messages, a tracker.
All vendors then go on and tell of it, but nobody at the hub has heard.
"""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.core.ports.gps_tracker import LocateRequest
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageRequest
from hub.integrations.answers import Answer, Ask
from hub.sdk.sandbox.client import DEFAULT_WEBHOOK_SECRET
from hub.sdk.sandbox.outbox import Occurrence
from hub.sdk.webhooks import ID, SIGNATURE, TIMESTAMP, standard_headers
from tests.stories.lease import Lease, open_product
from tests.stories.payees import name_payees
from tests.stories.world import World

SECRET, NEXT_SECRET = DEFAULT_WEBHOOK_SECRET.get_secret_value(), "the second secret"
EARLY = (
    "00000000-0000-4000-8000-000000000001"  # the key of the message of whose delivery we hear before we have its answer
)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback of a vendor: to which instance, its id, its body byte for byte."""

    instance: str
    event_id: str
    body: bytes

    def headers(self, sent_at: datetime, secret: str = SECRET) -> dict[str, str]:
        """Signed as the vendor signs it each time it is sent."""
        return {"content-type": "application/json", **standard_headers(secret, self.event_id, sent_at, self.body)}


class Recorder:
    """Stands at the hub's address in its place: takes every callback with a yes, and keeps it."""

    def __init__(self) -> None:
        self.kept: list[Callback] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        instance = request.url.path.rpartition("/")[2]
        self.kept.append(Callback(instance, request.headers[ID], await request.body()))
        await Response("ok")(scope, receive, send)


class Forgery(StrEnum):
    """Callbacks that nobody may believe, or that are nobody's business."""

    UNSIGNED = "unsigned"
    EMPTY_SIGNATURE = "empty_signature"
    PREFIX = "prefix"
    OTHER_SECRET = "other_secret"
    OTHER_BODY = "other_body"
    OTHER_ID = "other_id"
    OTHER_TIME = "other_time"
    STALE = "stale"
    FROM_TOMORROW = "from_tomorrow"
    DOUBLED = "doubled"


def forged(callback: Callback, how: Forgery, now: datetime, chance: random.Random) -> tuple[dict[str, str], bytes]:
    """Headers and body of a callback that is not what it seems."""
    headers, body = callback.headers(now), callback.body
    signature = headers[SIGNATURE].removeprefix("v1,")
    match how:
        case Forgery.UNSIGNED:
            del headers[chance.choice((ID, TIMESTAMP, SIGNATURE))]
        case Forgery.EMPTY_SIGNATURE:
            headers[SIGNATURE] = chance.choice(("v1,", "v1, ", "", "v1", ","))
        case Forgery.PREFIX:
            whole = base64.b64decode(signature)
            headers[SIGNATURE] = f"v1,{base64.b64encode(whole[: chance.randrange(1, len(whole))]).decode()}"
        case Forgery.OTHER_SECRET:
            headers = callback.headers(now, f"not {SECRET}")
        case Forgery.OTHER_BODY:
            body = body.replace(b'"key"', b'"kez"', 1)
        case Forgery.OTHER_ID:
            headers[ID] += "0"
        case Forgery.OTHER_TIME:
            headers[TIMESTAMP] = str(int(headers[TIMESTAMP]) + 1)
        case Forgery.STALE:
            headers = callback.headers(now - chance.choice((6, 60, 3 * 24 * 60)) * timedelta(minutes=1))
        case Forgery.FROM_TOMORROW:
            headers = callback.headers(now + timedelta(days=1))
        case Forgery.DOUBLED:
            headers[SIGNATURE] = f"v1,{signature[:-4]}, v1,{signature}"
    return headers, body


def stranger(number: int, now: datetime) -> Callback:
    """A genuine callback about something that we never asked for."""
    ref, event_id = f"charge_{number:024x}", f"evt_strange_{number}"
    return _told(event_id, Occurrence(type="charge.settled", url="", ref=ref, key=f"k{number}", status="settled"), now)


def contradiction(of: Callback, now: datetime) -> Callback:
    """A genuine callback that says the contrary of what the vendor says when it is asked."""
    data = json.loads(of.body)["data"]
    what = Occurrence(type="charge.declined", url="", ref=data["ref"], key=data["key"], status="declined")
    return _told(f"contrary_{of.event_id}", what, now)


def _told(event_id: str, what: Occurrence, now: datetime) -> Callback:
    data = {"ref": what.ref, "key": what.key, "status": what.status, "detail": {}}
    body = {"id": event_id, "type": what.type, "occurred_at": now.isoformat(), "data": data}
    return Callback("psp_main", event_id, json.dumps(body).encode())


@dataclass(kw_only=True)
class Mail:
    """Delivers to the hub's own door, and counts: what was taken with a yes, and what was sent away."""

    http: httpx.AsyncClient
    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)

    async def deliver(self, callback: Callback, now: datetime, secret: str = SECRET) -> int:
        """One genuine delivery, signed now."""
        status = await self.post(callback.instance, callback.headers(now, secret), callback.body)
        if 200 <= status < 300:
            self.accepted[callback.instance, callback.event_id] += 1
        return status

    async def post(self, instance: str, headers: Mapping[str, str], body: bytes) -> int:
        """One delivery of whatever it is; gives the status."""
        answer = await self.http.post(f"/webhooks/{instance}", content=body, headers=headers)
        self.statuses[answer.status_code] += 1
        return answer.status_code


@asynccontextmanager
async def mail(world: World) -> AsyncIterator[Mail]:
    """A postman at the hub's door."""
    async with world.anybody() as http:
        yield Mail(http=http)


async def early(world: World) -> Answer:
    """The message that is sent anew in every run; the vendor executes its key once."""
    return await _message(world, EARLY, "+8613900000001")


async def _message(world: World, key: str, to: str) -> Answer:
    request = MessageRequest(channel=MessageChannel.SMS, to=to, category=MessageCategory.TRANSACTIONAL, body="hello")
    return await world.hub.house.executor.call(Ask(operation="messaging_send", request=request, key=key))


async def set_the_scene(world: World) -> None:
    """Everything is under way and nothing has been told."""
    version, dealer = await open_product(world), await name_payees(world)
    await world.control("esign", "script", auto_sign_after_s=-1)
    running = await Lease(world=world, version=version, dealer=dealer).run()
    await world.control("payments", "script", settle_s=3600)
    await world.live_through(await running.due_on(1))
    assert [one["state"] for one in await running.charges("rent")] == ["pending"]
    where = LocateRequest(
        device_ref=f"T-{running.lessee.vin[-7:]}"
    )  # whom a vendor has never been asked about, it tells of nothing
    await world.hub.house.executor.call(Ask(operation="gps_locate", request=where, key="where"))
    await _at_signing(world, Lease(world=world, version=version, dealer=dealer))
    for _ in range(3):
        await _sent_out(world, Lease(world=world, version=version, dealer=dealer))
    waiting = Lease(world=world, version=version, dealer=dealer)
    for stage in (waiting.register, waiting.consent, waiting.apply, waiting.submit):
        await stage()
    await world.control("credit_bureau", "script", cases=[{"document": waiting.lessee.identity, "ready_s": 60}])
    await waiting.by("credit").post("/credit/checks", {"application_id": waiting.application})
    await world.control("sms", "script", deliver_s=60, absent_suffixes=["9999"])
    for last, to in ((2, "+8613900000002"), (3, "+8613900009999")):
        await _message(world, f"{EARLY[:-1]}{last}", to)
    account = {"bank_code": "CCB", "number": "6217000000000012345"}
    bank_account = await running.by("sales").post(f"/parties/{running.party}/bank-accounts", account)
    mandate = {"bank_account_id": bank_account["id"], "limit": "200000.00"}
    await running.by("operations").post(f"/contracts/{running.contract}/mandates", mandate)
    await world.settle()


async def _at_signing(world: World, lease: Lease) -> None:
    """Five debits are under way, one of which will be refused."""
    await _drafted(lease)
    await lease.sign()
    await world.control("payments", "declines", declines=[{"agreement": lease.number, "reason": "nsf", "times": 1}])
    await lease.by("operations").post(f"/contracts/{lease.contract}/signing-payments")
    await world.settle()
    await world.wait(timedelta(seconds=10))
    assert {one["state"] for one in await lease.charges("signing")} == {"pending"}


async def _sent_out(world: World, lease: Lease) -> None:
    await _drafted(lease)
    await lease.by("operations").post(f"/contracts/{lease.contract}/signature")
    await world.settle()
    await lease.expect("out_for_signature")


async def _drafted(lease: Lease) -> None:
    for stage in (lease.register, lease.consent, lease.apply, lease.submit, lease.check_credit, lease.approve):
        await stage()
    await lease.draft()


async def go_on(world: World) -> list[Callback]:
    """Every vendor goes on, and all that it tells of it is kept on the way."""
    world.door.app = recorder = Recorder()
    signed, refused, _ = [one["ref"] for one in (await world.books("esign"))["envelopes"] if one["status"] == "out"]
    await world.control("esign", f"envelopes/{signed}/sign")
    await world.control("esign", f"envelopes/{refused}/decline", reason="the colour is wrong")
    [device] = (await world.books("gps_tracker"))["devices"]
    for alarm in ("power_cut", "tamper", "towed", "speeding"):
        await world.control("gps_tracker", f"devices/{device['ref']}/alarm", type=alarm)
    await early(world)
    for capability, later in {
        "payments": 2 * _HOUR,
        "sms": _HOUR,
        "credit_bureau": _HOUR,
        "esign": 400 * _HOUR,
    }.items():
        await world.control(capability, "clock", now=(world.clock.now() + later).isoformat())
    for capability in ("payments", "sms", "credit_bureau", "esign", "gps_tracker"):
        left: Any = await world.control(capability, "flush")
        assert left == {"waiting": 0}
    return recorder.kept
