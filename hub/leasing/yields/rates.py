"""The rate at which amounts at different times are worth nothing together, and rates said in other ways.

A root is looked for in floating point, since that only chooses where to look, and then made exact in Decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

_PRECISION = 50
_TOLERANCE = Decimal("1e-30")
_HALVINGS = 80
_STEPS = 12
# Where a sign may change, outwards from nothing: rates a period, of a loan as of a pawnshop.
_NEAR = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9)
_GRID = (*(-one for one in reversed(_NEAR)), 0.0, *_NEAR, 1.5, 3.0, 10.0, 100.0, 1e4, 1e6)


class Flow(NamedTuple):
    """An amount at a time in periods or years: `whole` of them compounded, and `odd`, a part of one, simple or not."""

    amount: Decimal
    whole: Fraction
    odd: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What flows are worth at a rate; the odd part of a period is discounted simply where the law says so."""

    flows: tuple[Flow, ...]
    simple_odd: bool = False

    def near(self, rate: float) -> float:
        """About what they are worth."""
        total = 0.0
        for amount, whole, odd in self.flows:
            if self.simple_odd:
                total += float(amount) / ((1 + rate * float(odd)) * (1 + rate) ** float(whole))
            else:
                total += float(amount) / (1 + rate) ** float(whole + odd)
        return total

    def exact(self, rate: Decimal) -> Decimal:
        """What they are worth."""
        total = Decimal(0)
        for amount, whole, odd in self.flows:
            if self.simple_odd:
                total += amount / ((1 + rate * _decimal(odd)) * (1 + rate) ** _decimal(whole))
            else:
                total += amount / (1 + rate) ** _decimal(whole + odd)
        return total


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / value.denominator


def rate_of(worth: Worth) -> Decimal | None:
    """The rate nearest to nothing at which the flows are worth nothing, exact to 25 digits; None when there is none."""
    place = _place(worth.near)
    if place is None:
        return None
    with localcontext() as context:
        context.prec = _PRECISION
        return _polished(worth.exact, Decimal(place))


def _place(value: Callable[[float], float]) -> float | None:
    """About where a function is nothing: the change of sign nearest to nothing."""
    found: list[tuple[float, float]] = []
    for low, high in pairwise(_GRID):
        try:
            if value(low) == 0:
                return low
            if (value(low) < 0) != (value(high) < 0):
                found.append((low, high))
        except (OverflowError, ZeroDivisionError):
            continue
    if not found:
        return None
    low, high = min(found, key=lambda one: min(abs(one[0]), abs(one[1])))
    below = value(low) < 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if (value(middle) < 0) == below else (low, middle)
    return (low + high) / 2


def _polished(value: Callable[[Decimal], Decimal], place: Decimal) -> Decimal | None:
    """The root near a place, by the secant."""
    before, now = place - Decimal("1e-7"), place
    worth_before, worth_now = value(before), value(now)
    for _ in range(_STEPS):
        if worth_now == worth_before or abs(now - before) < _TOLERANCE:
            break
        try:
            following = now - worth_now * (now - before) / (worth_now - worth_before)
        except (InvalidOperation, DivisionByZero, Overflow):
            return None
        before, worth_before = now, worth_now
        now, worth_now = following, value(following)
    return now


def periodic(amounts: Sequence[Decimal]) -> Worth:
    """Amounts at the ends of periods that are all alike, the first of them now."""
    return Worth(flows=tuple(Flow(amount, Fraction(number)) for number, amount in enumerate(amounts) if amount))


def effective(rate: Decimal, periods_a_year: int) -> Decimal:
    """A rate a period as an effective annual one: (1 + i)ⁿ - 1."""
    with localcontext() as context:
        context.prec = _PRECISION
        return (1 + rate) ** periods_a_year - 1


def flat_rate(charges: Decimal, principal: Decimal, years: Decimal) -> Decimal:
    """What charges come to as a flat rate a year on the whole principal."""
    return charges / principal / years
