"""What being late costs, and how old arrears are: daily, once or every month, of one base or another, up to a cap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from hub.core.dates import add_months, days_between
from hub.core.money import Rounding, quantize
from hub.leasing.schedules.rules import require

_ONE = Decimal(1)


class Charged(StrEnum):
    """How often a penalty is charged."""

    DAILY = "daily"
    ONCE = "once"
    MONTHLY = "monthly"


class Rounded(StrEnum):
    """Where the penalty of several days is rounded."""

    EACH_DAY = "each_day"
    AT_THE_END = "at_the_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRule:
    """What a late rent bears: a share of what is overdue and a fixed amount each time it is charged.

    Nothing within `grace_days`; after them from the due date, or with `grace_is_free` only from their end. With
    `both_ends` the due day counts as well as the day of payment. `cap_share` is of the overdue amount, `cap` in minor
    units.
    """

    share: Decimal = Decimal(0)
    fixed: int = 0
    charged: Charged = Charged.DAILY
    rounded: Rounded = Rounded.EACH_DAY
    grace_days: int = 0
    grace_is_free: bool = False
    both_ends: bool = False
    cap_share: Decimal | None = None
    cap: int | None = None
    rounding: Rounding = Rounding.HALF_UP

    def __post_init__(self) -> None:
        require(self.share >= 0, "share", "must not be negative")
        require(self.fixed >= 0, "fixed", "must not be negative")
        require(self.grace_days >= 0, "grace_days", "must not be negative")
        require(self.cap_share is None or self.cap_share >= 0, "cap_share", "must not be negative")


class Late(NamedTuple):
    """A penalty: how many times it was charged, what one time comes to, and all of it."""

    times: int
    each: Decimal
    total: int


def late_days(due_on: date, as_of: date, rule: LateRule) -> int:
    """The days that bear a penalty."""
    days = days_between(due_on, as_of)
    if days <= rule.grace_days:
        return 0
    return days - (rule.grace_days if rule.grace_is_free else 0) + rule.both_ends


def penalty(overdue: int, due_on: date, as_of: date, rule: LateRule) -> Late:
    """What an amount that was due and is unpaid bears by a day."""
    days = late_days(due_on, as_of, rule)
    if rule.charged is Charged.MONTHLY:
        months = 0
        while days and add_months(due_on, months) < as_of:
            months += 1
        return penalty_of(overdue, months, rule)
    return penalty_of(overdue, days if rule.charged is Charged.DAILY else min(days, 1), rule)


def penalty_of(overdue: int, times: int, rule: LateRule) -> Late:
    """What an overdue amount bears when it is charged so many times."""
    each = overdue * rule.share
    if rule.rounded is Rounded.EACH_DAY or rule.charged is not Charged.DAILY:
        each = quantize(each, _ONE, rule.rounding)
    fixed = rule.fixed * (times if rule.charged is Charged.MONTHLY else min(times, 1))
    total = int(quantize(each * times, _ONE, rule.rounding)) + fixed
    if rule.cap_share is not None:
        total = min(total, int(quantize(overdue * rule.cap_share, _ONE, rule.rounding)))
    return Late(times, each, total if rule.cap is None else min(total, rule.cap))


class Due(NamedTuple):
    """An amount that was due on a day, in minor units."""

    on: date
    amount: int


def buckets_of(
    dues: Sequence[Due], paid: int, as_of: date, bounds: Sequence[tuple[int, int]], grace_days: int = 0
) -> dict[tuple[int, int | None], int]:
    """What is overdue on a day by how many days it has been, each amount by its own age; the oldest is paid first.

    What is younger than the first bucket is in none; what is older than the last stands under that one's end plus one,
    without an end of its own.
    """
    found: dict[tuple[int, int | None], int] = {}
    for due in sorted(dues):
        open_amount = due.amount - min(paid, due.amount)
        paid -= due.amount - open_amount
        age = days_between(due.on, as_of) - grace_days
        if open_amount and age >= bounds[0][0]:
            bucket = next(((low, high) for low, high in bounds if low <= age <= high), (bounds[-1][1] + 1, None))
            found[bucket] = found.get(bucket, 0) + open_amount
    return found
