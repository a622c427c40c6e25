"""The providers' way in, over real HTTP: forged, stale, unknown, oversize, five at once, and again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from hub.integrations.inbox import LONGEST_BODY
from hub.integrations.records import InboxDelivery
from hub.sdk.sandbox.client import DEFAULT_WEBHOOK_SECRET
from hub.sdk.webhooks import standard_headers
from tests.stories.lease import Lease, open_product
from tests.stories.world import World

DOOR = "/webhooks/psp_main"
SECRET = DEFAULT_WEBHOOK_SECRET.get_secret_value()


@pytest.fixture(scope="module")
async def vendor(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody outside, at the hub's real address."""
    async with httpx.AsyncClient(base_url=world.address) as client:
        yield client


def _event(event_id: str, **data: Any) -> bytes:
    told = {"ref": "charge_1", "key": None, "status": "settled", "detail": {}} | data
    event = {"id": event_id, "type": "charge.settled", "occurred_at": "2026-01-05T01:00:00Z", "data": told}
    return json.dumps(event).encode()


def _signed(world: World, body: bytes, event_id: str, *, secret: str = SECRET, late: timedelta | None = None) -> Any:
    return standard_headers(secret, event_id, world.clock.now() - (late or timedelta()), body)


async def _stored(world: World) -> int:
    async with world.transaction() as tx:
        return await tx.scalar(select(func.count()).select_from(InboxDelivery)) or 0


def _forgeries(world: World, body: bytes) -> Mapping[str, Mapping[str, str]]:
    good = _signed(world, body, "evt_forged")
    return {
        "nothing": {},
        "another secret": _signed(world, body, "evt_forged", secret="another secret"),
        "another body": _signed(world, body + b" ", "evt_forged"),
        "another id": good | {"webhook-id": "evt_other"},
        "an hour old": _signed(world, body, "evt_forged", late=timedelta(hours=1)),
        "an hour ahead": _signed(world, body, "evt_forged", late=-timedelta(hours=1)),
        "no signature": {name: value for name, value in good.items() if name != "webhook-signature"},
        "an empty signature": good | {"webhook-signature": ""},
        "another version": good | {"webhook-signature": good["webhook-signature"].replace("v1,", "v2,")},
        "half a signature": good | {"webhook-signature": good["webhook-signature"][:20]},
        "no base64": good | {"webhook-signature": "v1,!!!"},
        "not a time": good | {"webhook-timestamp": "٣"},
        "an endless time": good | {"webhook-timestamp": "9" * 400},
    }


async def test_what_is_forged_is_refused_and_not_kept(world: World, vendor: httpx.AsyncClient) -> None:
    body, before = _event("evt_forged"), await _stored(world)
    for what, headers in _forgeries(world, body).items():
        raw = {name: value.encode() for name, value in headers.items()}
        answer = await vendor.post(DOOR, content=body, headers=raw)
        assert (answer.status_code, answer.content) == (401, b"not verified"), what
    assert await _stored(world) == before


@pytest.mark.parametrize("instance", ["nobody", "psp_mai", "PSP_MAIN", "psp_main%00", "..%2f..%2fetc", "x" * 300])
async def test_nobody_unknown_is_let_in(world: World, vendor: httpx.AsyncClient, instance: str) -> None:
    body, before = _event("evt_unknown"), await _stored(world)
    answer = await vendor.post(f"/webhooks/{instance}", content=body, headers=_signed(world, body, "evt_unknown"))
    assert answer.status_code == 404
    assert await _stored(world) == before


async def test_the_signature_of_one_instance_opens_no_other_door(world: World, vendor: httpx.AsyncClient) -> None:
    """The stand-ins share a secret; what the gate of another instance lets in is still only a reason to ask."""
    body = _event("evt_elsewhere")
    answer = await vendor.post("/webhooks/sms_main", content=body, headers=_signed(world, body, "evt_elsewhere"))
    assert answer.status_code == 200
    await world.settle()
    async with world.transaction() as tx:
        kept = await tx.scalar(select(InboxDelivery).where(InboxDelivery.event_key == "evt_elsewhere"))
    assert kept is not None
    assert kept.instance == "sms_main"


