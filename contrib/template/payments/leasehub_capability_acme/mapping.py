"""Acme's words and the hub's, both ways; pure. A status that is not listed is PENDING, never success or failure."""

from __future__ import annotations

from hub.core.errors import RetryAdvice
from hub.core.ports.payments import (
    BankAccount,
    CollectRequest,
    Mandate,
    MandateRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    PayoutRequest,
    RefundRequest,
    RejectionAdvice,
    SettlementKind,
    SettlementLine,
    Statement,
)
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.reading import Fields, JsonObject, money_json

MANDATE_STATUS = {
    "awaiting_payer": MandateStatus.PENDING,
    "active": MandateStatus.ACTIVE,
    "refused": MandateStatus.REJECTED,
    "revoked": MandateStatus.REVOKED,
}

OUTCOME = {
    "processing": PaymentOutcome.PENDING,
    "settled": PaymentOutcome.SUCCEEDED,
    "declined": PaymentOutcome.REJECTED,
    "cancelled": PaymentOutcome.REJECTED,
}

# Acme's reason for a decline: the hub's word, and what the payer's bank allows next.
DECLINE = {
    "nsf": ("insufficient_funds", RejectionAdvice.RETRY_LATER),
    "over_limit": ("limit_exceeded", RejectionAdvice.RETRY_LATER),
    "bank_closed_hours": ("bank_unavailable", RejectionAdvice.RETRY_LATER),
    "account_closed": ("account_closed", RejectionAdvice.NEW_MANDATE),
    "account_frozen": ("account_frozen", RejectionAdvice.DO_NOT_RETRY),
    "mandate_gone": ("mandate_revoked", RejectionAdvice.NEW_MANDATE),
    "cancelled": ("cancelled", RejectionAdvice.DO_NOT_RETRY),
}
_OTHER_DECLINE = ("declined", RejectionAdvice.DO_NOT_RETRY)

# Refusals of a request: nothing was booked. What is not listed is never to be tried again.
REFUSAL_ADVICE = {
    "payment_required": RetryAdvice.OTHER_PROVIDER,
    "mandate_not_active": RetryAdvice.LATER,
}

KINDS = {
    "charge": WebhookKind.PAYMENT,
    "mandate": WebhookKind.MANDATE,
    "refund": WebhookKind.REFUND,
    "payout": WebhookKind.PAYOUT,
}

STATUSES = {word: outcome.value for word, outcome in OUTCOME.items()} | {
    word: status.value for word, status in MANDATE_STATUS.items()
}

_LINE_KIND = {
    "charge": SettlementKind.COLLECTED,
    "refund": SettlementKind.REFUNDED,
    "payout": SettlementKind.PAID_OUT,
    "fee": SettlementKind.FEE,
}


def account_body(account: BankAccount) -> JsonObject:
    """A bank account in Acme's words."""
    return {
        "holder": account.holder,
        "number": account.number,
        "bank": account.bank_code,
        "phone": account.phone,
        "holder_document": account.document_number,
    }


def mandate_body(request: MandateRequest) -> JsonObject:
    """A request for a mandate in Acme's words."""
    return {
        "payer": request.payer_ref,
        "account": account_body(request.account),
        "limit": money_json(request.limit),
        "agreement": request.contract_number,
        "return_url": request.return_url,
    }


def charge_body(request: CollectRequest) -> JsonObject:
    """A debit in Acme's words."""
    return {
        "amount": money_json(request.money),
        "mandate": request.mandate_ref,
        "due_on": request.due_on.isoformat(),
        "purpose": request.purpose,
        "agreement": request.contract_number,
    }


def payout_body(request: PayoutRequest) -> JsonObject:
    """A payout in Acme's words."""
    return {
        "amount": money_json(request.money),
        "account": account_body(request.account),
        "purpose": request.purpose,
    }


def refund_body(request: RefundRequest) -> JsonObject:
    """A refund in Acme's words."""
    return {"charge": request.payment_ref, "amount": money_json(request.money), "reason": request.reason}


def mandate_of(answer: Fields) -> Mandate:
    """A mandate in the hub's words."""
    return Mandate(
        mandate_ref=answer.text("ref"),
        status=MANDATE_STATUS.get(answer.text("status"), MandateStatus.PENDING),
        hosted_url=answer.optional_text("hosted_url"),
    )


def payment_of(answer: Fields) -> PaymentResult:
    """A movement of money in the hub's words. `money` is what Acme says it moved, whatever was asked."""
    outcome = OUTCOME.get(answer.text("status"), PaymentOutcome.PENDING)
    code, advice = _rejection(outcome, answer)
    return PaymentResult(
        outcome=outcome,
        payment_ref=answer.text("ref"),
        money=answer.money("amount"),
        settled_at=answer.optional_instant("settled_at"),
        code=code,
        advice=advice,
        fee=answer.optional_money("fee"),
    )


def _rejection(outcome: PaymentOutcome, answer: Fields) -> tuple[str | None, RejectionAdvice | None]:
    if outcome is not PaymentOutcome.REJECTED:
        return None, None
    return DECLINE.get(answer.optional_text("reason") or "", _OTHER_DECLINE)


def statement_of(answer: Fields) -> Statement:
    """One page of Acme's statement in the hub's words."""
    return Statement(
        lines=tuple(_line(line) for line in answer.each("lines")), next_cursor=answer.optional_text("next")
    )


def _line(line: Fields) -> SettlementLine:
    kind = _LINE_KIND.get(line.text("kind"))
    if kind is None:
        raise line.fail("a statement line is of no known kind")
    return SettlementLine(
        kind=kind,
        payment_ref=line.text("ref"),
        idempotency_key=line.optional_text("key"),
        money=line.money("amount"),
        settled_at=line.instant("settled_at"),
    )
