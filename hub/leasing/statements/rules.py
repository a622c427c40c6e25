"""How a provider's statement of a day is held against our movements and our books, and what a difference is called: pure.

Amounts are signed as the provider's clearing account is: what it has collected for us is positive, what it has given
away is negative.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

from hub.core.ids import ContractId
from hub.core.money import Money
from hub.core.ports.payments import SettlementKind

REASON_LENGTH = 300
# A provider that does not say when its statement is complete counts its days in some zone of the earth: by then each
# of them is over. Source: the last zone to end a day is UTC-12.
EVERYWHERE = timedelta(hours=12)


class StatementState(StrEnum):
    """How far the statement of a day has come."""

    DUE = "due"
    MATCHED = "matched"
    DIFFERS = "differs"
    FAILED = "failed"


class DifferenceKind(StrEnum):
    """What does not agree."""

    ONLY_STATED = "only_stated"  # the provider has moved it, and we know nothing of it
    NOT_TAKEN = "not_taken"  # it has moved, and our movement is not known to have succeeded
    AMOUNT = "amount_differs"
    TWICE = "stated_twice"
    NOT_STATED = "not_stated"  # ours has succeeded, and the statement does not have it
    NOT_LISTED = "not_listed"  # this provider's statement lists no movements of this kind
    OTHER_DAY = "other_day"  # the same movement, on one day here and on another there
    NOT_BOOKED = "not_booked"
    BOOKED_ALONE = "booked_alone"  # an entry of the books that belongs to no movement of the day
    FEES = "fees"
    SETTLED = "settled_to_bank"  # the provider has sent what it holds to our bank account
    CURRENCY = "other_currency"


class DifferenceState(StrEnum):
    """Whether somebody must still look at a difference."""

    OPEN = "open"
    EXPLAINED = "explained"
    GONE = "gone"


# What needs nobody: it is in order, and only named.
_IN_ORDER = frozenset({DifferenceKind.OTHER_DAY, DifferenceKind.NOT_LISTED})
# What a person may book with one button, for it says itself what it is.
BOOKABLE = frozenset({DifferenceKind.FEES, DifferenceKind.SETTLED})
# Where the provider may be asked once more what became of a movement of ours.
ASKABLE = frozenset({DifferenceKind.NOT_TAKEN, DifferenceKind.AMOUNT, DifferenceKind.NOT_STATED})

_NOTHING = Money(0)
_LONGEST_REF = 36


def ready_at(day_on: date, after: timedelta | None) -> datetime:
    """When the statement of a day is complete: so long after the day has ended in UTC."""
    ended_at = datetime.combine(day_on + timedelta(days=1), time(), UTC)
    return ended_at + (EVERYWHERE if after is None else after)


def starts_as(kind: DifferenceKind) -> DifferenceState:
    """The state in which a difference is found."""
    return DifferenceState.EXPLAINED if kind in _IN_ORDER else DifferenceState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A line of a statement; `movement_id` is ours that it is about, None when we know of none."""

    kind: SettlementKind
    payment_ref: str
    money: Money
    movement_id: UUID | None = None

    @property
    def signed(self) -> Money:
        """What it does to what the provider holds for us."""
        return self.money if self.kind is SettlementKind.COLLECTED else -self.money


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A movement of ours: a debit, or a payout. `stated_on` is another day on which the provider states it."""

    id: UUID
    is_payout: bool
    money: Money
    succeeded: bool
    settled_on: date | None
    payment_ref: str | None = None
    contract_id: ContractId | None = None
    stated_on: date | None = None

    @property
    def signed(self) -> Money:
        """What it does to what the provider holds for us."""
        return -self.money if self.is_payout else self.money


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A line of the clearing account, by the reference of its entry; `movement_id` is the movement that it books."""

    ref: str
    money: Money
    movement_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A difference: `subject` names it within its statement for ever; `stated` and `booked` are signed."""

    subject: str
    kind: DifferenceKind
    stated: Money = _NOTHING
    booked: Money = _NOTHING
    ref: str = ""
    moved: Moved | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of holding a statement against the books; `stated` and `booked` are the totals of both."""

    stated: Money
    booked: Money
    matched: int
    found: Sequence[Found] = field(default_factory=tuple)


def fee_ref(instance: str, day_on: date) -> str:
    """The reference under which the fees of a day are booked."""
    return f"provider_fee:{instance}:{day_on}"


def settled_ref(instance: str, payment_ref: str) -> str:
    """The reference under which the books have what a provider has sent to our bank account."""
    return f"provider_settled:{instance}:{short(payment_ref)}"


def short(payment_ref: str) -> str:
    """A provider's reference as it fits into one of the books: a long one by its digest."""
    return payment_ref if len(payment_ref) <= _LONGEST_REF else hashlib.sha256(payment_ref.encode()).hexdigest()[:32]


def compare(
    instance: str,
    day_on: date,
    *,
    lines: Sequence[Stated],
    moved: Iterable[Moved],
    booked: Sequence[Booked],
    covers: frozenset[SettlementKind] = frozenset(SettlementKind),
    currency: str = "CNY",
) -> Comparison:
    """Hold the statement of a day against our movements and the clearing account of that day.

    `moved` are those of the day and those that a line or an entry is about. Statement less books is the sum of what is
    found: whatever agrees adds nothing to it.
    """
    own = [line for line in lines if line.money.currency == currency]
    known = {one.id: one for one in moved}
    found = [_foreign(line) for line in lines if line.money.currency != currency]
    lines_of, entries_of = _by_movement(own, known), _booked_by_movement(booked, known)
    matched = 0
    for one in known.values():
        difference = _of_movement(one, day_on, lines_of.get(one.id, []), entries_of.get(one.id, _NOTHING), covers)
        if difference is not None:
            found.append(difference)
        elif one.id in lines_of:
            matched += 1
    alone = {entry.ref: entry.money for entry in booked if entry.movement_id not in known}
    found += _of_the_rest(instance, day_on, [line for line in own if not _is_known(line, known)], alone)
    return Comparison(
        stated=Money.total(line.signed for line in own),
        booked=Money.total(entry.money for entry in booked),
        matched=matched,
        found=sorted(found, key=lambda one: one.subject),
    )


