"""Debits, refunds, transfers and bills before the stand-in: what moves money, what does not, and what is lost."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from leasehub_payments_alipay.conformance import AES_KEY, certified_settings, payout
from leasehub_payments_alipay.plugin import Alipay
from leasehub_payments_alipay.settings import AlipaySettings

from hub.core.errors import NotSent, Rejected, RetryAdvice, UnknownOutcome
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import (
    BankAccount,
    CancelRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    PayoutRequest,
    RefundRequest,
    RejectionAdvice,
    SettlementKind,
    StatementRequest,
)
from hub.testing.contexts import plugin_context

from .conftest import START_AT, Shop, without_keys


async def _status(shop: Shop, ref: str) -> PaymentResult | NoRecord:
    return await shop.provider.payments_status(StatusQuery(provider_ref=ref), shop.ctx("q"))


async def test_a_payer_agrees_on_a_page_that_only_we_have_signed(any_shop: Shop) -> None:
    mandate = await any_shop.asked()
    assert (mandate.status, mandate.mandate_ref) == (MandateStatus.PENDING, "m1")
    assert any_shop.vendor.agreements == {}
    waiting = await any_shop.provider.payments_mandate_status(StatusQuery(provider_ref="m1"), any_shop.ctx("q"))
    assert waiting == replace(mandate, hosted_url=None)
    unknown = await any_shop.provider.payments_mandate_status(StatusQuery(idempotency_key="m1"), any_shop.ctx("q"))
    assert isinstance(unknown, NoRecord)
    assert mandate.hosted_url is not None
    forged = await any_shop.client.get(mandate.hosted_url.replace("external_agreement_no", "external_agreement_n0"))
    assert "isv.invalid-signature" in forged.text
    await any_shop.client.get(mandate.hosted_url)
    await any_shop.vendor.settle()
    active = await any_shop.provider.payments_mandate_status(StatusQuery(provider_ref="m1"), any_shop.ctx("q"))
    assert active == replace(mandate, status=MandateStatus.ACTIVE, hosted_url=None)
    assert (await any_shop.asked()).status is MandateStatus.ACTIVE


@pytest.mark.parametrize("fen", [1, 29, 10_010, 99_999_999_99])
async def test_a_debit_is_made_once_however_often_it_is_sent(shop: Shop, fen: int) -> None:
    await shop.agreed()
    first = await shop.provider.payments_collect(shop.collect(fen), shop.ctx("charge01"))
    assert (first.outcome, first.money, first.payment_ref) == (PaymentOutcome.SUCCEEDED, Money(fen), "charge01")
    again = await shop.provider.payments_collect(shop.collect(fen), shop.ctx("charge01"))
    assert again == await _status(shop, "charge01") == first
    assert len(shop.vendor.bookings) == 1


async def test_an_asynchronous_debit_is_pending_until_it_is_paid_or_stopped(shop: Shop) -> None:
    await shop.agreed()
    shop.vendor.asynchronous = True
    for number in ("charge01", "charge02"):
        waits = await shop.provider.payments_collect(shop.collect(), shop.ctx(number))
        assert waits == PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref=number)
    stopped = await shop.provider.payments_cancel(CancelRequest(payment_ref="charge02", reason="x"), shop.ctx("c"))
    assert (stopped.outcome, stopped.code) == (PaymentOutcome.REJECTED, "cancelled")
    await shop.vendor.settle()
    paid, closed = await _status(shop, "charge01"), await _status(shop, "charge02")
    assert isinstance(paid, PaymentResult)
    assert isinstance(closed, PaymentResult)
    assert (paid.outcome, closed.code) == (PaymentOutcome.SUCCEEDED, "cancelled")
    with pytest.raises(Rejected, match="paid"):
        await shop.provider.payments_cancel(CancelRequest(payment_ref="charge01", reason="x"), shop.ctx("c"))
    assert shop.vendor.trades["charge01"]["trade_status"] == "TRADE_SUCCESS"


@pytest.mark.parametrize(
    ("sub_code", "code", "advice"),
    [
        ("ACQ.BUYER_BALANCE_NOT_ENOUGH", "insufficient_funds", RejectionAdvice.RETRY_LATER),
        ("ACQ.BUYER_ENABLE_STATUS_FORBID", "account_frozen", RejectionAdvice.DO_NOT_RETRY),
        ("ACQ.AGREEMENT_NOT_EXIST", "mandate_revoked", RejectionAdvice.NEW_MANDATE),
        ("ACQ.CYCLE_PAY_DATE_NOT_MATCH", "outside_charge_window", RejectionAdvice.RETRY_LATER),
        ("ACQ.CYCLE_PAY_OF_TOMORROW", "outside_charge_window", RejectionAdvice.RETRY_LATER),
    ],
)
async def test_a_payers_no_says_what_may_be_done_next(
    shop: Shop, sub_code: str, code: str, advice: RejectionAdvice
) -> None:
    await shop.agreed()
    shop.vendor.declines["m1"] = sub_code
    result = await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert (result.outcome, result.code, result.advice) == (PaymentOutcome.REJECTED, code, advice)


async def test_what_nobody_has_listed_proves_nothing(shop: Shop) -> None:
    await shop.agreed()
    shop.vendor.declines["m1"] = "ACQ.A_NEW_CODE"
    with pytest.raises(UnknownOutcome, match="A_NEW_CODE"):
        await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))


async def test_without_an_agreement_nothing_is_debited(shop: Shop) -> None:
    await shop.agreed()
    shop.vendor.agreements["m1"]["status"] = "STOP"
    ended = await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert (ended.code, ended.advice) == ("mandate_revoked", RejectionAdvice.NEW_MANDATE)
    assert shop.vendor.trades == {}


async def test_a_look_that_is_not_answered_ends_before_anything_is_done(shop: Shop) -> None:
    await shop.agreed()
    without_keys(shop)
    with pytest.raises(NotSent):
        await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert shop.vendor.trades == {}


async def test_refunds_are_found_by_their_reference_and_had_once(shop: Shop) -> None:
    await shop.agreed()
    await shop.provider.payments_collect(shop.collect(1000), shop.ctx("charge01"))
    for key, fen in (("refund01", 100), ("refund02", 250), ("refund01", 100)):
        request = RefundRequest(payment_ref="charge01", money=Money(fen), reason="overpaid")
        told = await shop.provider.payments_refund(request, shop.ctx(key))
        assert (told.outcome, told.payment_ref) == (PaymentOutcome.PENDING, f"refund/{key}/charge01")
        found = await _status(shop, f"refund/{key}/charge01")
        assert isinstance(found, PaymentResult)
        assert (found.outcome, found.money) == (PaymentOutcome.SUCCEEDED, Money(fen))
    assert isinstance(await _status(shop, "refund/refund03/charge01"), NoRecord)
    assert [one.key for one in shop.vendor.bookings] == ["charge01", "refund01", "refund02"]


async def test_money_goes_out_in_certificate_mode_to_accounts_at_the_vendor_only(any_shop: Shop) -> None:
    bank = PayoutRequest(
        money=Money(100),
        account=BankAccount(holder="张三", number="6222020200112233445", bank_code="ICBC"),
        purpose="x",
    )
    if not any_shop.vendor.served.app_cert_sn:
        with pytest.raises(Rejected, match="certificates") as no:
            await any_shop.provider.payments_payout(payout(), any_shop.ctx("payout01"))
        assert no.value.advice is RetryAdvice.OTHER_PROVIDER
        return
    with pytest.raises(Rejected, match="accounts at this vendor") as elsewhere:
        await any_shop.provider.payments_payout(bank, any_shop.ctx("payout00"))
    assert elsewhere.value.advice is RetryAdvice.OTHER_PROVIDER
    sent = await any_shop.provider.payments_payout(payout(100), any_shop.ctx("payout01"))
    assert sent == PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref="transfer/payout01")
    found = await _status(any_shop, "transfer/payout01")
    assert isinstance(found, PaymentResult)
    assert (found.outcome, found.money) == (PaymentOutcome.SUCCEEDED, Money(100))


class _Forgetful(httpx.AsyncBaseTransport):
    """Takes whatever moves money to the vendor, and loses the answer."""

    def __init__(self, shop: Shop) -> None:
        self._inner = httpx.ASGITransport(app=shop.vendor.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if "query" not in request.url.params.get("method", ""):
            raise httpx.ReadTimeout("silence", request=request)
        return answer


async def _collect(provider: Alipay, shop: Shop) -> PaymentResult:
    return await provider.payments_collect(shop.collect(), shop.ctx("lost0001"))


async def _refund(provider: Alipay, shop: Shop) -> PaymentResult:
    request = RefundRequest(payment_ref="charge01", money=Money(100), reason="overpaid")
    return await provider.payments_refund(request, shop.ctx("lost0001"))


async def _payout(provider: Alipay, shop: Shop) -> PaymentResult:
    return await provider.payments_payout(payout(), shop.ctx("lost0001"))


@pytest.mark.parametrize("send", [_collect, _refund, _payout])
async def test_a_lost_answer_is_found_and_what_is_sent_again_is_had_once(
    shop: Shop, send: Callable[[Alipay, Shop], Awaitable[PaymentResult]]
) -> None:
    await shop.agreed()
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    booked, ref = len(shop.vendor.bookings), None
    async with httpx.AsyncClient(transport=_Forgetful(shop)) as client:
        made = AlipaySettings.model_validate(certified_settings(shop.base_url))
        try:
            result = await send(Alipay(made, plugin_context(client, shop.clock)), shop)
            assert result.outcome is PaymentOutcome.UNKNOWN
            ref = result.payment_ref
        except UnknownOutcome:
            pass
    query = StatusQuery(provider_ref=ref, idempotency_key="lost0001")
    found = await shop.provider.payments_status(query, shop.ctx("q"))
    assert isinstance(found, PaymentResult)
    again = await send(shop.provider, shop)
    assert again.payment_ref == found.payment_ref
    assert len(shop.vendor.bookings) == booked + 1


async def test_the_bill_of_a_day_is_read_whole(shop: Shop) -> None:
    await shop.agreed()
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    request = RefundRequest(payment_ref="charge01", money=Money(100), reason="overpaid")
    await shop.provider.payments_refund(request, shop.ctx("refund01"))
    wanted = StatementRequest(day_on=START_AT.date())
    with pytest.raises(Rejected) as early:
        await shop.provider.payments_statement(wanted, shop.ctx("s"))
    assert early.value.advice is RetryAdvice.LATER
    shop.clock.advance(timedelta(days=1))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=shop.vendor.app)) as client:
        made = AlipaySettings.model_validate(certified_settings(shop.base_url))
        inside = Alipay(made, plugin_context(client, shop.clock))
        statement = await inside.payments_statement(wanted, shop.ctx("s"))
    assert [(one.kind, one.payment_ref, one.idempotency_key, one.money.minor) for one in statement.lines] == [
        (SettlementKind.COLLECTED, "charge01", "charge01", 328055),
        (SettlementKind.FEE, "charge01", "charge01", 2),
        (SettlementKind.REFUNDED, "refund/refund01/charge01", "refund01", 100),
    ]
    quiet = StatementRequest(day_on=START_AT.date() - timedelta(days=9))
    assert (await shop.provider.payments_statement(quiet, shop.ctx("s"))).lines == ()


async def test_a_bill_elsewhere_is_not_fetched(shop: Shop) -> None:
    await shop.agreed()
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    shop.clock.advance(timedelta(days=1))
    shop.vendor.origin = "https://192.0.2.1"
    with pytest.raises(UnknownOutcome, match="bill_hosts"):
        await shop.provider.payments_statement(StatementRequest(day_on=START_AT.date()), shop.ctx("s"))


async def test_contents_may_be_encrypted_both_ways(shop: Shop) -> None:
    await shop.agreed()
    shop.vendor.served = replace(shop.vendor.served, aes_key=base64.b64decode(AES_KEY))
    hidden = shop.configured(encrypt_key=AES_KEY)
    paid = await hidden.payments_collect(shop.collect(), shop.ctx("charge01"))
    assert (paid.outcome, paid.money) == (PaymentOutcome.SUCCEEDED, Money(328055))
    assert b"charge01" not in b"".join(one.body for one in shop.vendor.received[-3:])
    other = shop.configured(encrypt_key="b3RoZXItYWVzLWtleS0xNg==")
    with pytest.raises((UnknownOutcome, NotSent)):
        await other.payments_status(StatusQuery(provider_ref="charge01"), shop.ctx("q"))
