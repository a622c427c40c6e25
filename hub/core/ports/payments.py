"""Payment collection: mandates, charges, payouts, refunds, and the provider's own statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from hub.core.money import Money
from hub.core.ports import require


class MandateStatus(StrEnum):
    """Whether money may be taken under a mandate (代扣签约)."""

    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """An account that money is taken from or sent to. Personal data: never logged."""

    holder: str = field(repr=False)
    number: str = field(repr=False)
    bank_code: str
    phone: str = field(default="", repr=False)
    document_number: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRequest:
    """Ask a payer to let us debit them. `limit` is the most that one debit may take."""

    payer_ref: str
    account: BankAccount
    limit: Money
    contract_number: str
    return_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """A mandate as the provider knows it; `hosted_url` is where the payer agrees, if they still must."""

    mandate_ref: str
    status: MandateStatus
    hosted_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeRequest:
    """Take a mandate back, so that nothing more is debited under it; `reason` may be shown to the payer."""

    mandate_ref: str
    reason: str


class PaymentOutcome(StrEnum):
    """What became of a movement of money."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class RejectionAdvice(StrEnum):
    """What a rejected debit allows next."""

    RETRY_LATER = "retry_later"
    DO_NOT_RETRY = "do_not_retry"
    NEW_MANDATE = "new_mandate"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectRequest:
    """Debit `money` under a mandate for what is due on `due_on`. The key travels in the call context."""

    money: Money
    mandate_ref: str
    due_on: date
    purpose: str
    contract_number: str

    def __post_init__(self) -> None:
        require(self.money.minor > 0, "money", "must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRequest:
    """Send `money` to an account that is not ours."""

    money: Money
    account: BankAccount
    purpose: str

    def __post_init__(self) -> None:
        require(self.money.minor > 0, "money", "must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Give back all or part of a payment."""

    payment_ref: str
    money: Money
    reason: str

    def __post_init__(self) -> None:
        require(self.money.minor > 0, "money", "must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """Stop a payment that is still pending."""

    payment_ref: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentResult:
    """What the provider says of a payment. A vendor status that is not mapped is PENDING or UNKNOWN, never more.

    `money` is what the provider moved; `code` is the hub's word for a rejection (`insufficient_funds`, …).
    `send_again_at`, of a pending one: the provider has only been told of it, nothing moves until the same request goes
    out once more under the same key, and it may from this instant on.
    """

    outcome: PaymentOutcome
    payment_ref: str | None = None
    money: Money | None = None
    settled_at: datetime | None = None
    code: str | None = None
    advice: RejectionAdvice | None = None
    fee: Money | None = None
    send_again_at: datetime | None = None

    def __post_init__(self) -> None:
        pending = self.outcome is PaymentOutcome.PENDING
        require(pending or self.send_again_at is None, "send_again_at", "only what is pending goes out once more")
        require(self.outcome is not PaymentOutcome.REJECTED or bool(self.code), "code", "a rejection needs one")
        require(self.outcome is not PaymentOutcome.SUCCEEDED or self.money is not None, "money", "a success needs it")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRequest:
    """The provider's statement of one day, in its own calendar."""

    day_on: date
    cursor: str | None = None


class SettlementKind(StrEnum):
    """Which way a statement line moved money, seen from us."""

    COLLECTED = "collected"
    REFUNDED = "refunded"
    PAID_OUT = "paid_out"
    FEE = "fee"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementLine:
    """One movement as the provider books it."""

    kind: SettlementKind
    payment_ref: str
    idempotency_key: str | None
    money: Money
    settled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One page of a provider's statement; `next_cursor` is None on the last.

    `covers`: which kinds of movement this provider's statement lists at all, None for all of them; what it does not list
    is not missed.
    """

    lines: tuple[SettlementLine, ...]
    next_cursor: str | None = None
    covers: frozenset[SettlementKind] | None = None
