"""How every figure of a schedule came about, told apart from making it: formula, days, rate, rounding and rule, in steps.

A step is a value, not a text: which amount it makes, of what, by which formula, and what was done to it at the end. Doors
make texts of it. The plain pass that makes schedules knows nothing of this and so stays fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum

from hub.core.money import Rounding
from hub.leasing.schedules.rules import Method, Residue, ScheduledInstalment, SchedulePlan
from hub.leasing.schedules.schedule import ShapedSums, Sums, present_rent
from hub.leasing.schedules.shares import DIGITS, Ratio, first_span


class Rule(StrEnum):
    """Which rule made an amount."""

    LEVEL_RENT = "level_rent"  # solved so that nothing is left at the end
    GIVEN_RENT = "given_rent"
    WEIGHTED_RENT = "weighted_rent"
    RENT_LESS_INTEREST = "rent_less_interest"
    EQUAL_SHARE = "equal_share"
    GIVEN_PRINCIPAL = "given_principal"
    NO_PRINCIPAL = "no_principal"
    ALL_THAT_IS_LEFT = "all_that_is_left"
    INTEREST_OF_PERIOD = "interest_of_period"
    NO_TIME_HAS_PASSED = "no_time_has_passed"
    PUT_OFF = "put_off"
    PUT_OFF_FALLS_DUE = "put_off_falls_due"
    PUT_TO_CAPITAL = "put_to_capital"
    FLAT_SHARE = "flat_share"
    TAKES_THE_RESIDUE = "takes_the_residue"
    INSIDE_THE_BALLOON = "inside_the_balloon"
    BALLOON = "balloon"


FORMULAS: dict[Rule, str] = {
    Rule.LEVEL_RENT: "R so that the balance after the last rent is nothing; all periods alike: (A - B*v^n) / ((1 - v^n) / i)",
    Rule.GIVEN_RENT: "R as given",
    Rule.WEIGHTED_RENT: "R * weight",
    Rule.RENT_LESS_INTEREST: "rent - interest",
    Rule.EQUAL_SHARE: "(A - B) / n",
    Rule.GIVEN_PRINCIPAL: "principal as given",
    Rule.NO_PRINCIPAL: "0",
    Rule.ALL_THAT_IS_LEFT: "balance before",
    Rule.INTEREST_OF_PERIOD: "balance before * annual rate * share of the year",
    Rule.NO_TIME_HAS_PASSED: "0",
    Rule.PUT_OFF: "0, due with a later rent",
    Rule.PUT_OFF_FALLS_DUE: "interest of the period + interest put off",
    Rule.PUT_TO_CAPITAL: "0, put to the capital with a later rent",
    Rule.FLAT_SHARE: "principal * annual rate * years / n",
    Rule.TAKES_THE_RESIDUE: "rent - balance before",
    Rule.INSIDE_THE_BALLOON: "balloon - principal",
    Rule.BALLOON: "balance before, paid with the balloon",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one amount was made: by which rule, of what, and what was done at the end; amounts in minor units.

    `exact` is the value before it was rounded to whole `unit`s. `from_on`, `to_on` and `days` are of the interest, `share`
    is its part of a year as numerator and denominator.
    """

    of: str  # "rent", "interest", "principal"
    rule: Rule
    amount: int
    balance: int
    exact: Decimal | None = None
    rounding: Rounding | None = None
    unit: int = 1
    annual_rate: Decimal | None = None
    factor: Ratio | None = None
    from_on: date | None = None
    to_on: date | None = None
    days: int | None = None
    day_count: str = ""
    brought: int = 0

    @property
    def formula(self) -> str:
        """The formula of the rule."""
        return FORMULAS[self.rule]


def explained(plan: SchedulePlan, rows: Sequence[ScheduledInstalment]) -> list[tuple[Step, ...]]:
    """For each of a plan's rows the steps that made it: rent, interest, principal."""
    sums = Sums(plan) if plan.plain else ShapedSums(plan)
    dues = [row.due_on for row in rows]
    told, balance = [], plan.financed.minor
    for number, row in enumerate(rows):
        begins_on = dues[number - 1] if number else plan.starts_on
        told.append(_row(plan, sums, number, row, balance, begins_on))
        balance = row.balance_minor
    return told


def _row(
    plan: SchedulePlan, sums: Sums, number: int, row: ScheduledInstalment, balance: int, begins_on: date
) -> tuple[Step, ...]:
    if number >= plan.term:  # a balloon on a date of its own
        return (
            Step(of="interest", rule=Rule.INSIDE_THE_BALLOON, amount=row.interest_minor, balance=balance),
            Step(of="principal", rule=Rule.BALLOON, amount=row.principal_minor, balance=balance),
        )
    interest = _interest(plan, sums, number, row, balance, begins_on)
    rent = _rent(plan, sums, number, balance)
    principal = _principal(plan, sums, number, row, balance)
    return (*((rent,) if rent else ()), interest, principal)


