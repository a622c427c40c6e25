"""The vendor's own client is accepted by the stand-in, and sends what the plugin sends, field by field."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe

from hub.core.errors import AuthFailed, Misconfigured, Rejected, UnknownOutcome
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import (
    CancelRequest,
    MandateStatus,
    PaymentOutcome,
    RefundRequest,
    RejectionAdvice,
    RevokeRequest,
    SettlementKind,
    StatementRequest,
)
from hub.testing.wire import Received

# What the transport adds, and in what language a client is written.
_OF_THE_CLIENT = {
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "user-agent",
    "x-stripe-client-user-agent",
    "x-stripe-client-telemetry",
}


def said(request: Received) -> tuple[object, ...]:
    """A request field by field."""
    path, _, query = request.target.partition("?")
    headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_CLIENT}
    return request.method, path, parsed(query), headers, parsed(request.body.decode())


def parsed(form: str) -> list[tuple[str, str]]:
    return sorted(parse_qsl(form, keep_blank_values=True, strict_parsing=bool(form)))


def asks_of(service: Any, name: str, *args: Any) -> Any:
    return asyncio.to_thread(getattr(service, name), *args)


async def test_a_mandate_is_asked_for_as_the_library_does(wire: Any) -> None:
    noted = {"leasehub_key": "key-1", "leasehub_contract": "C-1 租 & co"}
    params = {
        "mode": "setup",
        "customer_creation": "always",
        "payment_method_types": ["card", "us_bank_account"],
        "success_url": "https://hub.example/back?a=1&b=ü",
        "cancel_url": "https://hub.example/back?a=1&b=ü",
        "locale": "auto",
        "client_reference_id": "party-1",
        "metadata": {**noted, "leasehub_limit": "5000000 CNY"},
        "setup_intent_data": {"metadata": noted},
    }
    options = {"idempotency_key": "key-1"}
    theirs = await wire.seen(asks_of(wire.theirs().v1.checkout.sessions, "create", params, options))
    plugin = wire.plugin(payment_method_types=["card", "us_bank_account"])
    ours = await wire.seen(plugin.payments_mandate(wire.request(), wire.ctx()))
    assert said(ours) == said(theirs)
    assert len(wire.vendor.bookings) == 1  # the same request under the same key


@pytest.mark.parametrize("minor", [1, 328055, 99_999_999])
async def test_a_debit_is_asked_for_as_the_library_does(wire: Any, minor: int) -> None:
    plugin = wire.plugin(payment_method_types=["us_bank_account"])
    ref = (await plugin.payments_mandate(wire.request(limit=Money(99_999_999)), wire.ctx("mandate"))).mandate_ref
    await wire.vendor.settle()
    intent = wire.vendor.objects[wire.vendor.objects[ref]["setup_intent"]]
    params = {
        "amount": minor,
        "currency": "cny",
        "customer": intent["customer"],
        "payment_method": intent["payment_method"],
        "payment_method_types": ["us_bank_account"],
        "mandate": intent["mandate"],
        "off_session": True,
        "confirm": True,
        "error_on_requires_action": True,
        "metadata": {
            "leasehub_key": "key-1",
            "leasehub_contract": "C-1 租 & co",
            "leasehub_due_on": "2026-03-05",
        },
        "expand": ["latest_charge.balance_transaction"],
    }
    theirs = await wire.seen(asks_of(wire.theirs().v1.payment_intents, "create", params, {"idempotency_key": "key-1"}))
    ours = await wire.seen(plugin.payments_collect(wire.rent(ref, Money(minor)), wire.ctx()))
    assert said(ours) == said(theirs)
    assert [booking.money for booking in wire.vendor.bookings if booking.key == "key-1"] == [Money(minor)]


async def test_questions_and_the_rest_are_asked_as_the_library_does(wire: Any) -> None:
    plugin, theirs = wire.plugin(payment_method_types=["us_bank_account"]), wire.theirs().v1
    ref = await wire.mandate(plugin)
    paid = (await plugin.payments_collect(wire.rent(ref), wire.ctx("paid"))).payment_ref
    state = {"expand": ["setup_intent.mandate", "setup_intent.payment_method"]}
    moved = {"expand": ["latest_charge.balance_transaction"]}
    asked = "metadata['leasehub_key']:'k\\'\\\\1' OR metadata['leasehub_cancel_key']:'k\\'\\\\1'"
    search = {"query": asked, "expand": ["data.latest_charge.balance_transaction"]}
    statement = {"created": {"gte": 1772668800, "lt": 1772755200}, "limit": 100, "expand": ["data.source"]}
    options = {"idempotency_key": "key-1"}
    by_ref = StatusQuery(provider_ref=paid)
    pairs = [
        (asks_of(theirs.balance, "retrieve"), plugin.provider_health(wire.ctx())),
        (
            asks_of(theirs.checkout.sessions, "retrieve", ref, state),
            plugin.payments_mandate_status(StatusQuery(provider_ref=ref), wire.ctx()),
        ),
        (asks_of(theirs.payment_intents, "retrieve", paid, moved), plugin.payments_status(by_ref, wire.ctx())),
        (
            asks_of(theirs.balance_transactions, "list", statement),
            plugin.payments_statement(StatementRequest(day_on=date(2026, 3, 5)), wire.ctx()),
        ),
        (
            asks_of(theirs.payment_intents, "cancel", paid, {}, options),
            plugin.payments_cancel(CancelRequest(payment_ref=str(paid), reason="cash"), wire.ctx()),
        ),
    ]
    for call, our_call in pairs:
        wanted = await wire.seen(call)
        assert said(await wire.seen(our_call)) == said(wanted)
    wanted = await wire.seen(asks_of(theirs.payment_intents, "search", search))
    await plugin.payments_status(StatusQuery(idempotency_key="k'\\1"), wire.ctx())
    assert said(wire.vendor.received[-2]) == said(wanted)


async def test_a_refund_is_asked_for_as_the_library_does_and_read_by_it(wire: Any) -> None:
    plugin = wire.plugin()
    paid = (await plugin.payments_collect(wire.rent(await wire.mandate(plugin)), wire.ctx("paid"))).payment_ref
    params = {
        "payment_intent": paid,
        "amount": 10_000,
        "metadata": {"leasehub_key": "key-1"},
        "expand": ["balance_transaction"],
    }
    call = asks_of(wire.theirs().v1.refunds, "create", params, {"idempotency_key": "key-1"})
    theirs = await wire.seen(call)
    request = RefundRequest(payment_ref=str(paid), money=Money(10_000), reason="overpaid")
    ours = await wire.seen(plugin.payments_refund(request, wire.ctx()))
    assert said(ours) == said(theirs)
    (held,) = (await asks_of(wire.theirs().v1.refunds, "list", {"payment_intent": paid})).data
    assert (held.amount, held.status, held.metadata["leasehub_key"]) == (10_000, "pending", "key-1")
    wire.vendor.blind = True
    await wire.vendor.settle()
    found = await plugin.payments_status(StatusQuery(idempotency_key="key-1"), wire.ctx())
    assert (found.outcome, found.payment_ref, found.money) == (PaymentOutcome.SUCCEEDED, held.id, Money(10_000))


async def test_the_library_knows_the_stand_ins_refusals(wire: Any) -> None:
    theirs = wire.theirs().v1
    with pytest.raises(stripe.InvalidRequestError) as raised:
        await asks_of(theirs.payment_intents, "retrieve", "pi_none")
    assert raised.value.code == "resource_missing"
    with pytest.raises(stripe.AuthenticationError):
        await asks_of(stripe.StripeClient("sk_test_x", base_addresses={"api": wire.base_url}).v1.balance, "retrieve")
    session = {"mode": "setup", "success_url": "https://a.example", "payment_method_types": ["card"]}
    options = {"idempotency_key": "one"}
    await asks_of(theirs.checkout.sessions, "create", session, options)
    with pytest.raises(stripe.IdempotencyError):
        await asks_of(theirs.checkout.sessions, "create", {**session, "locale": "de"}, options)


async def test_a_lease_from_the_mandate_to_the_refund(wire: Any) -> None:
    plugin = wire.plugin()
    asked = await plugin.payments_mandate(wire.request(), wire.ctx("mandate"))
    assert (asked.status, str(asked.hosted_url)[:28]) == (MandateStatus.PENDING, "https://checkout.stripe.com/")
    early = wire.rent(asked.mandate_ref)
    with pytest.raises(Rejected, match="mandate_not_active"):
        await plugin.payments_collect(early, wire.ctx("early"))
    await wire.vendor.settle()
    by_key = await plugin.payments_mandate_status(StatusQuery(idempotency_key="mandate"), wire.ctx())
    assert (by_key.status, by_key.mandate_ref) == (MandateStatus.ACTIVE, asked.mandate_ref)
    paid = await plugin.payments_collect(early, wire.ctx("rent"))
    assert (paid.outcome, paid.money, paid.fee) == (PaymentOutcome.SUCCEEDED, Money.of("3280.55"), Money(30))
    assert paid.settled_at == wire.clock.now()
    assert await plugin.payments_status(StatusQuery(idempotency_key="rent"), wire.ctx()) == paid
    refund = RefundRequest(payment_ref=str(paid.payment_ref), money=Money.of("100.00"), reason="overpaid")
    given = await plugin.payments_refund(refund, wire.ctx("refund"))
    await wire.vendor.settle()
    page = await plugin.payments_statement(StatementRequest(day_on=date(2026, 3, 5)), wire.ctx())
    assert {(line.kind, line.payment_ref, line.idempotency_key, line.money.minor) for line in page.lines} == {
        (SettlementKind.COLLECTED, paid.payment_ref, "rent", 328_055),
        (SettlementKind.FEE, paid.payment_ref, None, 30),
        (SettlementKind.REFUNDED, given.payment_ref, "refund", 10_000),
    }


async def test_a_mandate_that_ends_is_revoked_and_one_that_nobody_answers_is_refused(wire: Any) -> None:
    plugin = wire.plugin(payment_method_types=["us_bank_account"])
    ref = await wire.mandate(plugin)
    intent = wire.vendor.objects[wire.vendor.objects[ref]["setup_intent"]]
    wire.vendor.objects[intent["mandate"]]["status"] = "inactive"
    query = StatusQuery(provider_ref=ref)
    assert (await plugin.payments_mandate_status(query, wire.ctx())).status is MandateStatus.REVOKED
    wire.vendor.objects[intent["payment_method"]]["customer"] = None
    refused = await plugin.payments_collect(wire.rent(ref), wire.ctx())
    assert (refused.code, refused.advice) == ("mandate_revoked", RejectionAdvice.NEW_MANDATE)
    other = (await plugin.payments_mandate(wire.request(), wire.ctx("mandate-2"))).mandate_ref
    wire.vendor.objects[other].update(status="expired", url=None)
    found = await plugin.payments_mandate_status(StatusQuery(provider_ref=other), wire.ctx())
    assert (found.status, found.hosted_url) == (MandateStatus.REJECTED, None)


async def test_a_mandate_is_taken_back_as_the_library_detaches(wire: Any) -> None:
    plugin = wire.plugin()
    ref = await wire.mandate(plugin)
    method = wire.vendor.objects[wire.vendor.objects[wire.vendor.objects[ref]["setup_intent"]]["payment_method"]]
    request = RevokeRequest(mandate_ref=ref, reason="the lease has ended")
    assert (await plugin.payments_revoke_mandate(request, wire.ctx())).status is MandateStatus.REVOKED
    ours = next(one for one in wire.vendor.received if one.target.endswith("/detach"))
    options = {"idempotency_key": "key-1"}
    theirs = await wire.seen(asks_of(wire.theirs().v1.payment_methods, "detach", method["id"], {}, options))
    assert said(ours) == said(theirs)
    asked = len(wire.vendor.received)
    assert (await plugin.payments_revoke_mandate(request, wire.ctx("again"))).status is MandateStatus.REVOKED
    assert len(wire.vendor.received) == asked + 1  # a look, and nothing to do
    early = (await plugin.payments_mandate(wire.request(), wire.ctx("mandate-2"))).mandate_ref
    with pytest.raises(Rejected, match="nobody has agreed"):
        await plugin.payments_revoke_mandate(RevokeRequest(mandate_ref=early, reason="x"), wire.ctx())


@pytest.mark.parametrize(
    ("decline", "code", "advice"),
    [
        ("insufficient_funds", "insufficient_funds", RejectionAdvice.RETRY_LATER),
        ("lost_card", "account_closed", RejectionAdvice.DO_NOT_RETRY),
        ("expired_card", "account_expired", RejectionAdvice.NEW_MANDATE),
        ("authentication_required", "authentication_required", RejectionAdvice.NEW_MANDATE),
        ("a_new_reason", "declined", RejectionAdvice.RETRY_LATER),
    ],
)
async def test_declines(wire: Any, decline: str, code: str, advice: RejectionAdvice) -> None:
    plugin = wire.plugin()
    request = wire.rent(await wire.mandate(plugin))
    wire.vendor.decline = decline
    refused = await plugin.payments_collect(request, wire.ctx("rent"))
    assert (refused.outcome, refused.code, refused.advice) == (PaymentOutcome.REJECTED, code, advice)
    wire.vendor.decline = ""
    again = await plugin.payments_collect(request, wire.ctx("rent"))
    assert again == refused  # a key is executed once, and a no is remembered too
    found = await plugin.payments_status(StatusQuery(provider_ref=refused.payment_ref), wire.ctx())
    assert (found.outcome, found.code) == (PaymentOutcome.REJECTED, code)


async def test_a_search_that_lags_does_not_double_a_debit(wire: Any) -> None:
    plugin = wire.plugin()
    request = wire.rent(await wire.mandate(plugin))
    first = await plugin.payments_collect(request, wire.ctx("rent"))
    wire.vendor.blind = True
    assert isinstance(await plugin.payments_status(StatusQuery(idempotency_key="rent"), wire.ctx()), NoRecord)
    assert await plugin.payments_collect(request, wire.ctx("rent")) == first
    assert len([booking for booking in wire.vendor.bookings if booking.key == "rent"]) == 1


async def test_a_key_used_for_something_else_is_unknown_and_one_a_day_old_is_new(wire: Any) -> None:
    plugin = wire.plugin()
    ref = await wire.mandate(plugin)
    await plugin.payments_collect(wire.rent(ref), wire.ctx("rent"))
    with pytest.raises(UnknownOutcome, match="idempotency_error"):
        await plugin.payments_collect(wire.rent(ref, Money(5)), wire.ctx("rent"))
    wire.clock.advance(timedelta(hours=25))
    await plugin.payments_collect(wire.rent(ref, Money(5)), wire.ctx("rent"))
    assert len([booking for booking in wire.vendor.bookings if booking.key == "rent"]) == 2


async def test_a_cancellation_is_found_by_its_own_key_and_a_late_one_is_refused(wire: Any) -> None:
    plugin = wire.plugin(payment_method_types=["us_bank_account"])
    ref = await wire.mandate(plugin)
    slow = await plugin.payments_collect(wire.rent(ref), wire.ctx("rent"))
    assert slow.outcome is PaymentOutcome.PENDING
    request = CancelRequest(payment_ref=str(slow.payment_ref), reason="cash")
    stopped = await plugin.payments_cancel(request, wire.ctx("stop"))
    assert (stopped.outcome, stopped.code, stopped.payment_ref) == ("rejected", "cancelled", slow.payment_ref)
    assert await plugin.payments_status(StatusQuery(idempotency_key="stop"), wire.ctx()) == stopped
    other = await plugin.payments_collect(wire.rent(ref), wire.ctx("rent-2"))
    await wire.vendor.settle()
    late = CancelRequest(payment_ref=str(other.payment_ref), reason="cash")
    with pytest.raises(Rejected, match="payment_intent_unexpected_state"):
        await plugin.payments_cancel(late, wire.ctx("stop-2"))


async def test_refusals_before_anything_is_sent(wire: Any) -> None:
    plugin = wire.plugin()
    ref = await wire.mandate(plugin)
    before = len(wire.vendor.bookings)
    with pytest.raises(Rejected, match="more than the payer has agreed to"):
        await plugin.payments_collect(wire.rent(ref, Money(5_000_001)), wire.ctx())
    with pytest.raises(Rejected, match="currency_not_offered"):
        await plugin.payments_collect(wire.rent(ref, Money(100, "ISK")), wire.ctx())
    with pytest.raises(Rejected, match="agreed"):
        await plugin.payments_collect(wire.rent(ref, Money(100, "USD")), wire.ctx())
    for wrong in ("pi_1", "cs_../balance", "cs_ü", ""):
        with pytest.raises(Rejected, match="no reference"):
            await plugin.payments_collect(wire.rent(wrong), wire.ctx())
    with pytest.raises(Misconfigured, match="return_url"):
        await plugin.payments_mandate(wire.request(return_url=None), wire.ctx())
    with pytest.raises(AuthFailed):
        await wire.plugin(api_key="rk_test_another").payments_mandate(wire.request(), wire.ctx())
    with pytest.raises(Misconfigured, match="live key"):
        wire.plugin(api_key="rk_live_made-up")
    wire.vendor.smallest = 50
    with pytest.raises(Rejected, match="amount_too_small"):
        await plugin.payments_collect(wire.rent(ref, Money(49)), wire.ctx())
    assert len(wire.vendor.bookings) == before


async def test_a_statement_goes_on_from_page_to_page(wire: Any) -> None:
    plugin = wire.plugin()
    ref = await wire.mandate(plugin)
    for number in range(3):
        await plugin.payments_collect(wire.rent(ref, Money(100 + number)), wire.ctx(f"rent-{number}"))
    (one,) = [held for held in wire.vendor.objects.values() if held.get("amount") == 100 and held["object"] == "charge"]
    for _ in range(120):
        wire.vendor._book(one, "fee", -1, fee=0)
    seen, cursor = 0, None
    for _ in range(2):
        request = StatementRequest(day_on=date(2026, 3, 5), cursor=cursor)
        page = await plugin.payments_statement(request, wire.ctx())
        seen, cursor = seen + len(page.lines), page.next_cursor
    assert (seen, cursor) == (120 + 2 * 3, None)
