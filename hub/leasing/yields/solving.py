"""Any one unknown of a deal of level rents from the others: price, rent, rate, term, residual.

Source: present value of an annuity, A = R·(k + (1 - vⁿ⁻ᵏ) / i) + B·vⁿ, with k rents at the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from hub.leasing.schedules.annuity import level_payment
from hub.leasing.schedules.rules import require
from hub.leasing.yields.rates import Flow, Worth, rate_of

_PRECISION = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Annuity:
    """Level rents by weights: `up_front` of them at the start, the others at the ends of periods; a residual at the
    end of period `residual_after`."""

    periods: int
    up_front: int = 0
    weights: tuple[Decimal, ...] = ()
    residual: Decimal = Decimal(0)
    residual_after: int | None = None

    def times(self) -> list[int]:
        """When each rent is paid, in periods from the start."""
        return [0] * self.up_front + list(range(1, self.periods - self.up_front + 1))

    def flows(self, rent: Decimal) -> tuple[Flow, ...]:
        """What is paid: the rents, and the residual if there is one."""
        weights = self.weights or (Decimal(1),) * self.periods
        paid = [Flow(rent * weight, Fraction(time)) for time, weight in zip(self.times(), weights, strict=True)]
        if self.residual:
            paid.append(Flow(self.residual, Fraction(self.residual_after or self.periods)))
        return tuple(paid)


def worth_at(annuity: Annuity, rent: Decimal, rate: Decimal) -> Decimal:
    """What the rents and the residual are worth at the start, at a rate a period: the price that they pay."""
    with localcontext() as context:
        context.prec = _PRECISION
        return Worth(flows=annuity.flows(rent)).exact(rate)


def rent_of(annuity: Annuity, price: Decimal, rate: Decimal) -> Decimal:
    """The rent, unrounded, that pays a price."""
    with localcontext() as context:
        context.prec = _PRECISION
        usual = not annuity.weights and annuity.residual_after in (None, annuity.periods)
        if usual:
            return level_payment(price, rate, annuity.periods, balloon=annuity.residual, in_advance=annuity.up_front)
        one = Decimal(1)
        without = worth_at(annuity, Decimal(0), rate)
        return (price - without) / (worth_at(annuity, one, rate) - without)


def rate_behind(annuity: Annuity, price: Decimal, rent: Decimal) -> Decimal | None:
    """The rate a period behind a price and its rents; None when there is none."""
    return rate_of(Worth(flows=(Flow(-price, Fraction(0)), *annuity.flows(rent))))


def residual_of(annuity: Annuity, price: Decimal, rent: Decimal, rate: Decimal) -> Decimal:
    """What is left for the end when the rents do not pay all of a price."""
    with localcontext() as context:
        context.prec = _PRECISION
        rents = Annuity(periods=annuity.periods, up_front=annuity.up_front, weights=annuity.weights)
        return (price - worth_at(rents, rent, rate)) * (1 + rate) ** (annuity.residual_after or annuity.periods)


def term_of(price: Decimal, rent: Decimal, rate: Decimal, *, in_advance: bool, residual: Decimal) -> Decimal:
    """How many rents pay a price, down to a residual; the last of them may be a part of one.

    Source: n = ln((R/i - B) / (R/i - A)) / ln(1 + i), R·(1 + i) in place of R in advance.
    """
    with localcontext() as context:
        context.prec = _PRECISION
        if not rate:
            return (price - residual) / rent
        perpetual = rent * (1 + rate if in_advance else 1) / rate
        require(perpetual > price, "fixed_instalment", "must be more than the interest of a period")
        return ((perpetual - residual) / (perpetual - price)).ln() / (1 + rate).ln()
