"""What settles a lease today: arrears, penalties, remaining principal, interest to the day, and the fee; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import assert_never

from hub.core.dates import add_months, days_between
from hub.core.errors import RuleBroken
from hub.core.money import Money
from hub.leasing.instalments.rules import OWED, Instalment, InstalmentState
from hub.leasing.products.rules import InterestUntil
from hub.leasing.servicing.rules import PayoffTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Payoff:
    """The parts of an early settlement."""

    arrears: Money
    penalty: Money
    principal: Money
    interest: Money
    fee: Money

    @property
    def total(self) -> Money:
        """What the lessee pays."""
        return self.arrears + self.penalty + self.principal + self.interest + self.fee


def running_interest(running: Instalment, start_on: date, as_of: date, until: InterestUntil) -> Money:
    """The interest of the period that runs from `start_on` to the due date of `running`.

    To the settlement day: by actual days over the days of the period, rounded half up. To the period's end: all of it,
    once the period has begun.
    """
    whole = days_between(start_on, running.due_on)
    elapsed = min(max(days_between(start_on, as_of), 0), whole)
    if not elapsed:
        return Money.zero(running.interest.currency)
    match until:
        case InterestUntil.SETTLEMENT_DAY:
            return running.interest.times(Decimal(elapsed) / Decimal(whole))
        case InterestUntil.PERIOD_END:
            return running.interest
        case _:
            assert_never(until)


def last_valid_day(instalments: Sequence[Instalment], as_of: date, longest: timedelta) -> date:
    """The last day on which a quote of `as_of` may be taken: before the next rent falls due, which would change it."""
    next_due = min(one.due_on for one in instalments if one.state is InstalmentState.SCHEDULED)
    return min(as_of + longest, next_due - timedelta(days=1))


def payoff(instalments: Sequence[Instalment], terms: PayoffTerms, opened_on: date, as_of: date) -> Payoff:
    """What settles the lease on `as_of`; raises RuleBroken within the lock-in or when nothing is left to settle."""
    free_on = add_months(opened_on, terms.lock_in_months)
    if as_of < free_on:
        raise RuleBroken("payoff_locked_in", until=free_on)
    scheduled = [one for one in instalments if one.state is InstalmentState.SCHEDULED]
    if not scheduled:
        raise RuleBroken("nothing_to_settle", as_of=as_of)
    owed = [one for one in instalments if one.state in OWED]
    running = min(scheduled, key=lambda one: one.due_on)
    fallen = [one.due_on for one in instalments if one.due_on < running.due_on]
    principal = Money.total(one.principal for one in scheduled)
    return Payoff(
        arrears=Money.total(one.rent_left for one in owed),
        penalty=Money.total(one.penalty_left for one in owed),
        principal=principal,
        interest=running_interest(running, max(fallen, default=opened_on), as_of, terms.interest_until),
        fee=principal.times(terms.fee_share),
    )
