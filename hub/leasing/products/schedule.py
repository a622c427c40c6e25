"""From a financed amount to instalments, exact to the cent: the sum of the principal parts is the financed amount.

Pure and in whole minor units, since a portfolio has millions of instalments; Decimal only where a rate comes in. A
method says how principal and interest run, `due_dates` when they fall due; a further method, period or day count is
one more function here. Penalties and what has been paid are servicing's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from hub.core.dates import add_months
from hub.core.money import Money, Rounding, exponent, quantize
from hub.leasing.products.rules import Method, Residue, require

NOTHING = Money(0)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePlan:
    """What a schedule is made from.

    `annual_rate` is a fraction, a month bears a twelfth of it (30/360). `balloon` is paid at the end of the term: with
    the last instalment in arrears; in advance on its own, a month after the last, the month's interest inside it.
    `interest_only` counts instalments at the start that pay no principal. `instalment_unit` is in major units.
    """

    financed: Money
    annual_rate: Decimal
    term: int
    starts_on: date
    method: Method = Method.EQUAL_INSTALMENTS
    in_advance: bool = False
    balloon: Money = NOTHING
    interest_only: int = 0
    rounding: Rounding = Rounding.HALF_UP
    instalment_unit: Decimal = Decimal("0.01")
    residue: Residue = Residue.LAST_INSTALMENT

    def __post_init__(self) -> None:
        interest_first = self.method is Method.INTEREST_FIRST
        require(self.financed.minor > 0, "financed", "must be more than nothing")
        require(self.term >= 1, "term", "must be at least one instalment")
        require(self.annual_rate >= 0, "annual_rate", "must not be negative")
        require(0 <= self.balloon.minor < self.financed.minor, "balloon", "must be less than the financed amount")
        require(0 <= self.interest_only < self.term, "interest_only", "must leave an instalment that pays principal")
        unit = self.instalment_unit.scaleb(exponent(self.financed.currency))
        require(unit >= 1 and unit % 1 == 0, "instalment_unit", "must be a whole number of minor units")
        alone = interest_first or self.interest_only > 0
        require(not (self.in_advance and alone), "in_advance", "interest alone is paid in arrears")
        require(
            not (interest_first and self.balloon), "balloon", "interest first leaves the whole principal to the end"
        )

    @property
    def monthly_rate(self) -> Decimal:
        """Interest of one month as a fraction."""
        return self.annual_rate / 12


class ScheduledInstalment(NamedTuple):
    """One instalment, in minor units inside (a tuple, for speed) and as Money by its properties."""

    number: int
    due_on: date
    principal_minor: int
    interest_minor: int
    balance_minor: int
    currency: str

    @property
    def principal(self) -> Money:
        """What it pays back."""
        return Money(self.principal_minor, self.currency)

    @property
    def interest(self) -> Money:
        """What it pays for the use of the money."""
        return Money(self.interest_minor, self.currency)

    @property
    def rent(self) -> Money:
        """What is paid: principal and interest."""
        return Money(self.principal_minor + self.interest_minor, self.currency)

    @property
    def balance_after(self) -> Money:
        """Principal still owed once it is paid."""
        return Money(self.balance_minor, self.currency)


Portion = tuple[int, int]  # principal and interest, in minor units


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


def due_dates(anchor_on: date, count: int, *, first: int = 1) -> list[date]:
    """`count` monthly dates from the anchor, the first of them `first` months after it, each clamped to its month."""
    return [add_months(anchor_on, months) for months in range(first, first + count)]


def _half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2))


# A quotient as a whole number, for numerators that are not negative: `quantize` in integers, three times as fast.
_QUOTIENT: dict[Rounding, Callable[[int, int], int]] = {
    Rounding.HALF_UP: lambda numerator, denominator: (2 * numerator + denominator) // (2 * denominator),
    Rounding.HALF_EVEN: _half_even,
    Rounding.UP: lambda numerator, denominator: -(-numerator // denominator),
    Rounding.DOWN: lambda numerator, denominator: numerator // denominator,
}


class _Arithmetic:
    """A plan in minor units: its amounts, its rounding, and the interest on a balance."""

    __slots__ = ("_month", "_quotient", "_rate", "financed", "left_to_end", "payments", "plan", "rate", "unit")

    def __init__(self, plan: SchedulePlan) -> None:
        self.plan = plan
        self.financed = plan.financed.minor
        self.rate = plan.monthly_rate
        self.payments = plan.term - plan.interest_only
        self.unit = int(plan.instalment_unit.scaleb(exponent(plan.financed.currency)))
        self._rate, year = plan.annual_rate.as_integer_ratio()
        self._month = 12 * year
        self._quotient = _QUOTIENT[plan.rounding]
        # The principal that the rents leave to the balloon; a flat rate's interest is all in the rents.
        grows = plan.in_advance and plan.method is not Method.FLAT
        self.left_to_end = self.rounded(plan.balloon.minor / (_ONE + self.rate)) if grows else plan.balloon.minor

    def rounded(self, value: Decimal, unit: int = 1) -> int:
        """The nearest whole number of `unit`, in the plan's rounding."""
        return int(quantize(value, Decimal(unit), self.plan.rounding))

    def interest(self, balance: int, unit: int = 1) -> int:
        """Interest of one month on a balance, a whole number of `unit`."""
        return self._quotient(balance * self._rate, self._month * unit) * unit


