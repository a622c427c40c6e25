"""What a warning can be about and how it may move: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from hub.core.identity import mask_text
from hub.core.json import JsonValue
from hub.core.money import Money

LONGEST = 400


class WarningKind(StrEnum):
    """What is wrong."""

    RENT_OVERDUE = "rent_overdue"
    RENT_UNCOLLECTABLE = "rent_uncollectable"
    MONEY_IN_DOUBT = "money_in_doubt"
    PROMISE_BROKEN = "promise_broken"
    MANDATE_REJECTED = "mandate_rejected"
    DEVICE_ALARM = "device_alarm"
    CALL_ESCALATED = "call_escalated"
    MONEY_UNALLOCATED = "money_unallocated"
    PAYOUT_REJECTED = "payout_rejected"
    MANDATE_REVOKED = "mandate_revoked"


class WarningState(StrEnum):
    """How far a warning has been worked."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


MOVES: dict[WarningState, frozenset[WarningState]] = {
    WarningState.OPEN: frozenset({WarningState.ACKNOWLEDGED, WarningState.CLOSED}),
    WarningState.ACKNOWLEDGED: frozenset({WarningState.CLOSED}),
    WarningState.CLOSED: frozenset(),
}


class WarningCode(StrEnum):
    """Why a warning is raised; its sentence stands in `SENTENCES`."""

    RENT_OVERDUE = "rent_overdue"
    NO_FURTHER_DEBIT = "no_further_debit"
    OPTION_NOT_DEBITED = "option_not_debited"
    DEBIT_UNKNOWN = "debit_unknown"
    DEBIT_DISPUTED = "debit_disputed"
    PAYOUT_UNKNOWN = "payout_unknown"
    PAYOUT_DISPUTED = "payout_disputed"
    PAYOUT_REFUSED = "payout_refused"
    CANCELLED_PAID = "cancelled_paid"
    MORE_THAN_OWED = "more_than_owed"
    MANDATE_REFUSED = "mandate_refused"
    MANDATE_TAKEN_BACK = "mandate_taken_back"
    PROMISE_BROKEN = "promise_broken"
    DEVICE_ALARM = "device_alarm"
    CALL_ESCALATED = "call_escalated"
    AS_WRITTEN = "as_written"  # before codes were kept, and what comes without one


# In English, for programs and logs; whoever draws it for people says it in their language.
SENTENCES: Mapping[WarningCode, str] = {
    WarningCode.RENT_OVERDUE: "rent %(number)s due on %(day)s is overdue, %(owed)s owed",
    WarningCode.NO_FURTHER_DEBIT: "no further debit by machine: %(code)s",
    WarningCode.OPTION_NOT_DEBITED: "the price of the purchase option was not debited: %(code)s",
    WarningCode.DEBIT_UNKNOWN: "the outcome of a debit is unknown",
    WarningCode.DEBIT_DISPUTED: "the provider moved another amount than a debit was asked for",
    WarningCode.PAYOUT_UNKNOWN: "the outcome of a payout is unknown",
    WarningCode.PAYOUT_DISPUTED: "the provider moved another amount than a payout was asked for",
    WarningCode.PAYOUT_REFUSED: "a payout was refused: %(code)s",
    WarningCode.CANCELLED_PAID: "%(money)s was paid out after all, on a disbursement that is cancelled",
    WarningCode.MORE_THAN_OWED: "%(money)s more has come than was owed",
    WarningCode.MANDATE_REFUSED: "the mandate was refused",
    WarningCode.MANDATE_TAKEN_BACK: "the payer has revoked the mandate",
    WarningCode.PROMISE_BROKEN: "%(money)s was promised and has not come",
    WarningCode.DEVICE_ALARM: "device alarm: %(kind)s",
    WarningCode.CALL_ESCALATED: "%(operation)s at %(provider)s: %(reason)s",
    WarningCode.AS_WRITTEN: "%(text)s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Why a warning is raised: a code and its facts, as they are stored. As text it is its sentence in English."""

    code: WarningCode
    facts: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, object]:
        """The facts as values: amounts as money, days as dates, anything else as it is."""
        return {name: _value(fact) for name, fact in self.facts.items()}

    def __str__(self) -> str:
        return SENTENCES[self.code] % self.parts


def ground(code: WarningCode, /, **facts: Money | date | str | int) -> Ground:
    """The ground of a warning with its facts as they are stored: texts masked and cut to fit."""
    return Ground(code=code, facts={name: _stored(fact) for name, fact in facts.items()})


def _stored(fact: Money | date | str | int) -> JsonValue:
    match fact:
        case Money():
            return {"amount": str(fact.amount), "currency": fact.currency}
        case date():
            return {"day": fact.isoformat()}
        case str():
            return mask_text(fact)[:LONGEST]
        case int():
            return fact


def _value(fact: JsonValue) -> object:
    match fact:
        case {"amount": str() as amount, "currency": str() as currency}:
            return Money.of(amount, currency)
        case {"day": str() as day}:
            return date.fromisoformat(day)
        case _:
            return fact


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningView:
    """A warning as doors see it: its first ground, how often it was raised, and when last."""

    id: UUID
    kind: WarningKind
    contract_id: UUID | None
    subject: str
    ground: Ground
    state: WarningState
    raised_at: datetime
    times: int
    last_at: datetime
    result: str | None

    @property
    def reason(self) -> str:
        """Why it was raised, in a sentence."""
        return str(self.ground)

    @property
    def code(self) -> WarningCode:
        """Why it was raised, in a word."""
        return self.ground.code

    @property
    def facts(self) -> Mapping[str, JsonValue]:
        """What belongs to the word."""
        return self.ground.facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time that a warning was raised."""

    ground: Ground
    raised_at: datetime
