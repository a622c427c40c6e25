"""Stripe's words and the hub's, both ways; pure. A status that is not listed is pending, never success or failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from hub.core.errors import Misconfigured, Rejected, RetryAdvice
from hub.core.money import Money
from hub.core.ports.payments import (
    CollectRequest,
    Mandate,
    MandateRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    RefundRequest,
    RejectionAdvice,
    SettlementKind,
    SettlementLine,
    Statement,
    StatementRequest,
)
from hub.sdk.reading import Fields, unreadable
from leasehub_payments_stripe.codes import DECLINES, OTHER_DECLINE, REFUND_FAILURES
from leasehub_payments_stripe.settings import StripeSettings

KEY, CANCEL_KEY, LIMIT, CONTRACT = "leasehub_key", "leasehub_cancel_key", "leasehub_limit", "leasehub_contract"
# Currencies whose minor unit is the same at Stripe and in the hub. Source: docs.stripe.com/currencies.
CURRENCIES = frozenset(
    [
        "AED",
        "AUD",
        "BRL",
        "CAD",
        "CHF",
        "CNY",
        "CZK",
        "DKK",
        "EUR",
        "GBP",
        "HKD",
        "IDR",
        "ILS",
        "INR",
        "JPY",
        "KRW",
        "MXN",
        "MYR",
        "NOK",
        "NZD",
        "PHP",
        "PLN",
        "QAR",
        "RON",
        "SAR",
        "SEK",
        "SGD",
        "THB",
        "TRY",
        "USD",
        "VND",
        "ZAR",
    ]
)
MOVED = "latest_charge.balance_transaction"  # what shows when money came, and what it cost
_BACK = timedelta(days=3)  # how far back something is looked for that only a list shows

OUTCOME = {
    "succeeded": PaymentOutcome.SUCCEEDED,
    "processing": PaymentOutcome.PENDING,
    "requires_action": PaymentOutcome.REJECTED,
    "requires_payment_method": PaymentOutcome.REJECTED,
    "canceled": PaymentOutcome.REJECTED,
}
REFUND_OUTCOME = {
    "pending": PaymentOutcome.PENDING,
    "requires_action": PaymentOutcome.PENDING,
    "succeeded": PaymentOutcome.SUCCEEDED,
    "failed": PaymentOutcome.REJECTED,
    "canceled": PaymentOutcome.REJECTED,
}
# The setup intent behind a page that the payer has completed.
_AGREED = {
    "succeeded": MandateStatus.ACTIVE,
    "requires_payment_method": MandateStatus.REJECTED,
    "canceled": MandateStatus.REJECTED,
}
# Source: docs.stripe.com/reports/reporting-categories.
_LINES = {
    "charge": SettlementKind.COLLECTED,
    "refund_failure": SettlementKind.COLLECTED,
    "dispute_reversal": SettlementKind.COLLECTED,
    "refund": SettlementKind.REFUNDED,
    "charge_failure": SettlementKind.REFUNDED,
    "dispute": SettlementKind.REFUNDED,
    "partial_capture_reversal": SettlementKind.REFUNDED,
    "fee": SettlementKind.FEE,
    "tax": SettlementKind.FEE,
    "network_cost": SettlementKind.FEE,
    "payout": SettlementKind.PAID_OUT,
    "transfer": SettlementKind.PAID_OUT,
}


# Mandates


def session_params(request: MandateRequest, settings: StripeSettings, key: str) -> dict[str, object]:
    """A page of Stripe's on which a payer agrees to be debited later."""
    back = request.return_url or settings.return_url
    if not back:
        raise Misconfigured("the payer needs an address to come back to: set return_url")
    noted = {KEY: key, CONTRACT: request.contract_number}
    return {
        "mode": "setup",
        "customer_creation": "always",
        "payment_method_types": settings.payment_method_types,
        "success_url": back,
        "cancel_url": back,
        "locale": settings.locale,
        "client_reference_id": request.payer_ref,
        "metadata": {**noted, LIMIT: f"{request.limit.minor} {request.limit.currency}"},
        "setup_intent_data": {"metadata": noted},
    }


def mandate_of(session: Fields) -> Mandate:
    """A mandate: the page, and the setup intent behind it."""
    status = _mandate_status(session)
    url = session.optional_text("url") if status is MandateStatus.PENDING else None
    return Mandate(mandate_ref=session.text("id"), status=status, hosted_url=url)


def _mandate_status(session: Fields) -> MandateStatus:
    told = session.text("status")
    if told == "expired":
        return MandateStatus.REJECTED
    if told != "complete" or not isinstance(session.content.get("setup_intent"), dict):
        return MandateStatus.PENDING
    intent = session.inner("setup_intent")
    status = _AGREED.get(intent.text("status"), MandateStatus.PENDING)
    return MandateStatus.REVOKED if status is MandateStatus.ACTIVE and _taken_back(intent) else status


