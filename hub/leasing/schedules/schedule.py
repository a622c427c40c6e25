"""From a financed amount to instalments, exact to the minor unit: the sum of the principal parts is the financed amount.

Pure and in whole numbers, since a portfolio has millions of instalments; Decimal only where a rate comes in. A method
says how principal and interest run, `shares` what a period bears, `dues` when rents fall due. Penalties and what has
been paid are servicing's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hub.core.money import Rounding, exponent, quantize
from hub.leasing.schedules.annuity import Leg, level_payment, solved_rent
from hub.leasing.schedules.dues import balloon_due, due_dates, dues_of
from hub.leasing.schedules.rules import LevelRate, Method, Residue, ScheduledInstalment, SchedulePlan
from hub.leasing.schedules.shares import Ratio, factors_of, nominal_factor

Portion = tuple[int, int]  # principal and interest, in minor units
_ONE = Decimal(1)


def _half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2))


# A quotient as a whole number, for numerators that are not negative: `quantize` in integers, three times as fast.
QUOTIENT: dict[Rounding, Callable[[int, int], int]] = {
    Rounding.HALF_UP: lambda numerator, denominator: (2 * numerator + denominator) // (2 * denominator),
    Rounding.HALF_EVEN: _half_even,
    Rounding.UP: lambda numerator, denominator: -(-numerator // denominator),
    Rounding.DOWN: lambda numerator, denominator: numerator // denominator,
}


class Sums:
    """A plan in minor units: its amounts, its rounding, its rents, and the interest on a balance in a period."""

    __slots__ = ("_quotient", "amount_unit", "factors", "financed", "left_to_end", "payments", "plan", "rate", "unit")

    def __init__(self, plan: SchedulePlan) -> None:
        self.plan = plan
        self.financed = plan.financed.minor
        self.payments = plan.term - plan.interest_only
        self.unit = int(plan.instalment_unit.scaleb(exponent(plan.financed.currency)))
        self.amount_unit = plan.reckoning.amount_unit
        self._quotient = QUOTIENT[plan.rounding]
        self.factors = self._factors()
        # The principal that the rents leave to the balloon; a flat rate's interest is all in the rents.
        grows = plan.in_advance and plan.method is not Method.FLAT
        balloon = plan.balloon.minor
        self.left_to_end = self.rounded(balloon / (_ONE + self.rate)) if grows else balloon

    def _factors(self) -> Sequence[Ratio]:
        plan = self.plan
        self.rate = plan.annual_rate / 12
        numerator, denominator = plan.annual_rate.as_integer_ratio()
        factors = [(numerator, 12 * denominator)] * plan.term
        if plan.in_advance:
            factors[0] = (0, 1)
        return factors

    def rounded(self, value: Decimal, unit: int = 1) -> int:
        """The nearest whole number of `unit`, in the plan's rounding."""
        return int(quantize(value, Decimal(unit), self.plan.rounding))

    def interest(self, number: int, balance: int, unit: int = 1) -> int:
        """The interest that falls due with a row, counted from 0, on the balance before it: a whole number of `unit`."""
        numerator, denominator = self.factors[number]
        return self._quotient(balance * numerator, denominator * unit) * unit

    def level(self) -> Decimal:
        """The level rent, unrounded."""
        plan = self.plan
        rent = level_payment(Decimal(self.financed), self.rate, self.payments, balloon=Decimal(plan.balloon.minor))
        return rent / (_ONE + self.rate) if plan.in_advance else rent

    def rent(self) -> int:
        """The level rent that is asked for."""
        return self.rounded(self.level(), self.unit)

    def rents(self, rent: int) -> Sequence[int]:
        """The rent of every row that pays principal."""
        return [rent] * self.payments

    def flat(self) -> Decimal:
        """What a flat rate bears over the whole term, unrounded."""
        return self.financed * self.rate * self.payments

    def restart(self) -> None:
        """Forget the interest that has run: the schedule is made once more."""


