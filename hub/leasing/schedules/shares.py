"""What part of a year's interest each period bears, as exact ratios: whole periods, stubs, day counts, compounding."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from hub.core.dates import DayCount, days_between, year_share
from hub.leasing.schedules.dues import after, first_due, period_end
from hub.leasing.schedules.rules import Calendar, Reckoning, SchedulePlan, Stub, Unit

DIGITS = 60  # What unrounded values are computed with: far more than any figure shows.
_DAYS_OF_A_YEAR = 365
_THIRTY = (DayCount.THIRTY_360, DayCount.THIRTY_E_360)

Ratio = tuple[int, int]


class Span(NamedTuple):
    """A stretch of time inside a period: from when to when, and where the period begins and ends."""

    from_on: date
    to_on: date
    begins_on: date
    ends_on: date


def nominal_share(calendar: Calendar, day_count: DayCount | None) -> Fraction:
    """A whole period's share of a year when all are alike: months by twelve, weeks by 52, days by the year's days."""
    if calendar.unit is Unit.MONTH:
        return Fraction(calendar.every, 12)
    if day_count in _THIRTY:
        return Fraction(calendar.every, 360)
    if day_count is None and calendar.every % 7 == 0:
        return Fraction(calendar.every, 7 * 52)
    days = _DAYS_OF_A_YEAR if day_count is None else day_count.value.removeprefix("actual/")
    return Fraction(calendar.every, int(days) if str(days).isdigit() else _DAYS_OF_A_YEAR)


def share_of(calendar: Calendar, reckoning: Reckoning, span: Span) -> Fraction:
    """The share of a year that a stretch of a period has, by the plan's day count."""
    day_count = reckoning.day_count
    whole = (span.from_on, span.to_on) == (span.begins_on, span.ends_on)
    if day_count in _THIRTY and reckoning.stub is Stub.DAY_COUNT and not whole:
        anchored = calendar.counted_from == span.begins_on or span.from_on == span.begins_on
        return _thirty_part(calendar, day_count, span) if anchored else year_share(span.from_on, span.to_on, day_count)
    if day_count is None or day_count in _THIRTY:
        nominal = nominal_share(calendar, day_count)
        return nominal if whole else nominal * _days_part(span)
    return year_share(span.from_on, span.to_on, day_count)


def _days_part(span: Span) -> Fraction:
    return Fraction(days_between(span.from_on, span.to_on), days_between(span.begins_on, span.ends_on))


def _thirty_part(calendar: Calendar, day_count: DayCount, span: Span) -> Fraction:
    """A part of a period of thirty-day months, so that the parts are the whole even where a month has no thirty days."""

    def gone(on: date) -> Fraction:
        whole = on == span.ends_on
        return nominal_share(calendar, day_count) if whole else year_share(span.begins_on, on, day_count)

    return gone(span.to_on) - gone(span.from_on)


def first_span(plan: SchedulePlan) -> Span:
    """The first period of a plan: the whole one that it would be, and the part of it from the plan's start."""
    calendar, ends_on = plan.calendar, first_due(plan)
    begins_on = calendar.counted_from
    if begins_on is None:
        regular = after(calendar, plan.starts_on, 1) == ends_on or after(calendar, ends_on, -1) == plan.starts_on
        begins_on = plan.starts_on if regular else after(calendar, ends_on, -1)
    return Span(plan.starts_on, ends_on, begins_on, ends_on)


def factor_of(annual_rate: Decimal, share: Fraction, compounded: int | None) -> Ratio:
    """What a balance bears over a share of a year, as numerator and denominator.

    Compounded m times a year where that is told apart from paying it: (1 + r/m)^(m·share) - 1.
    """
    if compounded is None:
        numerator, denominator = annual_rate.as_integer_ratio()
        return numerator * share.numerator, denominator * share.denominator
    with localcontext() as context:
        context.prec = DIGITS
        exponent = Decimal(compounded * share.numerator) / share.denominator
        grown = (1 + annual_rate / compounded) ** exponent - 1
        return grown.as_integer_ratio()


def factors_of(plan: SchedulePlan, dues: list[date], own_balloon: bool) -> list[Ratio]:
    """What a balance bears in each period of a plan: nothing for the rents at the start, then period by period; a
    balloon on a date of its own has the last one."""
    reckoning, rate, compounded = plan.reckoning, plan.annual_rate, plan.reckoning.compounded
    at_start = plan.shape.up_front if plan.in_advance else 0
    factors: list[Ratio] = [(0, 1)] * min(at_start, len(dues))
    begins_on = plan.starts_on
    alike = nominal_factor(plan) if reckoning.day_count is None or reckoning.day_count in _THIRTY else None
    for number, due_on in enumerate(dues[at_start:]):
        if number and alike:
            factors.append(alike)
        else:
            span = Span(begins_on, due_on, begins_on, due_on) if number else first_span(plan)
            factors.append(factor_of(rate, share_of(plan.calendar, reckoning, span), compounded))
        begins_on = due_on
    if own_balloon:
        factors.append(_balloon_factor(plan, begins_on, len(dues) - at_start))
    return factors


def _balloon_factor(plan: SchedulePlan, begins_on: date, whole_before: int) -> Ratio:
    """From the last rent to a balloon of its own date: period by period, the interest of each put to the capital."""
    numerator, denominator = 1, 1
    for period in range(whole_before + 1, (plan.shape.balloon_after or plan.term) + 1):
        ends_on = period_end(plan, period)
        span = Span(begins_on, ends_on, begins_on, ends_on)
        share = share_of(plan.calendar, plan.reckoning, span)
        bears, of = factor_of(plan.annual_rate, share, plan.reckoning.compounded)
        numerator, denominator, begins_on = numerator * (of + bears), denominator * of, ends_on
    return numerator - denominator, denominator


def nominal_factor(plan: SchedulePlan) -> Ratio:
    """What a balance would bear in a period, were all alike."""
    share = nominal_share(plan.calendar, plan.reckoning.day_count)
    return factor_of(plan.annual_rate, share, plan.reckoning.compounded)
