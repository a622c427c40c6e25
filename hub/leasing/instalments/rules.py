"""An instalment and its states, the terms of its penalty, and how late it is: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hub.core.ids import InstalmentId
from hub.core.money import Money


class InstalmentState(StrEnum):
    """How far an instalment has come."""

    SCHEDULED = "scheduled"
    DUE = "due"
    OVERDUE = "overdue"
    PAID = "paid"
    CANCELLED = "cancelled"


OPEN = frozenset({InstalmentState.SCHEDULED, InstalmentState.DUE, InstalmentState.OVERDUE})
OWED = frozenset({InstalmentState.DUE, InstalmentState.OVERDUE})


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyTerms:
    """The product's penalty rule: `daily_rate` of the overdue principal and interest, after `grace_days`, up to
    `cap_share` of the rent (None = no cap)."""

    daily_rate: Decimal
    grace_days: int
    cap_share: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """One rent as the rules see it; penalties are what has been accrued less what was taken back."""

    id: InstalmentId
    number: int
    due_on: date
    principal: Money
    interest: Money
    penalty: Money
    paid_principal: Money
    paid_interest: Money
    paid_penalty: Money
    state: InstalmentState
    charge_on: date | None
    attempts: int
    penalty_through_on: date | None

    @property
    def rent(self) -> Money:
        """What falls due: principal and interest."""
        return self.principal + self.interest

    @property
    def rent_left(self) -> Money:
        """Principal and interest that are still to be paid."""
        return self.rent - self.paid_principal - self.paid_interest

    @property
    def penalty_left(self) -> Money:
        """Penalty that is still to be paid."""
        return self.penalty - self.paid_penalty

    @property
    def left(self) -> Money:
        """Everything of this instalment that is still to be paid."""
        return self.rent_left + self.penalty_left


def days_past_due(due_on: date, today: date) -> int:
    """Days past due (逾期天数): 0 on the due date itself and before."""
    return max((today - due_on).days, 0)