class ShapedSums(Sums):
    """The sums of a plan that is not plain: every row may have its own days, weight and rent; interest may run on."""

    __slots__ = ("_dues", "_own_balloon", "_run")

    def __init__(self, plan: SchedulePlan) -> None:
        self._own_balloon = bool(plan.balloon) and (plan.in_advance or plan.shape.balloon_after is not None)
        self._dues = dues_of(plan, plan.term)
        self._run = Fraction(0)
        super().__init__(plan)
        if self._own_balloon and plan.method is not Method.FLAT:
            numerator, denominator = self.factors[plan.term]
            grown = Decimal(denominator + numerator) / denominator
            self.left_to_end = self.rounded(Decimal(plan.balloon.minor) / grown, self.amount_unit)

    def _factors(self) -> Sequence[Ratio]:
        numerator, denominator = nominal_factor(self.plan)
        self.rate = Decimal(numerator) / denominator
        return factors_of(self.plan, self._dues, self._own_balloon)

    def interest(self, number: int, balance: int, unit: int = 1) -> int:
        """As in the plain case, and with what has run before: brought along, or not yet put to the capital."""
        plan = self.plan
        unit, every = max(unit, self.amount_unit), plan.reckoning.capitalised_every
        numerator, denominator = self.factors[number]
        brought = plan.brought if number == 0 else None
        bearing = balance + (brought.arrears if brought else 0)
        due = brought.interest if brought else 0
        if every == 1:
            return self._quotient(bearing * numerator, denominator * unit) * unit + due
        self._run += Fraction(bearing * numerator, denominator) + due
        if (number + 1) % every and number + 1 < plan.term:
            return 0
        run, self._run = self._run, Fraction(0)
        return self._quotient(run.numerator, run.denominator * unit) * unit

    def restart(self) -> None:
        """Forget the interest that has run: the schedule is made once more."""
        self._run = Fraction(0)

    def level(self) -> Decimal:
        """The level rent, unrounded, under the plan's own days, weights and fixed rents."""
        plan = self.plan
        brought = plan.brought
        legs = self._legs()
        return solved_rent(
            Decimal(self.financed), legs, interest=Decimal(brought.interest), arrears=Decimal(brought.arrears)
        )

    def _legs(self) -> list[Leg]:
        plan, shape, every = self.plan, self.plan.shape, self.plan.reckoning.capitalised_every
        skipped, balloon = plan.interest_only, Decimal(plan.balloon.minor)
        alike = nominal_factor(plan) if plan.reckoning.level_rate is LevelRate.NOMINAL else None
        legs = []
        for row in range(self.payments):
            number = skipped + row
            factor = self.factors[number]
            given = shape.rents[row] if shape.rents else None
            weight = shape.weights[row] if shape.weights else _ONE
            due = (number + 1) % every == 0 or number + 1 == plan.term
            legs.append(
                Leg(
                    alike if alike and factor[0] else factor,
                    Decimal(0) if given is not None else weight,
                    Decimal(given or 0),
                    due,
                )
            )
        if self._own_balloon:
            legs.append(Leg(self.factors[plan.term], Decimal(0), balloon))
        elif balloon:
            last = legs[-1]
            legs[-1] = last._replace(fixed=last.fixed + balloon)
        return legs

    def rent(self) -> int:
        """The level rent that is asked for: as given, or solved and rounded to its own unit in its own way."""
        plan = self.plan
        if plan.shape.rent is not None:
            return plan.shape.rent
        return int(quantize(self.level(), Decimal(self.unit), plan.reckoning.rent_rounding or plan.rounding))

    def rents(self, rent: int) -> Sequence[int]:
        """The rent of every row that pays principal: the level one by its weight, or the one that is fixed."""
        shape, rounding = self.plan.shape, self.plan.reckoning.rent_rounding or self.plan.rounding
        rents = [rent] * self.payments
        if shape.weights:
            rents = [int(quantize(rent * weight, Decimal(self.unit), rounding)) for weight in shape.weights]
        for row, given in enumerate(shape.rents):
            rents[row] = rents[row] if given is None else given
        return rents

    def flat(self) -> Decimal:
        """What a flat rate bears over the whole term, unrounded."""
        plan = self.plan
        base = self.financed if plan.shape.flat_on is None else plan.shape.flat_on
        factors = self.factors
        if plan.in_advance:  # the term is as long as in arrears, whenever its rents are paid
            late = replace(plan, in_advance=False, shape=replace(plan.shape, up_front=1))
            factors = factors_of(late, dues_of(late, plan.term), own_balloon=False)
        paying = factors[plan.interest_only : plan.term]
        return Decimal(base) * sum((Decimal(one) / other for one, other in paying), Decimal(0))


