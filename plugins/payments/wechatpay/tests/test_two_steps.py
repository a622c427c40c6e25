"""A debit in two steps: announced once, charged once inside the window, missed honestly, asked after without effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from leasehub_payments_wechatpay.window import BEIJING

from hub.core.errors import NotSent, Rejected
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import CancelRequest, PaymentOutcome, PaymentResult, RejectionAdvice

from .conftest import Shop

LONG_AGO = timedelta(days=30)
WINDOW_AT = datetime(2026, 4, 6, 7, tzinfo=BEIJING)
REF = "charge01@m1"


async def _status(shop: Shop, ref: str = REF) -> PaymentResult:
    found = await shop.provider.payments_status(StatusQuery(provider_ref=ref), shop.ctx("q"))
    assert isinstance(found, PaymentResult)
    return found


def _posts(shop: Shop) -> list[str]:
    return [one.target for one in shop.vendor.received if one.method == "POST"]


async def test_a_debit_is_announced_then_charged_under_the_same_key_and_then_settles(shop: Shop) -> None:
    await shop.agreed(ago=LONG_AGO)
    first = await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert first == PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref=REF, send_again_at=WINDOW_AT)
    assert await _status(shop) == first
    assert "charge01" not in shop.vendor.orders

    shop.clock.move_to(WINDOW_AT)
    assert (await _status(shop)).send_again_at == WINDOW_AT
    assert "charge01" not in shop.vendor.orders, "asking moves nothing"
    second = await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert second == PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref=REF)
    assert (await _status(shop)).send_again_at is None

    await shop.vendor.settle()
    paid = await _status(shop)
    assert (paid.outcome, paid.money, paid.payment_ref) == (PaymentOutcome.SUCCEEDED, Money(328055), REF)
    assert [one.key for one in shop.vendor.bookings] == ["m1", "charge01"]


async def test_however_often_it_is_sent_it_is_announced_once_and_charged_once(shop: Shop) -> None:
    await shop.agreed(ago=LONG_AGO)
    for _ in range(3):
        await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    shop.clock.move_to(WINDOW_AT)
    for _ in range(3):
        await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    await shop.vendor.settle()
    for _ in range(3):
        result = await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert result.outcome is PaymentOutcome.SUCCEEDED
    assert sum(target.endswith("/schedule") for target in _posts(shop)) == 1
    assert sum(target.endswith("/apply") for target in _posts(shop)) == 1


async def test_a_missed_window_is_a_refusal_after_which_a_new_debit_is_announced(shop: Shop) -> None:
    await shop.agreed(ago=LONG_AGO)
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    shop.clock.advance(timedelta(days=9))
    missed = await _status(shop)
    assert (missed.outcome, missed.code) == (PaymentOutcome.REJECTED, "charge_window_missed")
    assert missed.advice is RejectionAdvice.RETRY_LATER
    again = await shop.provider.payments_collect(shop.collect(), shop.ctx("charge02"))
    assert (again.outcome, again.payment_ref) == (PaymentOutcome.PENDING, "charge02@m1")
    assert again.send_again_at is not None


async def test_an_announcement_that_another_debit_has_used_is_made_anew(shop: Shop) -> None:
    await shop.agreed(ago=LONG_AGO)
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    shop.clock.move_to(WINDOW_AT)
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge02"))
    await shop.vendor.settle()
    told = await _status(shop)
    assert told.send_again_at == WINDOW_AT
    again = await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert again.send_again_at == datetime(2026, 4, 8, 7, tzinfo=BEIJING)
    assert [one.key for one in shop.vendor.bookings] == ["m1", "charge02"]


async def test_a_debit_of_another_amount_waits_until_the_announced_one_is_over(shop: Shop) -> None:
    await shop.agreed(ago=LONG_AGO)
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    other = await shop.provider.payments_collect(shop.collect(100), shop.ctx("charge02"))
    assert (other.outcome, other.code) == (PaymentOutcome.REJECTED, "other_amount_announced")


async def test_at_night_nothing_is_announced_or_charged(shop: Shop) -> None:
    await shop.agreed(ago=LONG_AGO + timedelta(hours=14))  # midnight
    before = len(_posts(shop))
    told = await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert told.send_again_at == datetime(2026, 4, 5, 7, tzinfo=BEIJING)
    assert len(_posts(shop)) == before


async def test_a_debit_that_fails_is_refused_and_may_be_tried_later(shop: Shop) -> None:
    await shop.agreed()
    shop.vendor.failing.add("charge01")
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    await shop.vendor.settle()
    failed = await _status(shop)
    assert (failed.code, failed.advice) == ("payment_failed", RejectionAdvice.RETRY_LATER)


async def test_under_a_mandate_that_has_ended_nothing_is_sent(shop: Shop) -> None:
    await shop.agreed()
    shop.vendor.contracts["m1"]["contract_state"] = "TERMINATED"
    before = len(_posts(shop))
    ended = await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert (ended.code, ended.advice) == ("mandate_revoked", RejectionAdvice.NEW_MANDATE)
    assert len(_posts(shop)) == before


async def test_only_an_order_can_be_stopped_and_only_before_it_is_paid(shop: Shop) -> None:
    await shop.agreed(ago=LONG_AGO)
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    cancel = CancelRequest(payment_ref=REF, reason="paid in cash")
    with pytest.raises(Rejected, match="announced"):
        await shop.provider.payments_cancel(cancel, shop.ctx("c1"))
    shop.clock.move_to(WINDOW_AT)
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    stopped = await shop.provider.payments_cancel(cancel, shop.ctx("c2"))
    assert (stopped.outcome, stopped.code) == (PaymentOutcome.REJECTED, "cancelled")
    assert (await _status(shop)).code == "cancelled"
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge02"))
    await shop.vendor.settle()
    with pytest.raises(Rejected, match="paid"):
        await shop.provider.payments_cancel(CancelRequest(payment_ref="charge02@m1", reason="x"), shop.ctx("c3"))


async def test_without_an_answer_to_a_look_nothing_has_been_done(shop: Shop) -> None:
    await shop.agreed(ago=LONG_AGO)
    before = len(_posts(shop))
    shop.vendor.account = replace(shop.vendor.account, public_key_id="PUB_KEY_ID_OF_A_STRANGER")
    with pytest.raises(NotSent):
        await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert len(_posts(shop)) == before


async def test_what_was_lost_on_the_way_back_is_found_by_its_reference(shop: Shop) -> None:
    await shop.agreed(ago=LONG_AGO)
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    alone = await shop.provider.payments_status(StatusQuery(idempotency_key="charge01"), shop.ctx("q"))
    assert isinstance(alone, NoRecord), "an announcement bears no number of ours: the same key is sent again"
    assert (await _status(shop)).outcome is PaymentOutcome.PENDING
    assert (
        shop.vendor.schedules[shop.vendor.contracts["m1"]["contract_id"]]["deduct_start_date"]
        == date(2026, 4, 6).isoformat()
    )
