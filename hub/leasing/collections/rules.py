"""When a late lessee may be contacted, with which words, and what becomes of cases and promises: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.core.events import Fact
from hub.core.ids import ContractId
from hub.core.money import Money


class CaseState(StrEnum):
    """How a dunning case stands."""

    OPEN = "open"
    PROMISED = "promised"
    CLOSED = "closed"


class ContactState(StrEnum):
    """How far a contact has come."""

    REQUESTED = "requested"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"  # what it was about was paid before it went out


class PromiseState(StrEnum):
    """What became of a promise to pay."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"


class Template(StrEnum):
    """Which text is sent; its words are in `TEXTS`."""

    RENT_OVERDUE = "rent_overdue"
    PROMISE_BROKEN = "promise_broken"


# The house's own decent hours, local time; a conduct guard with the sources of the law comes with the strategies.
FROM_HOUR = time(8)
TO_HOUR = time(21)
LONGEST_PROMISE_DAYS = 30
# How long a contact is put off while money of the lease is under way or in doubt.
LOOK_AGAIN_AFTER = timedelta(hours=1)

TEXTS: dict[tuple[Template, str], str] = {
    (Template.RENT_OVERDUE, "zh-CN"): "您的租赁合同{contract}第{number}期租金{amount}元已逾期，请尽快支付。",
    (Template.RENT_OVERDUE, "en"): "Rent {number} of your lease {contract}, {amount}, is overdue. Please pay soon.",
    (Template.PROMISE_BROKEN, "zh-CN"): "您承诺支付的租赁合同{contract}欠款{amount}元尚未到账，请立即联系我们。",
    (Template.PROMISE_BROKEN, "en"): "The {amount} you promised for lease {contract} has not arrived. Please call us.",
}


def text_of(template: Template, locale: str, *, contract: str, number: int, amount: Money) -> str:
    """A message's words; another language than we have is answered in English."""
    words = TEXTS.get((template, locale)) or TEXTS[template, "en"]
    return words.format(contract=contract, number=number, amount=f"{amount.amount:,.2f}")


def may_send_at(wanted_at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant from `wanted_at` on that lies in decent hours of the lessee's day."""
    local = wanted_at.astimezone(zone)
    if local.time() < FROM_HOUR:
        return datetime.combine(local.date(), FROM_HOUR, zone)
    if local.time() >= TO_HOUR:
        return datetime.combine(local.date() + timedelta(days=1), FROM_HOUR, zone)
    return wanted_at


def promise_problem(promised_on: date, today: date, money: Money, owed: Money) -> tuple[str, str] | None:
    """The field and the reason why a promise cannot be taken; None when it can."""
    if promised_on < today:
        return "promised_on", "lies in the past"
    if promised_on > today + timedelta(days=LONGEST_PROMISE_DAYS):
        return "promised_on", f"is more than {LONGEST_PROMISE_DAYS} days away"
    if not Money.zero() < money <= owed:
        return "amount", f"must be more than nothing and at most what is owed, {owed}"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A dunning case as doors see it."""

    id: UUID
    contract_id: ContractId
    state: CaseState
    opened_on: date
    closed_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    """One contact of a case; `to` is masked."""

    id: UUID
    template: Template
    channel: str
    to: str
    state: ContactState
    send_after_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseView:
    """A promise to pay."""

    id: UUID
    contract_id: ContractId
    money: Money
    promised_on: date
    state: PromiseState


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseBroken(Fact):
    """The day of a promise has passed and the money is not there."""

    contract_id: ContractId
    promise_id: UUID
    money: Money