def _equal_instalments(sums: Sums) -> Iterator[Portion]:
    """等额本息: the same rent each period, more of it principal each time."""
    return _rents_paid(sums, sums.rents(_levelled(sums)))


def _levelled(sums: Sums) -> int:
    """The level rent that is asked for, moved once towards what the last one would come to if the plan wants that."""
    plan, rent, count = sums.plan, sums.rent(), sums.payments
    if not plan.reckoning.level_pass or plan.shape.rent is not None:
        return rent
    short = _last_rent(sums, rent) - rent
    if abs(short) <= (count // 2) * plan.reckoning.level_pass:
        return rent
    moved = rent + int(quantize(Decimal(short) / count, Decimal(sums.unit), Rounding.HALF_EVEN))
    return moved if abs(_last_rent(sums, moved) - moved) < abs(short) else rent


def _last_rent(sums: Sums, rent: int) -> int:
    last = list(_rents_paid(sums, sums.rents(rent)))[-1]
    sums.restart()
    return sum(last)


def _rents_paid(sums: Sums, rents: Sequence[int]) -> Iterator[Portion]:
    plan, shape = sums.plan, sums.plan.shape
    left, beyond, first = sums.financed - sums.left_to_end, sums.left_to_end, plan.interest_only
    # Where rents are meant to differ, one that is less than its interest adds to the principal.
    may_grow = bool(shape.weights or shape.rents or shape.principals) or plan.reckoning.capitalised_every > 1
    principals, until_paid, last = shape.principals, shape.until_paid, len(rents) - 1
    for row in range(last):
        interest = sums.interest(first + row, left + beyond)
        principal = rents[row] - interest
        if principals and (given := principals[row]) is not None:
            principal = given
        if principal > left:  # only where the rent is coarse, or given
            principal = left
        elif principal < 0 and not may_grow:
            principal = 0
        left -= principal
        yield principal, interest
        if until_paid and not left:
            return
    interest = sums.interest(first + last, left + beyond)
    if plan.residue is Residue.LAST_INTEREST and not plan.in_advance:
        interest = max(0, rents[last] - left)
    yield left, interest


def _principal_share(sums: Sums) -> int:
    given = sums.plan.shape.principal_each
    exact = Decimal(sums.financed - sums.left_to_end) / sums.payments
    return sums.rounded(exact, sums.unit) if given is None else given


def _equal_principal(sums: Sums) -> Iterator[Portion]:
    """等额本金: the same principal each period, interest on what is left."""
    plan, last = sums.plan, sums.payments - 1
    share = _principal_share(sums)
    balance = sums.financed
    for row in range(sums.payments):
        interest = sums.interest(plan.interest_only + row, balance, sums.unit)
        left = balance - sums.left_to_end
        principal = left if row == last else min(share, left)
        balance -= principal
        yield principal, interest


def _flat(sums: Sums) -> Iterator[Portion]:
    """等本等息: the same principal and the same interest each period, the interest on the whole financed amount."""
    given, interests = sums.plan.shape.principal_each, sums.plan.shape.interests
    whole = Decimal(sum(interests)) if interests else sums.flat()
    exact = whole / sums.payments
    interest = sums.rounded(exact, sums.amount_unit)
    rent = sums.rounded(Decimal(sums.financed - sums.left_to_end) / sums.payments + exact, sums.unit)
    left, interest_left = sums.financed - sums.left_to_end, sums.rounded(whole, sums.amount_unit)
    for row in range(sums.payments):
        last = row == sums.payments - 1
        bears = interest_left if last else min(interests[row] if interests else interest, interest_left)
        principal = left if last else max(0, min(rent - interest if given is None else given, left))
        left, interest_left = left - principal, interest_left - bears
        yield principal, bears


def _interest_first(sums: Sums) -> Iterator[Portion]:
    """先息后本: interest each period, the whole principal with the last."""
    first, last = sums.plan.interest_only, sums.payments - 1
    for row in range(sums.payments):
        yield (sums.financed if row == last else 0), sums.interest(first + row, sums.financed)


METHODS: dict[Method, Callable[[Sums], Iterator[Portion]]] = {
    Method.EQUAL_INSTALMENTS: _equal_instalments,
    Method.EQUAL_PRINCIPAL: _equal_principal,
    Method.FLAT: _flat,
    Method.INTEREST_FIRST: _interest_first,
}


def portions_of(plan: SchedulePlan) -> list[Portion]:
    """Principal and interest of every instalment in minor units, the interest-only ones first and the balloon at the end."""
    sums = Sums(plan) if plan.plain else ShapedSums(plan)
    portions = [(0, sums.interest(number, sums.financed)) for number in range(plan.interest_only)]
    portions.extend(METHODS[plan.method](sums))
    balloon = plan.balloon.minor
    if balloon and (plan.in_advance or plan.shape.balloon_after is not None):
        portions.append((sums.left_to_end, balloon - sums.left_to_end))
    elif balloon:
        principal, interest = portions[-1]
        portions[-1] = principal + sums.left_to_end, interest
    return _deferred(portions, plan.shape.deferred) if plan.shape.deferred else portions


def _deferred(portions: list[Portion], rows: int) -> list[Portion]:
    """The interest of the first rows falls due, uncompounded, with the one after them."""
    put_off = sum(interest for _, interest in portions[:rows])
    principal, interest = portions[rows]
    later = [(principal, interest + put_off), *portions[rows + 1 :]]
    return [(principal, 0) for principal, _ in portions[:rows]] + later


def build(plan: SchedulePlan) -> tuple[ScheduledInstalment, ...]:
    """The schedule of a plan, in order of due date; the last balance is nothing."""
    portions = portions_of(plan)
    count, own_balloon = len(portions), len(portions) > plan.term
    if plan.plain:
        dates = due_dates(plan.starts_on, count, first=0 if plan.in_advance else 1)
    else:
        dates = dues_of(plan, count - own_balloon) + [balloon_due(plan)] * own_balloon
    currency, balance = plan.financed.currency, plan.financed.minor
    schedule = []
    for number, (principal, interest) in enumerate(portions):
        balance -= principal
        schedule.append(ScheduledInstalment(number + 1, dates[number], principal, interest, balance, currency))
    return tuple(schedule)


def level_rent(plan: SchedulePlan) -> Decimal:
    """The level rent of a plan before it is rounded, in minor units."""
    return (Sums(plan) if plan.plain else ShapedSums(plan)).level()


def present_rent(plan: SchedulePlan) -> int:
    """The level rent that a plan asks for, given or solved, in minor units."""
    return _levelled(Sums(plan) if plan.plain else ShapedSums(plan))


def present_principal(plan: SchedulePlan) -> int:
    """What every instalment pays back where that is the same in all, in minor units."""
    sums = Sums(plan) if plan.plain else ShapedSums(plan)
    return _principal_share(sums) if plan.method is Method.EQUAL_PRINCIPAL else next(iter(_flat(sums)))[0]
