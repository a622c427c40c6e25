"""Callbacks of the payment stand-in: what they say, and how each of their faults looks to the plugin."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from hub.core.money import Money
from hub.core.ports.payments import BankAccount, CollectRequest, MandateRequest
from hub.core.ports.webhooks import WebhookKind
from hub.testing.sandboxes import Rig


async def collect(rig: Rig, *keys: str) -> None:
    """A mandate and one debit under each key; the callback of the mandate is out of the way."""
    account = BankAccount(holder="张三", number="6222020200112233445", bank_code="ICBC")
    asked = MandateRequest(payer_ref="p", account=account, limit=Money.of("50000.00"), contract_number="C-1")
    mandate = await rig.provider.payments_mandate(asked, rig.ctx("mandate-1"))
    rig.clock.advance(timedelta(seconds=5))
    await rig.flush()
    for key in keys:
        request = CollectRequest(
            money=Money(100),
            mandate_ref=mandate.mandate_ref,
            due_on=date(2026, 3, 5),
            purpose="rent",
            contract_number="C-1",
        )
        await rig.provider.payments_collect(request, rig.ctx(key))


async def test_a_debit_is_told_with_our_key(rig: Rig) -> None:
    await collect(rig, "charge-1")
    (delivery,) = await rig.flush()
    (event,) = delivery.events
    assert delivery.verified
    assert (event.kind, event.status, event.subject_key) == (WebhookKind.PAYMENT, "succeeded", "charge-1")
    assert event.occurred_at == rig.clock.now()
    assert await rig.flush() == []


async def test_a_duplicate_carries_the_same_event_id(rig: Rig) -> None:
    await rig.fault("webhook", "duplicate", match={"type": "charge.settled"})
    await collect(rig, "charge-1")
    first, second = await rig.flush()
    assert first.events == second.events


async def test_a_reordered_callback_comes_after_the_next(rig: Rig) -> None:
    await rig.fault("webhook", "reorder", match={"type": "charge.settled"})
    await collect(rig, "charge-1", "charge-2")
    told = [delivery.events[0].subject_key for delivery in await rig.flush()]
    assert told == ["charge-2", "charge-1"]


async def test_a_delayed_callback_waits_for_its_time(rig: Rig) -> None:
    await rig.fault("webhook", "delay", seconds=3600, match={"type": "charge.settled"})
    await collect(rig, "charge-1")
    assert await rig.flush() == []
    rig.clock.advance(timedelta(hours=1))
    assert len(await rig.flush()) == 1


async def test_a_dropped_callback_comes_only_when_it_is_asked_for(rig: Rig) -> None:
    await rig.fault("webhook", "drop", match={"type": "charge.settled"})
    await collect(rig, "charge-1")
    assert await rig.flush() == []
    assert await rig.control("emit") == {"queued": 1}
    assert len(await rig.flush()) == 1


@pytest.mark.parametrize("flaw", ["bad_signature", "stale_timestamp"])
async def test_a_flawed_callback_is_not_believed(rig: Rig, flaw: str) -> None:
    await rig.fault("webhook", flaw, match={"type": "charge.settled"})
    await collect(rig, "charge-1")
    (delivery,) = await rig.flush()
    assert (delivery.verified, delivery.events) == (False, ())
