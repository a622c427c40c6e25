"""The level rent, unrounded: in closed form where all periods are alike, else from what a rent does to the last balance.

Whatever the conventions, the balance after the last rent is a straight line over the rent: two points give the rent at
which it is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from hub.leasing.schedules.shares import DIGITS, Ratio

_ONE = Decimal(1)


def level_payment(
    financed: Decimal, rate: Decimal, payments: int, *, balloon: Decimal = Decimal(0), in_advance: int = 0
) -> Decimal:
    """The equal payment, unrounded, that pays back `financed` and leaves `balloon` after `payments` periods.

    `rate` a period, `in_advance` how many of the payments are made at the start; the rest follow at the end of the
    first, second … period. Source: present value of an annuity, (A - B·vⁿ) / (k + (1 - vⁿ⁻ᵏ) / i).
    """
    if not rate:
        return (financed - balloon) / payments
    discount = (_ONE + rate) ** -payments
    late = (_ONE - (_ONE + rate) ** (in_advance - payments)) / rate
    return (financed - balloon * discount) / (in_advance + late)


class Leg(NamedTuple):
    """One row of what a rent has to pay back: what the balance bears up to it, how many level rents it is, what is
    paid besides, and whether interest that has run falls due with it."""

    factor: Ratio
    weight: Decimal
    fixed: Decimal
    interest_due: bool = True


def left_at_end(
    financed: Decimal, legs: Sequence[Leg], rent: Decimal, *, interest: Decimal, arrears: Decimal
) -> Decimal:
    """The unrounded balance after the last row, when the level rent is `rent`."""
    balance, running, bearing = financed, interest, arrears
    for (numerator, denominator), weight, fixed, interest_due in legs:
        running += (balance + bearing) * numerator / denominator
        balance -= weight * rent + fixed
        if interest_due:
            balance, running = balance + running, Decimal(0)
        bearing = Decimal(0)
    return balance + running


def solved_rent(
    financed: Decimal, legs: Sequence[Leg], *, interest: Decimal = Decimal(0), arrears: Decimal = Decimal(0)
) -> Decimal:
    """The level rent, unrounded, that leaves nothing after the last row; nothing when no row pays one."""
    with localcontext() as context:
        context.prec = DIGITS
        without = left_at_end(financed, legs, Decimal(0), interest=interest, arrears=arrears)
        slope = left_at_end(financed, legs, _ONE, interest=interest, arrears=arrears) - without
        return -without / slope if slope else Decimal(0)