def _equal_instalments(sums: _Arithmetic) -> Iterator[Portion]:
    """等额本息: the same rent each month, more of it principal each time."""
    plan, advance, interest_on = sums.plan, sums.plan.in_advance, sums.interest
    exact = level_payment(Decimal(sums.financed), sums.rate, sums.payments, balloon=Decimal(plan.balloon.minor))
    rent = sums.rounded(exact / (_ONE + sums.rate) if advance else exact, sums.unit)
    left, beyond = sums.financed - sums.left_to_end, sums.left_to_end
    for number in range(1, sums.payments):
        interest = 0 if advance and number == 1 else interest_on(left + beyond)
        principal = rent - interest
        if not 0 <= principal <= left:  # only where the rounding of the rent is coarse
            principal = max(0, min(principal, left))
        left -= principal
        yield principal, interest
    interest = 0 if advance and sums.payments == 1 else interest_on(left + beyond)
    if plan.residue is Residue.LAST_INTEREST and not advance:
        interest = max(0, rent - left)
    yield left, interest


def _equal_principal(sums: _Arithmetic) -> Iterator[Portion]:
    """等额本金: the same principal each month, interest on what is left."""
    share = sums.rounded(Decimal(sums.financed - sums.left_to_end) / sums.payments, sums.unit)
    balance = sums.financed
    for number in range(1, sums.payments + 1):
        interest = 0 if sums.plan.in_advance and number == 1 else sums.interest(balance, sums.unit)
        left = balance - sums.left_to_end
        principal = left if number == sums.payments else min(share, left)
        balance -= principal
        yield principal, interest


def _flat(sums: _Arithmetic) -> Iterator[Portion]:
    """等本等息: the same principal and the same interest each month, the interest on the whole financed amount."""
    exact = sums.financed * sums.rate
    interest = sums.rounded(exact)
    rent = sums.rounded(Decimal(sums.financed - sums.left_to_end) / sums.payments + exact, sums.unit)
    left, interest_left = sums.financed - sums.left_to_end, sums.rounded(exact * sums.payments)
    for number in range(1, sums.payments + 1):
        last = number == sums.payments
        bears = interest_left if last else min(interest, interest_left)
        principal = left if last else max(0, min(rent - interest, left))
        left, interest_left = left - principal, interest_left - bears
        yield principal, bears


def _interest_first(sums: _Arithmetic) -> Iterator[Portion]:
    """先息后本: interest each month, the whole principal with the last."""
    interest = sums.interest(sums.financed)
    for _ in range(1, sums.payments):
        yield 0, interest
    yield sums.financed, interest


_METHODS: dict[Method, Callable[[_Arithmetic], Iterator[Portion]]] = {
    Method.EQUAL_INSTALMENTS: _equal_instalments,
    Method.EQUAL_PRINCIPAL: _equal_principal,
    Method.FLAT: _flat,
    Method.INTEREST_FIRST: _interest_first,
}


def _portions(plan: SchedulePlan) -> list[Portion]:
    """Principal and interest of every instalment, the interest-only ones first and the balloon at the end."""
    sums = _Arithmetic(plan)
    portions = [(0, sums.interest(sums.financed))] * plan.interest_only
    portions.extend(_METHODS[plan.method](sums))
    if plan.in_advance and plan.balloon:
        portions.append((sums.left_to_end, plan.balloon.minor - sums.left_to_end))
    elif plan.balloon:
        principal, interest = portions[-1]
        portions[-1] = principal + sums.left_to_end, interest
    return portions


def build(plan: SchedulePlan) -> tuple[ScheduledInstalment, ...]:
    """The schedule of a plan, in order of due date; the last balance is nothing."""
    portions = _portions(plan)
    currency, balance = plan.financed.currency, plan.financed.minor
    dates = due_dates(plan.starts_on, len(portions), first=0 if plan.in_advance else 1)
    schedule = []
    for number, (principal, interest) in enumerate(portions):
        balance -= principal
        schedule.append(ScheduledInstalment(number + 1, dates[number], principal, interest, balance, currency))
    return tuple(schedule)
