"""Calendar arithmetic of the trade: due dates from an anchor day, and the day counts.

Dates end in `_on`, instants in `_at` (aware, UTC). Nothing here asks what day it is.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class DayCount(StrEnum):
    """How many days a year has for interest. Source of the names: ISDA 2006 Definitions, section 4.16; the last one
    is the Association française des banques' (FBF 2004)."""

    THIRTY_360 = "30/360"
    THIRTY_E_360 = "30E/360"
    ACTUAL_360 = "actual/360"
    ACTUAL_364 = "actual/364"
    ACTUAL_365 = "actual/365"
    ACTUAL_ACTUAL = "actual/actual"
    ACTUAL_ACTUAL_AFB = "actual/actual AFB"


_FIXED_YEARS = {DayCount.ACTUAL_360: 360, DayCount.ACTUAL_364: 364, DayCount.ACTUAL_365: 365}


def month_end(year: int, month: int) -> int:
    """The last day of a month, 28 to 31."""
    return 29 if month == 2 and calendar.isleap(year) else _MONTH_DAYS[month - 1]


def add_months(anchor: date, months: int, *, due_day: int | None = None) -> date:
    """The date `months` after `anchor`, on `due_day` (default: the anchor's own day), clamped to the month's end.

    Always counted from the anchor, never from the previous due date, so the 31st does not become the 28th for ever.
    """
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = index // 12, index % 12 + 1
    day = due_day or anchor.day
    return date(year, month, day if day <= 28 else min(day, month_end(year, month)))


def days_between(start_on: date, end_on: date) -> int:
    """Actual days from the first date to the second, the first not counted."""
    return (end_on - start_on).days


def year_share(start_on: date, end_on: date, day_count: DayCount) -> Fraction:
    """The part of a year between two dates by a day count, exact. Source: ISDA 2006 Definitions, section 4.16."""
    if day_count in _FIXED_YEARS:
        return Fraction(days_between(start_on, end_on), _FIXED_YEARS[day_count])
    match day_count:
        case DayCount.THIRTY_360:
            first = min(start_on.day, 30)
            return _thirty(start_on, end_on, first, 30 if end_on.day == 31 and first == 30 else end_on.day)
        case DayCount.THIRTY_E_360:
            return _thirty(start_on, end_on, min(start_on.day, 30), min(end_on.day, 30))
        case DayCount.ACTUAL_ACTUAL_AFB:
            return _afb(start_on, end_on)
        case _:
            return _by_calendar_years(start_on, end_on)


def _thirty(start_on: date, end_on: date, first: int, second: int) -> Fraction:
    months = (end_on.year - start_on.year) * 12 + end_on.month - start_on.month
    return Fraction(months * 30 + second - first, 360)


def days_of_year(year: int) -> int:
    """365, or 366 in a leap year."""
    return 366 if calendar.isleap(year) else 365


def _by_calendar_years(start_on: date, end_on: date) -> Fraction:
    """ISDA's actual/actual: the days that lie in each calendar year over the days of that year."""
    share, begins = Fraction(0), start_on
    while begins.year < end_on.year:
        ends = date(begins.year + 1, 1, 1)
        share += Fraction(days_between(begins, ends), days_of_year(begins.year))
        begins = ends
    return share + Fraction(days_between(begins, end_on), days_of_year(begins.year))


def _afb(start_on: date, end_on: date) -> Fraction:
    """AFB's actual/actual: whole years back from the end; the rest over 366 if a 29 February lies in it."""
    years = 0
    while add_months(end_on, -12 * (years + 1)) >= start_on:
        years += 1
    rest_ends = add_months(end_on, -12 * years)
    leap = any(
        calendar.isleap(year) and start_on <= date(year, 2, 29) < rest_ends
        for year in range(start_on.year, rest_ends.year + 1)
    )
    return years + Fraction(days_between(start_on, rest_ends), 366 if leap else 365)


def year_fraction(start_on: date, end_on: date, day_count: DayCount) -> Decimal:
    """`year_share` as a Decimal."""
    share = year_share(start_on, end_on, day_count)
    return Decimal(share.numerator) / Decimal(share.denominator)


def each_day(start_on: date, end_on: date) -> list[date]:
    """Every date from the first to the second, both included; empty when the second is earlier."""
    return [start_on + timedelta(days=offset) for offset in range(days_between(start_on, end_on) + 1)]
