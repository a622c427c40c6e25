"""What can happen to a running schedule: frozen facts with the day from which they count. `replay` says what they do.

Amounts are in minor units.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Prepayment(StrEnum):
    """What paying back early does to the rents that are still to come."""

    SHORTEN_TERM = "shorten_term"  # the rent stays, the last rents fall away
    LOWER_RENT = "lower_rent"  # the term stays, the rent is solved anew
    NEXT_INSTALMENTS = "next_instalments"  # the next rents pay less principal, the others are as before


class Put(StrEnum):
    """What becomes of the interest of a payment holiday."""

    PAID = "paid"  # interest is paid, principal is not
    DEFERRED = "deferred"  # it falls due, uncompounded, with the first rent after the holiday
    CAPITALISED = "capitalised"  # it is put to the principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepaid:
    """Principal is paid back before it is due."""

    on: date
    amount: int
    how: Prepayment = Prepayment.SHORTEN_TERM


@dataclass(frozen=True, slots=True, kw_only=True)
class Disbursed:
    """More is paid out: what is owed is spread anew over the rents that are still to come."""

    on: date
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChanged:
    """From that day another rate holds; under a flat rate, for the rents that fall due from that day on. The rent is
    solved anew, or stays and the last one takes the difference."""

    on: date
    annual_rate: Decimal
    keep_rent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDateMoved:
    """The rent that falls due on `on`, or first after it, falls due on `to_on`, and later ones on that day of theirs.

    The period that is longer or shorter by it bears interest for its days, or `as_whole` that of any other.
    """

    on: date
    to_on: date
    as_whole: bool = False
    keep_rent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TermExtended:
    """What is owed before the rent of `on`, or the first after it, is spread over more rents than were left."""

    on: date
    periods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """From the rent of `on` so many rents pay no principal; the term grows by as many, or the later rents do."""

    on: date
    periods: int
    interest: Put = Put.PAID
    extends: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BalloonExtended:
    """The balloon is not paid but is spread over new rents at a rate of its own, from the day on which it was due."""

    on: date
    periods: int
    annual_rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrearsSpread:
    """What is due and unpaid is not due any more, but spread over the rents to come, or over new ones from a first
    date; unpaid interest falls due, without bearing interest, with the next rent."""

    on: date
    principal: int
    interest: int = 0
    periods: int | None = None
    first_due_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaid:
    """From that day so much principal that was due is unpaid, and bears interest besides the balance."""

    on: date
    principal: int


Event = (
    Prepaid | Disbursed | RateChanged | DueDateMoved | TermExtended | Holiday | BalloonExtended | ArrearsSpread | Unpaid
)
