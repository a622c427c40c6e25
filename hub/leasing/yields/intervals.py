"""How laws count the time between two dates: the European annual percentage rate, and the American one.

Sources: European Commission SWD(2012) 128 final, section 4.1.1 (directive 2008/48/EC, annex I, remark c);
12 CFR part 1026 (Regulation Z), appendix J, (b)(5).
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from hub.core.dates import add_months, days_between
from hub.leasing.schedules.rules import require

_DAYS_OF_A_MONTH = 30
_HALF_MONTH = 15


class Regular(StrEnum):
    """The period that an interval of the European rate is counted in."""

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"


PER_YEAR = {Regular.YEAR: 1, Regular.MONTH: 12, Regular.WEEK: 52}


class Interval(NamedTuple):
    """Whole periods, and the odd days before them over the days of the year that ends with them."""

    whole_periods: int
    regular: Regular
    odd_days: int
    days_in_year: int

    @property
    def years(self) -> Fraction:
        """The interval in years."""
        return Fraction(self.whole_periods, PER_YEAR[self.regular]) + Fraction(self.odd_days, self.days_in_year)

    def __str__(self) -> str:
        odd = f"{self.odd_days}/{self.days_in_year}"
        whole = f"{self.whole_periods}/{PER_YEAR[self.regular]}"
        if not self.odd_days:
            return whole
        return f"{whole} + {odd}" if self.whole_periods else odd


def _back(end_on: date, regular: Regular, periods: int) -> date:
    if regular is Regular.WEEK:
        return end_on - timedelta(weeks=periods)
    return add_months(end_on, -periods * (12 if regular is Regular.YEAR else 1))


def european(start_on: date, end_on: date, regular: Regular) -> Interval:
    """Whole periods counted back from the later date; a day that a month has not is its last one."""
    require(start_on <= end_on, "to_date", "must not lie before from_date")
    periods = 0
    while _back(end_on, regular, periods + 1) >= start_on:
        periods += 1
    odd_end = _back(end_on, regular, periods)
    year = days_between(add_months(odd_end, -12), odd_end)
    return Interval(periods, regular, days_between(start_on, odd_end), year)


class UnitPeriod(NamedTuple):
    """The American unit period: so many days, half months or months."""

    every: int
    of: str  # "day", "half_month", "month"

    @property
    def a_year(self) -> Fraction:
        """How many of them a year has."""
        if self.of == "month":
            return Fraction(12, self.every)
        if self.of == "half_month":
            return Fraction(24, self.every)
        return Fraction(52 * 7, self.every) if self.every % 7 == 0 else Fraction(365, self.every)

    def back(self, end_on: date, periods: int) -> date:
        """The date so many unit periods before another."""
        if self.of == "month":
            return add_months(end_on, -self.every * periods)
        if self.of == "half_month":
            return _half_months_back(end_on, self.every * periods)
        return end_on - timedelta(days=self.every * periods)


def _half_months_back(end_on: date, count: int) -> date:
    months, half = divmod(count, 2)
    whole = add_months(end_on, -months)
    if not half:
        return whole
    if whole.day > _HALF_MONTH:
        return whole.replace(day=whole.day - _HALF_MONTH)
    return add_months(whole, -1, due_day=whole.day + _HALF_MONTH)


def american(advanced_on: date, paid_on: date, unit: UnitPeriod) -> tuple[int, Fraction]:
    """Full unit periods counted back from the payment, and the odd days before them as a part of one."""
    require(advanced_on <= paid_on, "first_payment_date", "must not lie before advance_date")
    whole = 0
    while unit.back(paid_on, whole + 1) >= advanced_on:
        whole += 1
    odd_end = unit.back(paid_on, whole)
    if unit.of == "half_month":
        return whole, Fraction(days_between(advanced_on, odd_end), _HALF_MONTH * unit.every)
    if unit.of == "day":
        return whole, Fraction(days_between(advanced_on, odd_end), unit.every)
    if unit.every == 12:
        return whole, Fraction(days_between(advanced_on, odd_end), 365)
    months = 0
    while add_months(odd_end, -(months + 1)) >= advanced_on:
        months += 1
    days = days_between(advanced_on, add_months(odd_end, -months))
    return whole, Fraction(_DAYS_OF_A_MONTH * months + days, _DAYS_OF_A_MONTH * unit.every)