def _taken_back(intent: Fields) -> bool:
    """Whether the bank's mandate has ended, or the payment method was taken from the customer."""
    mandate, method = intent.content.get("mandate"), intent.content.get("payment_method")
    ended = isinstance(mandate, dict) and mandate.get("status") == "inactive"
    return ended or (isinstance(method, dict) and method.get("customer") is None)


def method_of(session: Fields) -> str:
    """The payment method behind a mandate that is active; raises Rejected when nobody has agreed yet."""
    if _mandate_status(session) is not MandateStatus.ACTIVE:
        raise Rejected("mandate_not_active", "nobody has agreed yet", advice=RetryAdvice.LATER)
    return session.inner("setup_intent").inner("payment_method").text("id")


class Payer(NamedTuple):
    """Whom a mandate lets us debit, and how."""

    customer: str
    method: str
    kind: str
    mandate: str | None


def payer_of(session: Fields | None, money: Money) -> Payer:
    """Whom to debit under a mandate; raises Rejected when the mandate is none, or allows less."""
    if session is None or _mandate_status(session) is not MandateStatus.ACTIVE:
        raise Rejected("mandate_not_active", advice=RetryAdvice.LATER)
    _check_limit(session.inner("metadata").optional_text(LIMIT), money)
    intent = session.inner("setup_intent")
    method = intent.inner("payment_method")
    return Payer(
        customer=method.text("customer"),
        method=method.text("id"),
        kind=method.text("type"),
        mandate=_id_of(intent.content.get("mandate")),
    )


def _check_limit(limit: str | None, money: Money) -> None:
    """Stripe keeps no limit for a mandate, so what the payer has agreed to is kept with it and looked at here."""
    minor, _, currency = (limit or "").partition(" ")
    if not minor.isdigit() or currency != money.currency or money.minor > int(minor):
        raise Rejected("limit_exceeded", "more than the payer has agreed to")


# Debits, refunds, cancellations


def check_currency(money: Money) -> None:
    """Raise Rejected for a currency that this plugin does not speak of in the same units as Stripe."""
    if money.currency not in CURRENCIES:
        raise Rejected("currency_not_offered", advice=RetryAdvice.OTHER_PROVIDER)


def intent_params(request: CollectRequest, payer: Payer, key: str) -> dict[str, object]:
    """A debit of somebody who is not there; it fails rather than wait for them."""
    return {
        "amount": request.money.minor,
        "currency": request.money.currency.lower(),
        "customer": payer.customer,
        "payment_method": payer.method,
        "payment_method_types": [payer.kind],
        "mandate": payer.mandate,
        "off_session": True,
        "confirm": True,
        "error_on_requires_action": True,
        "metadata": {KEY: key, CONTRACT: request.contract_number, "leasehub_due_on": request.due_on.isoformat()},
        "expand": [MOVED],
    }


def refund_params(request: RefundRequest, key: str) -> dict[str, object]:
    """A refund of a payment or a part of it."""
    return {
        "payment_intent": request.payment_ref,
        "amount": request.money.minor,
        "metadata": {KEY: key},
        "expand": ["balance_transaction"],
    }


def search_query(key: str) -> str:
    """The question for a payment by our key, or for one that was to be cancelled under it."""
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"metadata['{KEY}']:'{quoted}' OR metadata['{CANCEL_KEY}']:'{quoted}'"


def recent(now: datetime) -> dict[str, object]:
    """Of lists: what was made lately."""
    return {"created": {"gte": int((now - _BACK).timestamp())}}


def payment_of(intent: Fields) -> PaymentResult:
    """A payment intent."""
    status = intent.text("status")
    outcome = OUTCOME.get(status, PaymentOutcome.PENDING)
    succeeded = outcome is PaymentOutcome.SUCCEEDED
    code, advice = _why_not(status, intent) if outcome is PaymentOutcome.REJECTED else (None, None)
    charge = intent.content.get("latest_charge")
    booked = Fields(charge).content.get("balance_transaction") if isinstance(charge, dict) else None
    return PaymentResult(
        outcome=outcome,
        payment_ref=intent.text("id"),
        money=money(intent, "amount_received" if succeeded else "amount"),
        settled_at=instant(booked) if succeeded else None,
        code=code,
        advice=advice,
        fee=_fee(booked) if succeeded else None,
    )


def _why_not(status: str, intent: Fields) -> tuple[str, RejectionAdvice]:
    if status == "canceled":
        return "cancelled", RejectionAdvice.DO_NOT_RETRY
    if status == "requires_action":
        return DECLINES["authentication_required"]
    error = intent.content.get("last_payment_error")
    return decline(error) if isinstance(error, dict) else OTHER_DECLINE


def decline(error: Mapping[str, object]) -> tuple[str, RejectionAdvice]:
    """Why a debit was declined, and what may be done next: by the decline code, else by the error's."""
    for name in ("decline_code", "code"):
        told = error.get(name)
        if isinstance(told, str) and told in DECLINES:
            return DECLINES[told]
    return OTHER_DECLINE


