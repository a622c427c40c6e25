"""What is told of which fact: fields that exist, nothing personal, every type documented; and a lease that is told of."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from hub.infra.masking import HIDDEN, masked_value
from hub.news import NEWS
from hub.outgoing.rules import EventType
from tests.outgoing.receiving import receiving
from tests.stories.company import company_at_work
from tests.stories.lease import Lease, open_product

PAGE = Path(__file__).parents[2] / "docs/operators/webhooks.md"


def test_every_field_that_is_told_exists_and_names_nothing_personal() -> None:
    for fact, (_, told) in NEWS.items():
        assert set(told) <= {one.name for one in fields(fact)}, fact
        assert all(masked_value(name, "0123456789") not in (HIDDEN, "******6789") for name in told), fact


def test_every_type_is_told_of_one_fact_and_has_its_line_in_the_documentation() -> None:
    events = [event for event, _ in NEWS.values()]
    assert sorted(events) == sorted(set(EventType) - {EventType.WEBHOOK_TEST})
    lines = dict(re.findall(r"^\| `([\w.]+)` \| (.*) \|$", PAGE.read_text(), flags=re.MULTILINE))
    assert set(lines) == set(EventType)
    for event, told in NEWS.values():
        assert re.findall(r"`(\w+)`", lines[event].rsplit("|", 1)[1]) == list(told), event


async def test_a_lease_is_told_of_and_nobody_is_named(
    database_url: str,
    _empty: Callable[[], None],  # noqa: PT019 - company_at_work calls it
    tmp_path: Path,
) -> None:
    async with company_at_work(database_url, _empty, tmp_path) as world, receiving() as receiver:
        boss = world.people["admin"]
        made = await boss.post("/webhooks/subscriptions", {"url": receiver.url})
        lease = await Lease(world=world, version=await open_product(world)).run()
        await world.settle()
        await world.tick("outgoing.deliver")
        assert receiver.signed_with(made["secret"])
        transitions = [body["data"]["after"] for body in receiver.bodies() if body["type"] == "lease.transitioned"]
        assert sorted(transitions) == sorted(["drafted", "out_for_signature", "signed", "funded", "active"])
        assert {"application.submitted", "application.approved", "mandate.activated", "charge.succeeded"} <= set(
            receiver.types()
        )
        everything = b"".join(body for _, body in receiver.came).decode()
        for canary in (lease.lessee.name, lease.lessee.identity, lease.lessee.phone, lease.lessee.phone[1:]):
            assert canary not in everything
            assert canary.encode("unicode_escape").decode() not in everything
        waiting = await boss.get("/webhooks/dispatches", state="waiting")
        assert waiting == []
