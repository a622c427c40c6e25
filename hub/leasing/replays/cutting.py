"""A plan cut at a day: what has fallen due before it, and the plan that goes on from it to the very same rents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from hub.core.errors import InvalidInput
from hub.core.money import Money
from hub.leasing.schedules.rules import (
    Brought,
    Calendar,
    Method,
    Residue,
    ScheduledInstalment,
    SchedulePlan,
    Shape,
    Unit,
    require,
)
from hub.leasing.schedules.schedule import QUOTIENT, build, present_principal, present_rent
from hub.leasing.schedules.shares import Span, factor_of, first_span, share_of

_SHARED = (Method.EQUAL_PRINCIPAL, Method.FLAT)  # Every row pays back the same.

Rows = tuple[ScheduledInstalment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What stands, and what goes on: `rest` asks for the same rents as before, its rent given and not solved."""

    done: Rows
    rest: SchedulePlan


def cut_at(plan: SchedulePlan, on: date) -> Cut:
    """A plan cut at a day; what falls due on it has fallen due, interest since then has run."""
    rows = build(plan)
    return _cut(plan, rows, sum(row.due_on <= on for row in rows), on)


def cut_before(plan: SchedulePlan, due_on: date) -> Cut:
    """A plan cut where the period of the rent of `due_on`, or of the first after it, begins."""
    rows = build(plan)
    passed = sum(row.due_on < due_on for row in rows)
    return _cut(plan, rows, passed, rows[passed - 1].due_on if passed else plan.starts_on)


def _cut(plan: SchedulePlan, rows: Rows, passed: int, on: date) -> Cut:
    require(on >= plan.starts_on, "on", f"must not lie before {plan.starts_on}, but {on} does")
    if passed == len(rows):
        raise InvalidInput("on", f"{on} must lie before the last rent falls due, which is {rows[-1].due_on}")
    begins_on = rows[passed - 1].due_on if passed else plan.starts_on
    if plan.method is Method.FLAT:  # a flat rate does not run from day to day: its rent bears all of it
        on = begins_on
    if not passed and on == plan.starts_on:
        return Cut(done=(), rest=replace(plan, shape=_shape(plan, 0, plan.shape.balloon_after, plan.shape.up_front)))
    balance = rows[passed - 1].balance_minor if passed else plan.financed.minor
    span = Span(begins_on, on, begins_on if passed else first_span(plan).begins_on, rows[passed].due_on)
    brought = Brought(interest=_run(plan, passed, balance, span), arrears=0 if passed else plan.brought.arrears)
    return Cut(done=rows[:passed], rest=_going_on(plan, passed, balance, span, brought))


def _run(plan: SchedulePlan, passed: int, balance: int, span: Span) -> int:
    """The interest that has run by the day of the cut and falls due with the next rent."""
    reckoning, shape = plan.reckoning, plan.shape
    whole = reckoning.capitalised_every == 1 or (
        passed % reckoning.capitalised_every == 0 and span.from_on == span.to_on
    )
    require(whole, "on", "must be a day on which interest is put to the capital")
    bearing = balance + (0 if passed else plan.brought.arrears)
    numerator, denominator = factor_of(plan.annual_rate, share_of(plan.calendar, reckoning, span), reckoning.compounded)
    unit = reckoning.amount_unit
    run = QUOTIENT[plan.rounding](bearing * numerator, denominator * unit) * unit
    if not passed:
        return run + plan.brought.interest
    if passed < shape.deferred:
        run += sum(row.interest_minor for row in build(replace(plan, shape=replace(shape, deferred=0)))[:passed])
    return run


def _going_on(plan: SchedulePlan, passed: int, balance: int, span: Span, brought: Brought) -> SchedulePlan:
    at_start = plan.shape.up_front if plan.in_advance else 0
    own_balloon = bool(plan.balloon) and (plan.in_advance or plan.shape.balloon_after is not None)
    periods = max(passed - at_start, 0)
    balloon_after = (plan.shape.balloon_after or plan.term) - periods if own_balloon else None
    if passed == plan.term:
        return _balloon_alone(plan, balance, span, brought, balloon_after or 1)
    return replace(
        plan,
        financed=Money(balance, plan.financed.currency),
        term=plan.term - passed,
        starts_on=span.to_on,
        in_advance=False,
        interest_only=max(0, plan.interest_only - passed),
        calendar=_calendar(plan, span),
        shape=_shape(plan, passed, balloon_after),
        brought=brought,
    )


def _calendar(plan: SchedulePlan, span: Span) -> Calendar:
    calendar = plan.calendar
    anchor = calendar.first_due_on or plan.starts_on
    due_day = calendar.due_day or (anchor.day if calendar.unit is Unit.MONTH else None)
    return replace(calendar, first_due_on=span.ends_on, due_day=due_day, counted_from=span.begins_on)


def _shape(plan: SchedulePlan, passed: int, balloon_after: int | None, up_front: int = 1) -> Shape:
    shape, paying = plan.shape, max(0, passed - plan.interest_only)
    base = plan.financed.minor if shape.flat_on is None else shape.flat_on
    return replace(
        shape,
        weights=shape.weights[paying:],
        rents=shape.rents[paying:],
        principals=shape.principals[paying:],
        interests=_interests(plan, passed),
        rent=present_rent(plan) if plan.method is Method.EQUAL_INSTALMENTS else None,
        principal_each=present_principal(plan) if plan.method in _SHARED else None,
        up_front=up_front,
        deferred=max(0, shape.deferred - passed),
        balloon_after=balloon_after,
        flat_on=base if plan.method is Method.FLAT else None,
    )


def _interests(plan: SchedulePlan, passed: int) -> tuple[int, ...]:
    """What a flat rate leaves to the rows that are still to come."""
    if plan.method is not Method.FLAT:
        return ()
    return tuple(row.interest_minor for row in build(plan)[max(passed, plan.interest_only) : plan.term])


def _balloon_alone(plan: SchedulePlan, balance: int, span: Span, brought: Brought, periods: int) -> SchedulePlan:
    """Only the balloon is still to come: what it pays beyond the balance is the interest up to it."""
    calendar = replace(
        plan.calendar,
        every=plan.calendar.every * periods,
        first_due_on=span.ends_on,
        due_day=None,
        counted_from=span.begins_on,
    )
    return replace(
        plan,
        financed=Money(balance, plan.financed.currency),
        balloon=Money(0, plan.balloon.currency),
        method=Method.EQUAL_INSTALMENTS,
        term=1,
        starts_on=span.to_on,
        in_advance=False,
        interest_only=0,
        calendar=calendar,
        shape=Shape(rent=plan.balloon.minor),
        residue=Residue.LAST_INTEREST,
        brought=brought,
    )