async def test_what_is_too_large_is_refused(world: World, vendor: httpx.AsyncClient) -> None:
    body, before = _event("evt_large", ref="x" * LONGEST_BODY), await _stored(world)
    answer = await vendor.post(DOOR, content=body, headers=_signed(world, body, "evt_large"))
    assert answer.status_code == 413
    assert await _stored(world) == before


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\x00", b"[]", b'{"id": 7}', b'{"a":' * 20_000, b'"\\ud800"'])
async def test_what_is_genuine_but_unreadable_is_kept_for_a_person(
    world: World, vendor: httpx.AsyncClient, body: bytes
) -> None:
    before = await _stored(world)
    event_id = f"evt_unreadable_{before}"
    answer = await vendor.post(DOOR, content=body, headers=_signed(world, body, event_id))
    assert answer.status_code == 200
    await world.settle()
    async with world.transaction() as tx:
        kept = await tx.scalar(select(InboxDelivery).where(InboxDelivery.event_key == event_id))
    assert kept is not None
    assert kept.state == "unmapped"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_posts_are_taken(vendor: httpx.AsyncClient, method: str) -> None:
    assert (await vendor.request(method, DOOR)).status_code == 405


async def test_five_at_once_count_once_and_a_replay_changes_nothing(world: World, vendor: httpx.AsyncClient) -> None:
    """The callback of a debit comes five times at once, later again, and is replayed: the money is booked once."""
    lease = Lease(world=world, version=await open_product(world))
    for stage in (lease.register, lease.consent, lease.apply, lease.submit, lease.check_credit, lease.approve):
        await stage()
    await lease.draft()
    await lease.sign()
    await world.control("payments", "script", settle_s=3600)
    await lease.by("operations").post(f"/contracts/{lease.contract}/signing-payments")
    await world.settle()
    world.clock.advance(timedelta(minutes=1))
    await world.tick()
    assert {one["state"] for one in await lease.charges("signing")} == {"pending"}
    await _money_settles_at_the_vendor(world)
    charge = (await lease.charges("signing"))[0]
    body = _event("evt_five", ref=charge["payment_ref"], key=charge["id"])
    headers, before = _signed(world, body, "evt_five"), await _stored(world)
    answers = await asyncio.gather(*(vendor.post(DOOR, content=body, headers=headers) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert await _stored(world) == before + 1
    await world.settle(callbacks=False)
    states = [one["state"] for one in await lease.charges("signing")]
    assert (states[0], set(states[1:])) == ("succeeded", {"pending"}), "the callback woke its own call and no other"
    again = await vendor.post(DOOR, content=body, headers=headers)
    assert (again.status_code, await _stored(world)) == (200, before + 1)
    await _replayed(world, lease)


async def _money_settles_at_the_vendor(world: World) -> None:
    """Time passes for the vendor: its books say settled, and nobody has told the hub."""
    world.clock.advance(timedelta(hours=1, seconds=5))
    charges = (await world.books("payments"))["charges"]
    assert charges


async def _replayed(world: World, lease: Lease) -> None:
    async with world.transaction() as tx:
        kept = await tx.scalar(select(InboxDelivery).where(InboxDelivery.event_key == "evt_five"))
        assert kept is not None
    assert (kept.state, kept.replayed_count) == ("applied", 0)
    boss = world.people["admin"]
    before = await _entries(world, lease)
    await boss.post(f"/callbacks/{kept.id}/replay")
    await world.settle(callbacks=False)
    async with world.transaction() as tx:
        kept = await tx.get_one(InboxDelivery, kept.id)
    assert (kept.state, kept.replayed_count) == ("stale", 1), "what was told is known already"
    assert await _entries(world, lease) == before
    missing = await boss.refused(f"/callbacks/{UUID(int=1)}/replay", status=404)
    assert missing["kind"] == "webhook_inbox"
    await boss.refused("/callbacks/not-a-uuid/replay", status=422)


async def _entries(world: World, lease: Lease) -> int:
    return len(await world.people["auditor"].get(f"/ledger/contracts/{lease.contract}/entries"))
