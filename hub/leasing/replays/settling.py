"""What settles a schedule before its end: to the day or to the next due date, with one rebate of interest or another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import assert_never

from hub.core.money import Rounding, quantize
from hub.leasing.replays.cutting import cut_at
from hub.leasing.replays.paying import Owed
from hub.leasing.schedules.rules import SchedulePlan, require
from hub.leasing.schedules.schedule import build
from hub.leasing.schedules.shares import DIGITS

_ONE = Decimal(1)


class Rebate(StrEnum):
    """What of the interest to come a settlement need not pay."""

    TO_THE_DAY = "to_the_day"  # all of it after the day
    TO_NEXT_DUE = "to_next_due"  # all of it after the next due date
    RULE_OF_78 = "rule_of_78"  # the share of the sum of the digits
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What settles a schedule on a day, in minor units: what is overdue, the balance, and interest on it."""

    overdue: int
    principal: int
    interest: int
    fee: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.overdue + self.principal + self.interest + self.fee


def settled(
    plan: SchedulePlan, on: date, rebate: Rebate, *, overdue: Owed = Owed(0, 0), fee_share: Decimal = Decimal(0)
) -> Settlement:
    """What settles a plan on a day on which something is still to fall due; the fee is a share of the balance."""
    cut, rows = cut_at(plan, on), build(plan)
    ahead, principal = rows[len(cut.done) :], cut.rest.financed.minor
    match rebate:
        case Rebate.TO_THE_DAY:
            interest = cut.rest.brought.interest
        case Rebate.TO_NEXT_DUE:
            interest = (
                build(cut.rest)[0].interest_minor if on > (cut.done[-1].due_on if cut.done else plan.starts_on) else 0
            )
        case Rebate.RULE_OF_78:
            charges = sum(row.interest_minor for row in rows)
            back = rule_of_78(Decimal(charges), len(rows), len(cut.done))
            interest = sum(row.interest_minor for row in ahead) - int(quantize(back, _ONE, plan.rounding))
        case Rebate.NONE:
            interest = sum(row.interest_minor for row in ahead)
        case _:
            assert_never(rebate)
    fee = int(quantize(principal * fee_share, _ONE, plan.rounding))
    return Settlement(overdue=overdue.total, principal=principal, interest=interest, fee=fee)


def rule_of_78(charges: Decimal, periods: int, passed: int) -> Decimal:
    """The rebate of all charges after some of the periods, by the sum of the digits: F · U(U+1) / (T(T+1)).

    Source: the sum of the digits, which 15 U.S.C. 1615 forbids for consumer credit of more than 61 months.
    """
    require(0 <= passed <= periods, "periods_paid", "must lie in the term")
    unexpired = periods - passed
    return charges * unexpired * (unexpired + 1) / (periods * (periods + 1))


def digits_interest(charges: Decimal, periods: int, number: int) -> Decimal:
    """What of all charges falls to one period, counted from 1, by the sum of the digits."""
    return charges * 2 * (periods - number + 1) / (periods * (periods + 1))


def period_rate(effective: Decimal, periods_a_year: int, digits: int | None) -> Decimal:
    """An effective annual rate as one a period, rounded half up to so many digits if a rule says so."""
    with localcontext() as context:
        context.prec = DIGITS
        rate = (1 + effective) ** (_ONE / periods_a_year) - 1
        return rate if digits is None else quantize(rate, _ONE.scaleb(-digits), Rounding.HALF_UP)


def accrued_less_paid(credit: Decimal, instalment: Decimal, rate: Decimal, paid: int, part: Decimal) -> Decimal:
    """What a credit has grown to at a rate a period, less what its instalments have: settles it, `part` of a period
    after the last one that was paid.

    Source: The Consumer Credit (Early Settlement) Regulations 2004 (UK SI 2004/1483), regulation 4.
    """
    with localcontext() as context:
        context.prec = DIGITS
        grown = 1 + rate
        worth = credit * grown**paid
        worth -= sum((instalment * grown ** (paid - number) for number in range(1, paid + 1)), Decimal(0))
        return worth * grown**part