def declined(error: Fields) -> PaymentResult | None:
    """A debit that was declined at once; None when Stripe names no payment of it."""
    if not isinstance(error.content.get("payment_intent"), dict):
        return None
    intent = error.inner("payment_intent")
    code, advice = decline(error.content)
    return PaymentResult(
        outcome=PaymentOutcome.REJECTED,
        payment_ref=intent.text("id"),
        money=money(intent, "amount"),
        code=code,
        advice=advice,
    )


def refund_of(refund: Fields) -> PaymentResult:
    """A refund."""
    status = refund.text("status")
    outcome = REFUND_OUTCOME.get(status, PaymentOutcome.PENDING)
    rejected = outcome is PaymentOutcome.REJECTED
    code = "cancelled" if status == "canceled" else REFUND_FAILURES.get(_text(refund, "failure_reason"), "declined")
    done = outcome is PaymentOutcome.SUCCEEDED
    return PaymentResult(
        outcome=outcome,
        payment_ref=refund.text("id"),
        money=money(refund, "amount"),
        settled_at=instant(refund.content.get("balance_transaction")) if done else None,
        code=code if rejected else None,
        advice=RejectionAdvice.DO_NOT_RETRY if rejected else None,
    )


def money(fields: Fields, name: str) -> Money:
    """An amount of Stripe's in its currency."""
    try:
        found = Money(abs(fields.whole(name)), fields.text("currency").upper())
    except ValueError:
        raise unreadable(f"{name} is no amount") from None
    if found.currency not in CURRENCIES:
        raise unreadable("an amount is in a currency that was never asked for")
    return found


def instant(booked: object) -> datetime | None:
    """When Stripe booked something; None when it has not, or does not show it."""
    told = booked.get("created") if isinstance(booked, dict) else None
    return datetime.fromtimestamp(told, UTC) if isinstance(told, int) and 0 <= told < 2**35 else None


def _fee(booked: object) -> Money | None:
    if not isinstance(booked, dict) or not booked.get("fee"):
        return None
    return money(Fields(booked), "fee")


def _text(fields: Fields, name: str) -> str:
    return fields.optional_text(name) or ""


def _id_of(named: object) -> str | None:
    """The id of something that Stripe names by its id, or shows whole."""
    found = named.get("id") if isinstance(named, dict) else named
    return found if isinstance(found, str) and found else None


# Statement


def statement_params(request: StatementRequest) -> dict[str, object]:
    """A page of one day's balance transactions, by UTC."""
    begins = datetime.combine(request.day_on, time(), UTC)
    params: dict[str, object] = {
        "created": {"gte": int(begins.timestamp()), "lt": int((begins + timedelta(days=1)).timestamp())},
        "limit": 100,
        "expand": ["data.source"],
    }
    return params | ({"starting_after": request.cursor} if request.cursor else {})


def statement_of(page: Fields) -> Statement:
    """A page; what is neither payment, refund, fee nor payout (a reserve, a top-up) is no movement of a lease."""
    booked = page.each("data")
    lines = tuple(line for one in booked for line in _lines(one))
    more = page.flag("has_more") and booked
    return Statement(lines=lines, next_cursor=booked[-1].text("id") if more else None)


def _lines(booked: Fields) -> list[SettlementLine]:
    kind = _LINES.get(booked.text("reporting_category"))
    at = instant(booked.content)
    if kind is None or at is None:
        return []
    source = booked.content.get("source")
    shown = Fields(source) if isinstance(source, dict) else None
    ref, key = (_subject(shown) if shown else None) or (_id_of(source) or booked.text("id"), None)
    line = SettlementLine(
        kind=kind, payment_ref=ref, idempotency_key=key, money=_moved(booked, shown, kind), settled_at=at
    )
    fee = _fee(booked.content)
    if fee is None:
        return [line]
    cost = SettlementLine(kind=SettlementKind.FEE, payment_ref=ref, idempotency_key=None, money=fee, settled_at=at)
    return [line, cost]


def _moved(booked: Fields, source: Fields | None, kind: SettlementKind) -> Money:
    """The amount as the payer saw it, where the payment shows it; else as Stripe booked it in our own currency."""
    of_the_payer = kind in (SettlementKind.COLLECTED, SettlementKind.REFUNDED) and source is not None
    return money(source if of_the_payer and source and "amount" in source.content else booked, "amount")


def _subject(source: Fields) -> tuple[str, str | None]:
    """The payment or refund behind a line, and our key of it."""
    metadata = source.content.get("metadata")
    key = Fields(metadata).optional_text(KEY) if isinstance(metadata, dict) else None
    intent = _id_of(source.content.get("payment_intent"))
    ref = intent if intent and source.optional_text("object") != "refund" else source.text("id")
    return ref, key
