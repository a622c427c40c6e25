"""What the payment stand-in does, seen through its plugin: mandates, movements, statement, keys, restarts."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from leasehub_payments_sandbox.plugin import descriptor
from leasehub_payments_sandbox.vendor import create_app

from hub.core.errors import Rejected, RetryAdvice, UnknownOutcome
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import (
    BankAccount,
    CancelRequest,
    CollectRequest,
    MandateRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    PayoutRequest,
    RefundRequest,
    RejectionAdvice,
    SettlementKind,
    StatementRequest,
)
from hub.sdk.clock import VirtualClock
from hub.testing.sandboxes import Rig, rig_in_process

RENT = Money.of("3280.55")
MARCH_5 = date(2026, 3, 5)


def account(number: str = "6222020200112233445") -> BankAccount:
    return BankAccount(holder="张三", number=number, bank_code="ICBC")


def mandate_request(number: str = "6222020200112233445") -> MandateRequest:
    return MandateRequest(
        payer_ref="party-1", account=account(number), limit=Money.of("50000.00"), contract_number="C-1"
    )


def refund_request(payment: PaymentResult, amount: str) -> RefundRequest:
    return RefundRequest(payment_ref=str(payment.payment_ref), money=Money.of(amount), reason="overpaid")


class Payer:
    """One payer with an active mandate."""

    def __init__(self, rig: Rig, mandate_ref: str) -> None:
        self.rig = rig
        self.mandate_ref = mandate_ref

    async def collect(self, key: str, money: Money = RENT, due_on: date = MARCH_5) -> PaymentResult:
        request = CollectRequest(
            money=money, mandate_ref=self.mandate_ref, due_on=due_on, purpose="rent", contract_number="C-1"
        )
        result: PaymentResult = await self.rig.provider.payments_collect(request, self.rig.ctx(key))
        return result

    async def status(self, key: str) -> PaymentResult | NoRecord:
        found: PaymentResult | NoRecord = await self.rig.provider.payments_status(
            StatusQuery(idempotency_key=key), self.rig.ctx()
        )
        return found


@pytest.fixture
async def payer(rig: Rig) -> Payer:
    mandate = await rig.provider.payments_mandate(mandate_request(), rig.ctx("mandate-1"))
    rig.clock.advance(timedelta(seconds=5))
    return Payer(rig, mandate.mandate_ref)


async def test_a_mandate_is_pending_until_the_payer_has_agreed(rig: Rig) -> None:
    mandate = await rig.provider.payments_mandate(mandate_request(), rig.ctx("mandate-1"))
    assert mandate.status is MandateStatus.PENDING
    assert mandate.hosted_url.startswith("https://")
    by_key, by_ref = StatusQuery(idempotency_key="mandate-1"), StatusQuery(provider_ref=mandate.mandate_ref)
    assert (await rig.provider.payments_mandate_status(by_key, rig.ctx())).status is MandateStatus.PENDING
    rig.clock.advance(timedelta(seconds=5))
    assert (await rig.provider.payments_mandate_status(by_ref, rig.ctx())).status is MandateStatus.ACTIVE


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("confirm", MandateStatus.ACTIVE), ("reject", MandateStatus.REJECTED), ("revoke", MandateStatus.REVOKED)],
)
async def test_the_payer_decides(rig: Rig, verdict: str, status: MandateStatus) -> None:
    mandate = await rig.provider.payments_mandate(mandate_request(), rig.ctx("mandate-1"))
    await rig.control(f"mandates/{mandate.mandate_ref}/{verdict}")
    query = StatusQuery(provider_ref=mandate.mandate_ref)
    assert (await rig.provider.payments_mandate_status(query, rig.ctx())).status is status


async def test_scripted_accounts_are_refused(rig: Rig) -> None:
    await rig.control("script", rejected_suffixes=["0000"])
    mandate = await rig.provider.payments_mandate(mandate_request("6222020200110000"), rig.ctx("mandate-1"))
    assert mandate.status is MandateStatus.REJECTED
    payout = PayoutRequest(money=RENT, account=account("6222020200110000"), purpose="deposit")
    result = await rig.provider.payments_payout(payout, rig.ctx("payout-1"))
    assert (result.outcome, result.code) == (PaymentOutcome.REJECTED, "account_closed")


async def test_a_debit_moves_the_exact_amount(payer: Payer) -> None:
    result = await payer.collect("charge-1")
    assert (result.outcome, result.money, result.settled_at) == (
        PaymentOutcome.SUCCEEDED,
        RENT,
        payer.rig.clock.now(),
    )
    assert await payer.status("charge-1") == result


async def test_the_same_key_gives_the_same_answer_and_another_body_is_no_answer(payer: Payer) -> None:
    first = await payer.collect("charge-1")
    assert await payer.collect("charge-1") == first
    with pytest.raises(UnknownOutcome):
        await payer.collect("charge-1", Money.of("1.00"))
    payer.rig.clock.advance(timedelta(hours=25))
    with pytest.raises(UnknownOutcome):
        await payer.collect("charge-1")
    assert len((await payer.rig.books())["charges"]) == 1


async def test_nothing_is_debited_without_an_active_mandate_or_beyond_its_limit(rig: Rig) -> None:
    mandate = await rig.provider.payments_mandate(mandate_request(), rig.ctx("mandate-1"))
    payer = Payer(rig, mandate.mandate_ref)
    with pytest.raises(Rejected) as raised:
        await payer.collect("charge-1")
    assert (raised.value.vendor_code, raised.value.advice) == ("mandate_not_active", RetryAdvice.LATER)
    rig.clock.advance(timedelta(seconds=5))
    with pytest.raises(Rejected, match="over_mandate_limit"):
        await payer.collect("charge-1", Money.of("50000.01"))
    with pytest.raises(Rejected, match="mandate_unknown"):
        await Payer(rig, "man_unknown").collect("charge-1")


async def test_declines_are_scripted_by_due_date_agreement_and_key(payer: Payer) -> None:
    await payer.rig.control(
        "declines",
        declines=[
            {"mandate": payer.mandate_ref, "due_on": "2026-03-05", "reason": "nsf", "times": 1},
            {"key_prefix": "bad-", "reason": "account_frozen"},
            {"agreement": "another", "reason": "nsf"},
        ],
    )
    first = await payer.collect("charge-1")
    assert (first.outcome, first.code, first.advice) == (
        PaymentOutcome.REJECTED,
        "insufficient_funds",
        RejectionAdvice.RETRY_LATER,
    )
    assert (await payer.collect("charge-2")).outcome is PaymentOutcome.SUCCEEDED
    assert (await payer.collect("bad-3", due_on=date(2026, 4, 5))).code == "account_frozen"


async def test_settlement_takes_its_time(payer: Payer) -> None:
    await payer.rig.control("script", settle_s=3600)
    await payer.rig.control("declines", declines=[{"key_prefix": "late-", "reason": "over_limit"}])
    assert (await payer.collect("charge-1")).outcome is PaymentOutcome.PENDING
    assert (await payer.collect("late-1")).outcome is PaymentOutcome.PENDING
    payer.rig.clock.advance(timedelta(hours=1))
    settled, declined = await payer.status("charge-1"), await payer.status("late-1")
    assert isinstance(settled, PaymentResult)
    assert isinstance(declined, PaymentResult)
    assert settled.outcome is PaymentOutcome.SUCCEEDED
    assert declined.code == "limit_exceeded"


async def test_a_pending_payment_can_be_cancelled_and_asked_after_by_either_key(payer: Payer) -> None:
    await payer.rig.control("script", settle_s=3600)
    pending = await payer.collect("charge-1")
    request = CancelRequest(payment_ref=str(pending.payment_ref), reason="paid in cash")
    cancelled = await payer.rig.provider.payments_cancel(request, payer.rig.ctx("cancel-1"))
    assert (cancelled.outcome, cancelled.code) == (PaymentOutcome.REJECTED, "cancelled")
    payer.rig.clock.advance(timedelta(hours=2))
    assert await payer.status("cancel-1") == await payer.status("charge-1") == cancelled
    with pytest.raises(Rejected, match="not_cancellable"):
        await payer.rig.provider.payments_cancel(request, payer.rig.ctx("cancel-2"))


async def test_refunds_never_exceed_what_came_in(payer: Payer) -> None:
    paid = await payer.collect("charge-1")
    provider, rig = payer.rig.provider, payer.rig
    first = await provider.payments_refund(refund_request(paid, "3000.00"), rig.ctx("refund-1"))
    assert (first.outcome, first.money) == (PaymentOutcome.SUCCEEDED, Money.of("3000.00"))
    with pytest.raises(Rejected, match="refund_exceeds_charge"):
        await provider.payments_refund(refund_request(paid, "280.56"), rig.ctx("refund-2"))
    rest = await provider.payments_refund(refund_request(paid, "280.55"), rig.ctx("refund-3"))
    assert rest.outcome is PaymentOutcome.SUCCEEDED
    with pytest.raises(Rejected, match="charge_not_settled"):
        await provider.payments_refund(refund_request(first, "1.00"), rig.ctx("refund-4"))


async def test_the_statement_lists_each_movement_of_the_day_once_page_by_page(payer: Payer) -> None:
    await payer.rig.control("script", fee_minor=60)
    for number in range(101):
        await payer.collect(f"charge-{number}", Money(100 + number))
    lines = []
    cursor = None
    while True:
        page = await payer.rig.provider.payments_statement(
            StatementRequest(day_on=MARCH_5, cursor=cursor), payer.rig.ctx()
        )
        lines.extend(page.lines)
        cursor = page.next_cursor
        if cursor is None:
            break
    collected = [line for line in lines if line.kind is SettlementKind.COLLECTED]
    assert sorted(line.idempotency_key or "" for line in collected) == sorted(f"charge-{n}" for n in range(101))
    assert Money.total(line.money for line in collected) == Money(sum(range(100, 201)))
    assert Money.total(line.money for line in lines if line.kind is SettlementKind.FEE) == Money(60 * 101)


async def test_a_statement_follows_the_vendors_calendar(payer: Payer) -> None:
    payer.rig.clock.move_to(payer.rig.clock.now().replace(hour=16, minute=30))  # half past midnight in Shanghai
    await payer.collect("charge-1")
    provider, ctx = payer.rig.provider, payer.rig.ctx()
    assert (await provider.payments_statement(StatementRequest(day_on=MARCH_5), ctx)).lines == ()
    next_day = await provider.payments_statement(StatementRequest(day_on=date(2026, 3, 6)), ctx)
    assert [line.idempotency_key for line in next_day.lines] == ["charge-1"]


async def test_an_unknown_key_has_no_record(payer: Payer) -> None:
    assert isinstance(await payer.status("never"), NoRecord)


async def test_books_keys_clock_and_waiting_callbacks_survive_a_restart(tmp_path: Path, clock: VirtualClock) -> None:
    async with rig_in_process(create_app, descriptor, tmp_path, clock) as rig:
        mandate = await rig.provider.payments_mandate(mandate_request(), rig.ctx("mandate-1"))
        await rig.control("clock", now="2026-03-06T00:00:00+00:00")
        paid = await Payer(rig, mandate.mandate_ref).collect("charge-1")
        before = await rig.books()
    async with rig_in_process(create_app, descriptor, tmp_path, clock) as rig:
        assert await rig.books() == before
        assert await Payer(rig, mandate.mandate_ref).collect("charge-1") == paid
        rig.clock.move_to(paid.settled_at or clock.now())
        assert [delivery.events[0].status for delivery in await rig.flush()] == ["active", "succeeded"]


async def test_health_needs_the_right_key(rig: Rig, tmp_path: Path, clock: VirtualClock) -> None:
    assert (await rig.provider.provider_health(rig.ctx())).healthy
    async with rig_in_process(create_app, descriptor, tmp_path / "other", clock, api_key="wrong") as stranger:
        with pytest.raises(Exception, match="status 401"):
            await stranger.provider.provider_health(stranger.ctx())
