"""What settles a lease today: arrears, penalties, remaining principal, interest to the day, and the fee; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hub.core.dates import add_months, days_between
from hub.core.errors import RuleBroken
from hub.core.money import Money
from hub.leasing.servicing.rules import OWED, Instalment, InstalmentState, PayoffTerms


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


def interest_to_the_day(
    scheduled: Sequence[Instalment], opened_on: date, last_due_on: date | None, as_of: date
) -> Money:
    """The running period's interest, by actual days over the days of the period, rounded half up."""
    if not scheduled:
        return Money.zero()
    running = min(scheduled, key=lambda one: one.due_on)
    start_on = last_due_on or opened_on
    whole = days_between(start_on, running.due_on)
    elapsed = min(max(days_between(start_on, as_of), 0), whole)
    return running.interest.times(Decimal(elapsed) / Decimal(whole)) if whole > 0 else Money.zero()


def payoff(instalments: Sequence[Instalment], terms: PayoffTerms, opened_on: date, as_of: date) -> Payoff:
    """What settles the lease on `as_of`; raises RuleBroken within the lock-in or when nothing is left to settle."""
    free_on = add_months(opened_on, terms.lock_in_months)
    if as_of < free_on:
        raise RuleBroken("payoff_locked_in", until=free_on)
    scheduled = [one for one in instalments if one.state is InstalmentState.SCHEDULED]
    if not scheduled:
        raise RuleBroken("nothing_to_settle", as_of=as_of)
    owed = [one for one in instalments if one.state in OWED]
    fallen = [one.due_on for one in instalments if one.state is not InstalmentState.SCHEDULED]
    principal = Money.total(one.principal for one in scheduled)
    return Payoff(
        arrears=Money.total(one.rent_left for one in owed),
        penalty=Money.total(one.penalty_left for one in owed),
        principal=principal,
        interest=interest_to_the_day(scheduled, opened_on, max(fallen, default=None), as_of),
        fee=principal.times(terms.fee_share),
    )