def _is_known(line: Stated, known: Mapping[UUID, Moved]) -> bool:
    return line.kind is not SettlementKind.FEE and line.movement_id in known


def _by_movement(lines: Iterable[Stated], known: Mapping[UUID, Moved]) -> dict[UUID, list[Stated]]:
    found: dict[UUID, list[Stated]] = {}
    for line in lines:
        if line.movement_id is not None and _is_known(line, known):
            found.setdefault(line.movement_id, []).append(line)
    return found


def _booked_by_movement(booked: Iterable[Booked], known: Mapping[UUID, Moved]) -> dict[UUID, Money]:
    found: dict[UUID, Money] = {}
    for entry in booked:
        if entry.movement_id is not None and entry.movement_id in known:
            found[entry.movement_id] = found.get(entry.movement_id, _NOTHING) + entry.money
    return found


def _foreign(line: Stated) -> Found:
    subject = f"currency:{line.kind}:{line.payment_ref}"
    return Found(subject=subject, kind=DifferenceKind.CURRENCY, ref=line.payment_ref, note=str(line.money))


def _of_movement(
    one: Moved, day_on: date, lines: Sequence[Stated], booked: Money, covers: frozenset[SettlementKind]
) -> Found | None:
    """What does not agree about a movement of ours, if anything."""
    stated = Money.total(line.signed for line in lines)
    kind = _named(one, day_on, lines, stated, covers) if lines or _is_of(one, day_on) else None
    if kind is None and stated == booked:
        return None
    if kind is None:
        kind = DifferenceKind.NOT_BOOKED if lines else DifferenceKind.BOOKED_ALONE
    return Found(
        subject=f"movement:{one.id}", kind=kind, stated=stated, booked=booked, ref=one.payment_ref or "", moved=one
    )


def _is_of(one: Moved, day_on: date) -> bool:
    return one.succeeded and one.settled_on == day_on


def _named(
    one: Moved, day_on: date, lines: Sequence[Stated], stated: Money, covers: frozenset[SettlementKind]
) -> DifferenceKind | None:
    if not lines:
        if one.stated_on is not None:
            return DifferenceKind.OTHER_DAY
        listed = (SettlementKind.PAID_OUT if one.is_payout else SettlementKind.COLLECTED) in covers
        return DifferenceKind.NOT_STATED if listed else DifferenceKind.NOT_LISTED
    if not one.succeeded:
        return DifferenceKind.NOT_TAKEN
    if stated != one.signed:
        return DifferenceKind.TWICE if len(lines) > 1 else DifferenceKind.AMOUNT
    return None if one.settled_on == day_on else DifferenceKind.OTHER_DAY


def _of_the_rest(instance: str, day_on: date, lines: Iterable[Stated], alone: Mapping[str, Money]) -> list[Found]:
    """Fees, money that was sent to our bank account, and what only one side knows."""
    left, found = dict(alone), []
    fees, stated = _NOTHING, dict[tuple[SettlementKind, str], Money]()
    for line in lines:
        if line.kind is SettlementKind.FEE:
            fees += line.signed
        else:
            place = (line.kind, line.payment_ref)
            stated[place] = stated.get(place, _NOTHING) + line.signed
    booked = left.pop(fee_ref(instance, day_on), _NOTHING)
    if fees != booked:
        found.append(Found(subject="fees", kind=DifferenceKind.FEES, stated=fees, booked=booked))
    for (kind, ref), money in stated.items():
        settled = kind is SettlementKind.PAID_OUT
        booked = left.pop(settled_ref(instance, ref), _NOTHING) if settled else _NOTHING
        if money != booked:
            name = DifferenceKind.SETTLED if settled else DifferenceKind.ONLY_STATED
            found.append(Found(subject=f"line:{kind}:{ref}", kind=name, stated=money, booked=booked, ref=ref))
    return found + [
        Found(subject=f"entry:{ref}", kind=DifferenceKind.BOOKED_ALONE, booked=money, ref=ref)
        for ref, money in left.items()
        if money
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementView:
    """The statement of a day as doors see it; `matched` is None until it has been compared."""

    id: UUID
    instance: str
    day_on: date
    state: StatementState
    lines: int
    matched: int
    open: int
    named: int
    stated: Money
    booked: Money
    code: str | None
    fetch_at: datetime | None
    fetched_at: datetime | None
    compared_at: datetime | None

    @property
    def difference(self) -> Money:
        """What the provider says less what the books say."""
        return self.stated - self.booked


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceView:
    """A difference as doors see it; `movement_id` and `contract_id` are ours that it is about."""

    id: UUID
    statement_id: UUID
    instance: str
    day_on: date
    kind: DifferenceKind
    state: DifferenceState
    stated: Money
    booked: Money
    ref: str
    note: str
    movement_id: UUID | None
    is_payout: bool
    contract_id: ContractId | None
    other_on: date | None
    reason: str | None
    found_at: datetime
    closed_at: datetime | None
    closed_by: str | None

    @property
    def difference(self) -> Money:
        """What the provider says less what the books say."""
        return self.stated - self.booked
