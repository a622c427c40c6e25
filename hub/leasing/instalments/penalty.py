"""The penalty of a late rent, a day at a time; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hub.core.dates import each_day
from hub.core.money import Money
from hub.leasing.instalments.rules import Instalment, PenaltyTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Accrual:
    """The penalty of one day; negative when it takes back."""

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
    if start_on > today:
        return ()
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


def as_of(instalment: Instalment, accrued: Iterable[Accrual], day: date) -> Instalment:
    """The instalment as it stood on an earlier day: without the penalties of later days, but for what of them is paid."""
    borne = Money.total(row.money for row in accrued if row.accrued_on <= day)
    return replace(instalment, penalty=min(max(borne, instalment.paid_penalty), instalment.penalty))


@dataclass(frozen=True, slots=True, kw_only=True)
class RentPayment:
    """So much of a rent was paid, by value date."""

    paid_on: date
    money: Money


def undue(
    rent: Money, accrued: Iterable[Accrual], paid: Sequence[RentPayment], terms: PenaltyTerms
) -> tuple[Accrual, ...]:
    """What of each day's penalty must be taken back, now that all payments of the rent are known by their value dates.

    A day bears no more than the penalty of the rent that was open when it began. `accrued` holds what was taken back
    before as negative rows.
    """
    excess = (replace(row, money=row.money - _borne_at_most(rent, paid, terms, row.accrued_on)) for row in net(accrued))
    return tuple(row for row in excess if row.money.minor > 0)


def _borne_at_most(rent: Money, paid: Sequence[RentPayment], terms: PenaltyTerms, day: date) -> Money:
    open_rent = rent - Money.total(payment.money for payment in paid if payment.paid_on < day)
    return open_rent.times(terms.daily_rate)


def net(accrued: Iterable[Accrual]) -> tuple[Accrual, ...]:
    """What each day still bears, after what was taken back of it; in order of days."""
    days: dict[date, Accrual] = {}
    for row in accrued:
        held = days.get(row.accrued_on)
        days[row.accrued_on] = row if held is None else replace(held, money=held.money + row.money)
    return tuple(days[day] for day in sorted(days))


def newest(accrued: Sequence[Accrual], most: Money) -> tuple[Accrual, ...]:
    """So much of the days' penalties as comes to `most`, from the newest day back."""
    rows: list[Accrual] = []
    for row in sorted(accrued, key=lambda one: one.accrued_on, reverse=True):
        money = min(row.money, most)
        if money.minor > 0:
            rows.append(replace(row, money=money))
            most = most - money
    return tuple(rows)
