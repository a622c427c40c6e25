"""Calendar arithmetic of the trade: due dates from an anchor day, and the day counts.

Dates end in `_on`, instants in `_at` (aware, UTC). Nothing here asks what day it is.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class DayCount(StrEnum):
    """How many days a year has for interest. Source of the names: ISDA 2006 Definitions, section 4.16."""

    THIRTY_360 = "30/360"
    ACTUAL_360 = "actual/360"
    ACTUAL_364 = "actual/364"
    ACTUAL_365 = "actual/365"


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


def year_fraction(start_on: date, end_on: date, day_count: DayCount) -> Decimal:
    """The part of a year between two dates by a day count. Source: ISDA 2006 Definitions, section 4.16."""
    if day_count is DayCount.THIRTY_360:
        first = min(start_on.day, 30)
        second = 30 if end_on.day == 31 and first == 30 else end_on.day
        months = (end_on.year - start_on.year) * 12 + end_on.month - start_on.month
        return Decimal(months * 30 + second - first) / Decimal(360)
    return Decimal(days_between(start_on, end_on)) / Decimal(day_count.value.removeprefix("actual/"))


def each_day(start_on: date, end_on: date) -> list[date]:
    """Every date from the first to the second, both included; empty when the second is earlier."""
    return [start_on + timedelta(days=offset) for offset in range(days_between(start_on, end_on) + 1)]
