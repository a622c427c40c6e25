"""The penalty of a late rent, a day at a time; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from hub.core.dates import each_day
from hub.core.money import Money
from hub.leasing.servicing.rules import Instalment, PenaltyTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Accrual:
    """The penalty of one day."""

    accrued_on: date
    money: Money


def first_penalty_day(due_on: date, terms: PenaltyTerms) -> date:
    """The first day that bears a penalty: the day after the grace days have run out."""
    return due_on + timedelta(days=terms.grace_days + 1)


def accruals(instalment: Instalment, terms: PenaltyTerms, today: date) -> tuple[Accrual, ...]:
    """Every day's penalty since the last accrual, `today` included, each rounded half up, up to the cap.

    A day bears `daily_rate` of the rent that is still unpaid that day; one day's penalty never bears another's.
    """
    start_on = first_penalty_day(instalment.due_on, terms)
    if instalment.penalty_through_on is not None:
        start_on = max(start_on, instalment.penalty_through_on + timedelta(days=1))
    daily = instalment.rent_left.times(terms.daily_rate)
    room = None if terms.cap_share is None else instalment.rent.times(terms.cap_share) - instalment.penalty
    rows: list[Accrual] = []
    for day in each_day(start_on, today):
        money = daily if room is None else min(daily, room)
        if money.minor <= 0:
            break
        rows.append(Accrual(accrued_on=day, money=money))
        room = None if room is None else room - money
    return tuple(rows)


def undue(accrued: tuple[Accrual, ...], paid_on: date, due_on: date, terms: PenaltyTerms) -> Money:
    """What must be taken back when it turns out that a rent was paid in full on `paid_on`: every later day's penalty,
    and all of it when the payment lies within the grace days."""
    within_grace = paid_on < first_penalty_day(due_on, terms)
    return Money.total(row.money for row in accrued if within_grace or row.accrued_on > paid_on)
