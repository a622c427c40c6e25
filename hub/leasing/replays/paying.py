"""Money as it comes, early or late, turned into what it does to a schedule: the oldest that is due is paid first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from hub.leasing.replays.cutting import Rows
from hub.leasing.replays.replay import Standing, replay
from hub.leasing.replays.rules import Event, Prepaid, Prepayment, Unpaid
from hub.leasing.schedules.rules import SchedulePlan


class Payment(NamedTuple):
    """So much money, by value date, in minor units."""

    on: date
    amount: int


class Owed(NamedTuple):
    """What of the rents that are due is unpaid."""

    principal: int
    interest: int

    @property
    def total(self) -> int:
        """Both parts."""
        return self.principal + self.interest


def owed_on(rows: Rows, payments: Sequence[Payment], day: date) -> Owed:
    """What is due by a day and unpaid by then, the oldest rent paid first, its interest before its principal."""
    paid = sum(payment.amount for payment in payments if payment.on <= day)
    principal = interest = 0
    for row in rows:
        if row.due_on <= day:
            to_interest = min(paid, row.interest_minor)
            to_principal = min(paid - to_interest, row.principal_minor)
            paid -= to_interest + to_principal
            interest += row.interest_minor - to_interest
            principal += row.principal_minor - to_principal
    return Owed(principal, interest)


def prepaying(
    plan: SchedulePlan, payments: Sequence[Payment], how: Prepayment, before: Sequence[Event] = ()
) -> tuple[Standing, tuple[Prepaid, ...]]:
    """A schedule after money has come: what is due is paid, and what is over pays back principal in this way.

    Returns the schedule, and what was paid back early. `before` is what has happened to it besides.
    """
    prepaid: list[Prepaid] = []
    standing, to_rents = replay(plan, before), 0
    for payment in sorted(payments):
        due = sum(row.principal_minor + row.interest_minor for row in standing.rows if row.due_on <= payment.on)
        to_due = min(payment.amount, due - to_rents)
        to_rents += to_due
        if over := payment.amount - to_due:
            prepaid.append(Prepaid(on=payment.on, amount=over, how=how))
            standing = replay(plan, [*before, *prepaid])
    return standing, tuple(prepaid)


def running_on_arrears(plan: SchedulePlan, payments: Sequence[Payment], as_of: date) -> Standing:
    """A schedule under which principal that is due but unpaid bears interest, day by day, up to a day.

    After that day the schedule is told as if everything due had been paid.
    """
    rows = replay(plan, ()).rows
    days = {row.due_on for row in rows[:-1]} | {payment.on for payment in payments} | {as_of}
    events: list[Unpaid] = []
    standing, bearing = replay(plan, ()), 0
    for day in sorted(day for day in days if plan.starts_on < day <= as_of and day < rows[-1].due_on):
        unpaid = 0 if day == as_of else owed_on(standing.rows, payments, day).principal
        if unpaid or bearing:
            events.append(Unpaid(on=day, principal=unpaid))
            standing, bearing = replay(plan, events), unpaid
    return standing
