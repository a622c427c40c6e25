"""What the messaging stand-in does, seen through its plugin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from leasehub_sms_sandbox import mapping
from leasehub_sms_sandbox.vendor import segments_of

from hub.core.errors import Rejected, RetryAdvice, UnknownOutcome
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageReceipt, MessageRequest, MessageStatus
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.reading import Fields
from hub.testing.sandboxes import Rig


def message(**more: Any) -> MessageRequest:
    text: dict[str, Any] = {"body": "您的租金 3,280.55 元将于 3 月 5 日扣款"} | more
    if "template_id" in more:
        text["body"] = None
    return MessageRequest(
        **{"channel": MessageChannel.SMS, "to": "+8613800001234", "category": MessageCategory.TRANSACTIONAL, **text}
    )


async def send(rig: Rig, key: str = "message-1", **more: Any) -> MessageReceipt:
    receipt: MessageReceipt = await rig.provider.messaging_send(message(**more), rig.ctx(key))
    return receipt


async def status(rig: Rig, key: str = "message-1") -> MessageReceipt | NoRecord:
    found: MessageReceipt | NoRecord = await rig.provider.messaging_status(StatusQuery(idempotency_key=key), rig.ctx())
    return found


async def test_a_message_is_accepted_then_delivered_and_told(any_rig: Rig) -> None:
    receipt = await send(any_rig)
    assert (receipt.status, receipt.segments, receipt.cost) == (MessageStatus.ACCEPTED, 1, Money(5))
    any_rig.clock.advance(timedelta(seconds=2))
    delivered = await status(any_rig)
    assert isinstance(delivered, MessageReceipt)
    assert (delivered.status, delivered.delivered_at) == (MessageStatus.DELIVERED, any_rig.clock.now())
    ((event,),) = [delivery.events for delivery in await any_rig.flush()]
    assert (event.kind, event.status, event.subject_key) == (WebhookKind.MESSAGE, "delivered", "message-1")


async def test_absent_receivers_are_scripted(rig: Rig) -> None:
    await rig.control("script", absent_suffixes=["1234"])
    await send(rig)
    rig.clock.advance(timedelta(seconds=2))
    found = await status(rig)
    assert isinstance(found, MessageReceipt)
    assert (found.status, found.failure) == (MessageStatus.UNDELIVERABLE, "unreachable")


async def test_templates_are_filled_and_never_evaluated(rig: Rig) -> None:
    await rig.control("script", templates={"due": "{name}: {amount} {amount.__class__}"})
    await send(rig, template_id="due", params={"name": "张先生", "amount": "{name}"})
    with pytest.raises(Rejected, match="template_unknown") as raised:
        await send(rig, "message-2", template_id="other")
    assert raised.value.advice is RetryAdvice.OTHER_PROVIDER
    (kept,) = (await rig.books())["outbox"]
    assert kept["text"] == "张先生: {name} {amount.__class__}"


async def test_a_spent_quota_points_to_another_provider(rig: Rig) -> None:
    await rig.control("script", quota=1)
    await send(rig)
    with pytest.raises(Rejected, match="quota_spent") as raised:
        await send(rig, "message-2")
    assert raised.value.advice is RetryAdvice.OTHER_PROVIDER


async def test_a_message_that_timed_out_was_sent_once(any_rig: Rig) -> None:
    await any_rig.fault("send", "timeout_after_effect")
    with pytest.raises(UnknownOutcome):
        await send(any_rig)
    assert isinstance(await status(any_rig), MessageReceipt)
    await send(any_rig)
    assert len((await any_rig.books())["outbox"]) == 1


async def test_other_channels_cost_what_they_cost(rig: Rig) -> None:
    voice = await send(rig, "voice", channel=MessageChannel.VOICE)
    email = await send(rig, "email", channel=MessageChannel.EMAIL, to="a@example.com", subject="Rent")
    assert (voice.cost, email.cost) == (Money(20), Money(0))
    assert isinstance(await status(rig, "never"), NoRecord)


@pytest.mark.parametrize(
    ("text", "segments"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 307, 3), ("租" * 70, 1), ("租" * 71, 2), ("租" * 135, 3), ("", 1)],
)
def test_segments(text: str, segments: int) -> None:
    assert segments_of(text) == segments


def test_a_status_that_is_not_mapped_counts_as_accepted() -> None:
    answer = Fields({"ref": "msg_1", "status": "read", "segments": 1})
    assert mapping.receipt_of(answer).status is MessageStatus.ACCEPTED
