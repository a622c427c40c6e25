"""On which day what is owed is debited: how a refused debit is tried again, how far one may be put off; pure."""

from __future__ import annotations

from datetime import date, timedelta

from hub.core.ports.payments import RejectionAdvice

# Days after a refused debit on which the next is tried; after the last one a person takes over.
RETRY_AFTER_DAYS = (1, 2, 4, 7)


def retry_on(refused_on: date, attempts: int, advice: RejectionAdvice | None) -> date | None:
    """When a debit that was refused for the `attempts`-th time (from 1) is tried again; None when a machine should not."""
    if advice in (RejectionAdvice.DO_NOT_RETRY, RejectionAdvice.NEW_MANDATE):
        return None
    if attempts > len(RETRY_AFTER_DAYS):
        return None
    return refused_on + timedelta(days=RETRY_AFTER_DAYS[max(attempts, 1) - 1])


# A debit is not put off further than this.
FURTHEST_DAYS = 31


def day_problem(wanted_on: date, today: date) -> str | None:
    """Why nothing can be debited on a day; None when it can."""
    if wanted_on < today:
        return "lies in the past"
    if wanted_on > today + timedelta(days=FURTHEST_DAYS):
        return f"is more than {FURTHEST_DAYS} days away"
    return None