def _rent(plan: SchedulePlan, sums: Sums, number: int, balance: int) -> Step | None:
    if plan.method is not Method.EQUAL_INSTALMENTS or number < plan.interest_only:
        return None
    paying, shape = number - plan.interest_only, plan.shape
    rent = sums.rents(present_rent(plan))[paying]
    rounding = plan.reckoning.rent_rounding or plan.rounding
    if shape.rent is not None or (shape.rents and shape.rents[paying] is not None):
        return Step(of="rent", rule=Rule.GIVEN_RENT, amount=rent, balance=balance)
    level = sums.level()
    exact = level * shape.weights[paying] if shape.weights else level
    rule = Rule.WEIGHTED_RENT if shape.weights else Rule.LEVEL_RENT
    rate = plan.annual_rate
    return Step(
        of="rent",
        rule=rule,
        amount=rent,
        balance=balance,
        exact=exact,
        rounding=rounding,
        unit=sums.unit,
        annual_rate=rate,
    )


def _interest(
    plan: SchedulePlan, sums: Sums, number: int, row: ScheduledInstalment, balance: int, begins_on: date
) -> Step:
    factor, shape = sums.factors[number], plan.shape
    span = first_span(plan) if number == 0 and factor[0] else None
    brought = plan.brought.interest if number == 0 else 0
    bearing = balance + (plan.brought.arrears if number == 0 else 0)
    with localcontext() as context:
        context.prec = DIGITS
        exact = Decimal(bearing * factor[0]) / factor[1]
    rule = _interest_rule(plan, number, factor)
    if rule is Rule.FLAT_SHARE:
        bearing = plan.financed.minor if shape.flat_on is None else shape.flat_on
        exact = sums.flat() / sums.payments
    if rule is Rule.TAKES_THE_RESIDUE:
        exact = Decimal(row.interest_minor)
    whole = max(sums.amount_unit, sums.unit if plan.method is Method.EQUAL_PRINCIPAL else 1)
    from_on = span.from_on if span else begins_on
    return Step(
        of="interest",
        rule=rule,
        amount=row.interest_minor,
        balance=bearing,
        exact=exact,
        rounding=plan.rounding,
        unit=whole,
        annual_rate=plan.annual_rate,
        factor=factor,
        from_on=from_on,
        to_on=row.due_on,
        days=(row.due_on - from_on).days,
        day_count=plan.reckoning.day_count or "equal periods",
        brought=brought,
    )


def _interest_rule(plan: SchedulePlan, number: int, factor: Ratio) -> Rule:
    shape, every = plan.shape, plan.reckoning.capitalised_every
    last = number == plan.term - 1
    if number < shape.deferred:
        return Rule.PUT_OFF
    if shape.deferred and number == shape.deferred:
        return Rule.PUT_OFF_FALLS_DUE
    if plan.method is Method.FLAT and number >= plan.interest_only:
        return Rule.FLAT_SHARE
    if not factor[0] and plan.in_advance and number < shape.up_front:
        return Rule.NO_TIME_HAS_PASSED
    level = plan.method is Method.EQUAL_INSTALMENTS
    if last and level and plan.residue is Residue.LAST_INTEREST and not plan.in_advance:
        return Rule.TAKES_THE_RESIDUE
    if every > 1 and (number + 1) % every and not last:
        return Rule.PUT_TO_CAPITAL
    return Rule.INTEREST_OF_PERIOD


def _principal(plan: SchedulePlan, sums: Sums, number: int, row: ScheduledInstalment, balance: int) -> Step:
    paying = number - plan.interest_only
    last = number == plan.term - 1 or not row.balance_minor
    shape, amount = plan.shape, row.principal_minor
    if paying < 0 or (plan.method is Method.INTEREST_FIRST and not last):
        return Step(of="principal", rule=Rule.NO_PRINCIPAL, amount=amount, balance=balance)
    if last:
        return Step(of="principal", rule=Rule.ALL_THAT_IS_LEFT, amount=amount, balance=balance)
    given = shape.principals[paying] if shape.principals else shape.principal_each
    if given is not None:
        return Step(of="principal", rule=Rule.GIVEN_PRINCIPAL, amount=amount, balance=balance)
    if plan.method is Method.EQUAL_PRINCIPAL:
        share = Decimal(sums.financed - sums.left_to_end) / sums.payments
        return Step(
            of="principal",
            rule=Rule.EQUAL_SHARE,
            amount=amount,
            balance=balance,
            exact=share,
            rounding=plan.rounding,
            unit=sums.unit,
        )
    return Step(of="principal", rule=Rule.RENT_LESS_INTEREST, amount=amount, balance=balance)
